"""Error reports to Sentry, when the operator names a DSN: what broke, where, and the request id to look for in the logs.

A report is built from a list of what may be told. An error's own text is not on it: it may quote what a person wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.ids import ID_PATTERN
from core.request_context import current_facts, current_request_id
from core.tracing import current_span

OUR_LOGGERS = {"platform", "platform_site", "agents", "llm_providers", "accounts", "audit", "jobs", "core"}
_OF_A_REPORT = ("event_id", "timestamp", "level", "platform", "release", "environment", "server_name", "sdk", "modules")
_OF_A_PAGE = ("page", "code", "failed_request")
_OF_AN_ERROR = ("type", "module")
_OF_ITS_PLACE = ("type", "handled", "exception_id", "parent_id", "source", "is_exception_group")
_OF_A_FRAME = (
    *("module", "function", "filename", "abs_path", "lineno", "colno", "in_app"),
    *("pre_context", "context_line", "post_context"),  # the program's text, not its values
)


def start_sentry(dsn: str, *, release: str, environment: str) -> None:
    """Imported only when wanted: it costs start-up time and memory."""
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        environment=environment,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        max_breadcrumbs=0,
        default_integrations=True,
        auto_enabling_integrations=False,  # the vendors' integrations would report prompts
        integrations=[DjangoIntegration()],
        auto_session_tracking=False,  # errors only: no count of visits, no account of what was dropped, no traces
        send_client_reports=False,
        enable_metrics=False,
        propagate_traces=False,
        before_send=_report,
        before_send_transaction=lambda *_: None,
    )


def report_page_error(
    *, error: str, how: str, page: str, code: str, failed_request: str | None, frames: Sequence[Mapping[str, Any]]
) -> None:
    """The same for what broke in a browser. `frames` as platform_site.page_errors lets them in, the innermost first."""
    import sentry_sdk

    stack = [
        # As Sentry knows the files of an application wherever it is installed.
        {
            "filename": f"app://{frame['file']}",
            "function": frame["function"] or "?",
            "lineno": frame["line"],
            "colno": frame["column"],
            "in_app": True,
        }
        for frame in reversed(frames)
    ]
    broken = {"type": error, "mechanism": {"type": how, "handled": how == "screen"}, "stacktrace": {"frames": stack}}
    event: Any = {
        "platform": "javascript",
        "level": "error",
        "exception": {"values": [broken]},
        "tags": {"page": page, "code": code, "failed_request": failed_request},
    }
    sentry_sdk.capture_event(event)


def _report(event: Any, hint: Any) -> Any:
    """What is sent of `event`. Called where the error was caught, so the request id is the right one."""
    report = _only(event, _OF_A_REPORT)
    report["tags"] = {"request_id": current_request_id() or "none", **_only(current_facts(), ("run", "step"))}
    span = current_span()
    if span is not None:
        report["tags"]["trace_id"] = span.trace_id
    if event.get("platform") == "javascript":  # not of this process: its modules and its Python say nothing
        report.pop("modules", None)
        report["tags"] |= _only(event["tags"], _OF_A_PAGE)
        report["exception"] = {"values": [_error(error) for error in event["exception"]["values"]]}
        return report
    runtime = event.get("contexts", {}).get("runtime")
    if runtime:
        report["contexts"] = {"runtime": runtime}
    if event.get("transaction_info", {}).get("source") == "route":  # the address with names for its values
        report["transaction"] = event["transaction"]
        report["transaction_info"] = {"source": "route"}
    errors = (event.get("exception") or {}).get("values") or []
    if errors:
        report["exception"] = {"values": [_error(error) for error in errors]}
    record = hint.get("log_record")
    if record is not None:
        report["logger"] = record.name
        if record.name.partition(".")[0] in OUR_LOGGERS and isinstance(record.msg, str):
            report["logentry"] = {"message": record.msg, "params": _parameters(record.args)}
    return report


def _error(error: Any) -> dict[str, Any]:
    told = _only(error, _OF_AN_ERROR)
    told["mechanism"] = _only(error.get("mechanism") or {}, _OF_ITS_PLACE)
    frames = (error.get("stacktrace") or {}).get("frames") or []
    told["stacktrace"] = {"frames": [_only(frame, _OF_A_FRAME) for frame in frames]}
    return told


def _parameters(values: Any) -> list[str]:
    """Of what a log line was filled with, numbers and our own ids."""
    given = values if isinstance(values, tuple) else ()
    return [str(value) if _is_harmless(value) else "…" for value in given]


def _is_harmless(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and ID_PATTERN.match(value) is not None)


def _only(values: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}
