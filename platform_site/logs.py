"""Logs as JSON lines on stderr, each with the ids of the work it belongs to; secrets are masked."""

from __future__ import annotations

import logging
import logging.config
import re
from typing import Any

import structlog

from core.request_context import current_facts, current_request_id
from core.secret import MASK, Secret
from core.tracing import current_span

# Keys of the vendors, bearer tokens, our own sealed values: nothing of that shape has a place in a log line.
_SECRETS = re.compile(
    r"(sk-[A-Za-z0-9_-]{8,}|aap_[a-z0-9]+_[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+"
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{8,}|(?i:x-api-key|api[-_]key|password|authorization)[\"']?\s*[:=]\s*[\"']?[^\s\"',}]+)"
)


def mask(text: str) -> str:
    """`text` with everything that looks like a secret replaced."""
    return _SECRETS.sub(MASK, text)


def _add_ids(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    request_id = current_request_id()
    if request_id:
        event.setdefault("request_id", request_id)
    for name, value in current_facts().items():
        event.setdefault(name, value)
    span = current_span()
    if span is not None:
        event.setdefault("trace_id", span.trace_id)
        event.setdefault("span_id", span.span_id)
    return event


# Whatever stands under one of these names is a secret, whatever it looks like.
_NAMES = re.compile(r"(?i)(password|secret|api_?key|authorization|cookie|credential|private_?key|otp|recovery)")


def _mask_values(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    return {key: masked(key, value) for key, value in event.items()}


def masked(key: str, value: Any) -> Any:
    """`value` without secrets: by its type, by its name, by its looks; in whatever it is nested."""
    if isinstance(value, Secret) or (value and key and _NAMES.search(key) and not isinstance(value, (bool, int))):
        return MASK
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: masked(str(name), item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [masked("", item) for item in value]
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    return mask(repr(value))


def configure_logging(level: str = "INFO") -> None:
    """Send structlog's and the standard library's records through one JSON formatter."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.format_exc_info,
                        _mask_values,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "daphne": {"level": "WARNING"},
                "procrastinate.blueprints": {"level": "WARNING"},
                "django.request": {"level": "ERROR"},
                "django.security": {"level": "ERROR"},
                "httpx": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                "openai": {"level": "WARNING"},
                "anthropic": {"level": "WARNING"},
                "asyncio": {"level": "WARNING"},
                "opentelemetry": {"level": "CRITICAL"},  # platform_site.traces says it, once
            },
        }
    )
