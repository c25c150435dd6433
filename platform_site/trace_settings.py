"""What the operator wants of traces, by the standard's names of variables, checked when the process starts.

Spans are made when a collector is named (OTEL_EXPORTER_OTLP_ENDPOINT). Whatever begins with OTEL_ is then taken out of the
environment: the SDK and the vendors' libraries read such variables silently, some of them to send what people wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import unquote

from platform_site import env
from platform_site.env import BadEnvironment

SERVICE = "agent-platform"
SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_NAME = re.compile(r"[A-Za-z0-9!#$&'*+.^_`|~-]+\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")
ToProviders = Literal["none", "private", "all"]


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """`headers` may hold a credential. `timeout` and `delay` are in seconds; `ratio` is of the traces that are kept."""

    endpoint: str
    headers: Mapping[str, str] = field(repr=False)
    attributes: Mapping[str, str]
    sampler: str
    ratio: float
    timeout: float
    gzip: bool
    ca_file: str | None
    certificate_file: str | None
    key_file: str | None
    queue: int
    batch: int
    delay: float
    with_content: bool
    to_providers: ToProviders


def read_trace_settings() -> TraceSettings | None:
    """None when no collector is named, or OTEL_SDK_DISABLED or OTEL_TRACES_EXPORTER=none says so."""
    try:
        return _read()
    finally:
        env.take_all("OTEL_")


def _read() -> TraceSettings | None:
    name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    endpoint = env.read(name)
    if endpoint is None:
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        base = env.read(name)
        endpoint = f"{base.rstrip('/')}/v1/traces" if base else None
    exporter = env.read_text("OTEL_TRACES_EXPORTER", "otlp")
    if endpoint is None or exporter == "none" or env.read_text("OTEL_SDK_DISABLED").lower() == "true":
        return None
    if exporter != "otlp":
        raise BadEnvironment(f"OTEL_TRACES_EXPORTER must be otlp or none, not {exporter!r}.")
    protocol = _either("PROTOCOL") or "http/protobuf"
    if protocol != "http/protobuf":
        raise BadEnvironment(
            f"OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, not {protocol!r}. Collectors take that on port 4318."
        )
    sampler, ratio = _sampler()
    queue = env.read_int("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, low=16, high=100_000)
    certificate, key = _file("CLIENT_CERTIFICATE"), _file("CLIENT_KEY")
    if key and not certificate:
        raise BadEnvironment("OTEL_EXPORTER_OTLP_CLIENT_KEY needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE as well.")
    return TraceSettings(
        endpoint=_address(name, endpoint),
        headers=_headers(),
        attributes=_attributes(),
        sampler=sampler,
        ratio=ratio,
        timeout=_timeout(),
        gzip=_gzip(),
        ca_file=_file("CERTIFICATE"),
        certificate_file=certificate,
        key_file=key,
        queue=queue,
        batch=min(queue, env.read_int("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, low=1, high=10_000)),
        delay=env.read_int("OTEL_BSP_SCHEDULE_DELAY", 5_000, low=50, high=60_000) / 1000,
        with_content=env.read_flag("AAP_TRACE_CONTENT"),
        to_providers=_to_providers(),
    )


def _either(name: str) -> str | None:
    """A variable of the exporter: the one for traces alone comes first."""
    return env.read(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or env.read(f"OTEL_EXPORTER_OTLP_{name}")


def _address(name: str, value: str) -> str:
    problem = f"{name} must be an address such as http://collector:4318"
    parts = env.split_address(value)
    if not parts:
        raise BadEnvironment(f"{problem}.")
    if parts.username or parts.password:
        raise BadEnvironment(f"{problem}, without a name or password in it. Put those into OTEL_EXPORTER_OTLP_HEADERS.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadEnvironment(f"{problem}, not {value!r}.")
    return value


def _pairs(name: str, text: str | None) -> dict[str, str]:
    """`key=value,…`, escaped as in addresses. What is wrong is told without its value, which may be a secret."""
    found = {}
    for number, item in enumerate((text or "").split(","), 1):
        if not item.strip():
            continue
        key, equals, value = item.partition("=")
        key, value = key.strip(), unquote(value.strip())
        if not equals or not _NAME.match(key):
            raise BadEnvironment(f"{name} must be a list such as key=value,other=value; entry {number} of it is not.")
        found[key] = value
    return found


def _headers() -> dict[str, str]:
    found = _pairs("OTEL_EXPORTER_OTLP_HEADERS", _either("HEADERS"))
    for key, value in found.items():
        if not _PRINTABLE.match(value):
            raise BadEnvironment(
                f"The value of {key} in OTEL_EXPORTER_OTLP_HEADERS holds characters that no header can."
            )
    return found


def _attributes() -> dict[str, str]:
    found = _pairs("OTEL_RESOURCE_ATTRIBUTES", env.read("OTEL_RESOURCE_ATTRIBUTES"))
    named = env.read("OTEL_SERVICE_NAME")
    return {**found, "service.name": named or found.get("service.name") or SERVICE}


def _sampler() -> tuple[str, float]:
    sampler = env.read_text("OTEL_TRACES_SAMPLER", "parentbased_always_on").lower()
    if sampler not in SAMPLERS:
        raise BadEnvironment(f"OTEL_TRACES_SAMPLER must be one of {', '.join(SAMPLERS)}, not {sampler!r}.")
    if not sampler.endswith("traceidratio"):
        return sampler, 1.0
    raw = env.read_text("OTEL_TRACES_SAMPLER_ARG", "1")
    try:
        ratio = float(raw)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise BadEnvironment(f"OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not {raw!r}.")
    return sampler, ratio


def _timeout() -> float:
    raw = _either("TIMEOUT") or "10000"
    if not raw.isascii() or not raw.isdigit() or not 100 <= int(raw) <= 60_000:
        raise BadEnvironment(
            f"OTEL_EXPORTER_OTLP_TIMEOUT is in milliseconds and must be a whole number from 100 to 60000, not {raw!r}."
        )
    return int(raw) / 1000


def _gzip() -> bool:
    said = _either("COMPRESSION") or "none"
    if said not in ("none", "gzip"):
        raise BadEnvironment(f"OTEL_EXPORTER_OTLP_COMPRESSION must be none or gzip, not {said!r}.")
    return said == "gzip"


def _file(name: str) -> str | None:
    path = _either(name)
    if path and not Path(path).is_file():
        raise BadEnvironment(f"OTEL_EXPORTER_OTLP_{name} names {path}, which is no file.")
    return path


def _to_providers() -> ToProviders:
    said = env.read_text("AAP_TRACE_TO_PROVIDERS", "private")
    if said not in ("none", "private", "all"):
        raise BadEnvironment(f"AAP_TRACE_TO_PROVIDERS must be none, private or all, not {said!r}.")
    return cast(ToProviders, said)
