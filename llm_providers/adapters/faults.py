"""From what SDKs and HTTP libraries raise to our ProviderErrors, with sentences that help and never hold a key.

Works by shape (status code, body, cause), so that it serves every SDK and imports none.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote

from core.egress import EgressFailed, EgressRefused, EgressTimedOut
from core.text_policy import replace_bad
from llm_providers.adapters.reading import CUT
from llm_providers.errors import (
    AuthFailed,
    ContextTooLong,
    ModelGone,
    Overloaded,
    ProtocolBroken,
    ProviderError,
    RateLimited,
    Refused,
    RequestRejected,
    TimedOut,
    Unreachable,
)

MAX_QUOTE = 200
_KEY_LIKE = re.compile(
    r"(?i)(bearer\s+\S+|\b(?:sk|pk|key|api|aap|rk)[-_][A-Za-z0-9*_\-.]{6,}|\b[A-Za-z0-9+/_-]{32,}={0,2})"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_CONTEXT = re.compile(
    r"context[_ ](?:length|window)|maximum context|prompt is too long|too many (?:input )?tokens"
    r"|exceeds? the (?:available )?context|input is too long|max_tokens.*context limit|string_above_max_length",
    re.I,
)
_MODEL = re.compile(
    r"model.{0,200}(?:not (?:been )?found|does not exist|not available|deprecated)|model_not_found|DeploymentNotFound",
    re.I,
)
_QUOTA = re.compile(r"insufficient_quota|credit balance|billing|exceeded your current quota", re.I)
_REFUSED = re.compile(r"content_filter|content_policy|safety|ResponsibleAIPolicyViolation", re.I)


def clean_quote(text: str, api_key: str | None) -> str:
    """At most 200 characters of a vendor's words on one line, with anything masked that is or looks like a key."""
    text = replace_bad(text[:4_000])
    if api_key:
        raw = api_key.encode("utf-8", "replace")
        for form in (
            api_key,
            quote(api_key, safe=""),
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode(),
        ):
            text = text.replace(form, "***")
    text = _KEY_LIKE.sub("***", _CONTROL.sub(" ", text)).strip()
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"


def error_text(body: Any) -> tuple[str, str]:
    """(machine code or type, message) of a vendor's error body of any common shape."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            code = " ".join(str(inner[key]) for key in ("code", "type") if isinstance(inner.get(key), str))
            message = inner.get("message") or inner.get("detail") or inner.get("error") or ""
            return code, message if isinstance(message, str) else ""
        if isinstance(inner, str):
            return "", inner
        message = body.get("message") or body.get("detail")
        return "", message if isinstance(message, str) else ""
    return "", body if isinstance(body, str) else ""


def error_from_status(
    status: int, body: Any, headers: Mapping[str, str] | None = None, *, name: str, api_key: str | None = None
) -> ProviderError:
    """The error for an HTTP status and body. `name` is how people call the provider, e.g. "OpenAI"."""
    code, message = error_text(body)
    said = clean_quote(message or code, api_key)
    quoted = f' It said: "{said}"' if said else ""
    both = f"{code} {message}"
    if status in (401, 403):
        what = "does not accept the key" if status == 401 else "does not allow this with the key"
        return AuthFailed(
            f"{name} {what}. Check the key and what it may do, then enter it again in the provider's settings."
        )
    if 300 <= status < 400:
        return RequestRejected(
            f"{name} answered with a redirect ({status}), which is never followed. Enter the final address."
        )
    if status == 429 and _QUOTA.search(both):
        empty = RateLimited(f"{name} says that the account has no credit left. Top it up, then try again.")
        empty.retryable = False  # waiting does not fill an account
        return empty
    if status == 429:
        return RateLimited(
            f"{name} is limiting requests. Wait a moment, then try again.{quoted}", retry_after=_after(headers)
        )
    if status in (408, 504, 524):
        return TimedOut(f"{name} did not finish in time ({status}). Try again.")
    if status >= 500:
        return Overloaded(
            f"{name} is overloaded or has a fault ({status}). Try again in a moment.{quoted}",
            retry_after=_after(headers),
        )
    if status == 413 or _CONTEXT.search(both):
        return ContextTooLong(
            "The conversation is longer than the model can read. Start a new one, or pick a larger model."
        )
    if status in (404, 410) and _MODEL.search(both):
        return ModelGone(f"{name} does not offer this model (any more). Pick another model.{quoted}")
    if status == 404:
        return ModelGone(f"{name} knows neither this model nor this address (404). Check both.{quoted}")
    if _REFUSED.search(code):
        return Refused(f"{name} refused the request for safety reasons.{quoted}")
    if status == 400 and _MODEL.search(both):
        return ModelGone(f"{name} does not offer this model (any more). Pick another model.{quoted}")
    return RequestRejected(f"{name} did not accept the request ({status}).{quoted}")


_STREAM_STATUS = (
    (re.compile(r"overloaded|server_error|api_error|internal|unavailable|service_unavailable", re.I), 503),
    (re.compile(r"rate_limit|too_many_requests|insufficient_quota|quota", re.I), 429),
    (re.compile(r"authentication|invalid_api_key|unauthorized", re.I), 401),
    (re.compile(r"permission|forbidden", re.I), 403),
    (re.compile(r"timeout|timed_out", re.I), 504),
    (re.compile(r"not_found", re.I), 404),
)


def error_in_stream(error: Any, *, name: str, api_key: str | None = None) -> ProviderError:
    """The error for an `error` object that came inside a stream that had begun with 200."""
    code, message = error_text({"error": error})
    status: Any = (
        error.get("status") or error.get("status_code") or error.get("code") if isinstance(error, Mapping) else None
    )
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 400 <= status < 600:
        status = next((number for pattern, number in _STREAM_STATUS if pattern.search(code)), None)
        if status is None:
            status = 503 if re.search(r"overload|try again|unavailable", message, re.I) else 400
    return error_from_status(status, {"error": error}, name=name, api_key=api_key)


def as_provider_error(
    error: BaseException, *, name: str, api_key: str | None = None, started: bool
) -> ProviderError | None:
    """The ProviderError for what an SDK or HTTP library raised; None for a programming error of ours.

    `started`: part of the answer had already been read, so a broken connection is a cut answer.
    """
    if isinstance(error, ProviderError):
        return error
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        response = getattr(error, "response", None)
        body = getattr(error, "body", None)
        if body is None:
            body = getattr(error, "error", None)  # the ollama SDK
        return error_from_status(status, body, getattr(response, "headers", None), name=name, api_key=api_key)
    chain = [error]
    while (inner := chain[-1].__cause__) is not None and len(chain) < 6:
        chain.append(inner)
    for link in chain:
        if isinstance(link, EgressRefused):
            refused = Unreachable(link.detail)
            refused.retryable = False
            return refused
        if isinstance(link, EgressTimedOut):
            return TimedOut(link.detail)
        if isinstance(link, EgressFailed):
            return Unreachable(link.detail)
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    if names & {"PoolTimeout", "HttpPoolTimeout"}:
        return Overloaded("Too many model calls are under way in this installation. Try again in a moment.")
    if names & {"ReadTimeout", "WriteTimeout", "TimeoutException", "APITimeoutError", "HttpReadTimeout"}:
        return TimedOut(f"{name} stopped answering. Try again.")
    if names & {"RemoteProtocolError", "DecodingError"}:
        return ProtocolBroken(
            f"{name} did not answer as its documentation says. Check the provider's kind and address."
        )
    if names & {"TransportError", "APIConnectionError", "ConnectionError", "HttpFault", "StreamError"}:
        return ProtocolBroken(CUT) if started else Unreachable(f"The connection to {name} broke off. Try again.")
    if names & {"APIError", "APIResponseValidationError", "ValidationError", "JSONDecodeError"}:
        return ProtocolBroken(
            f"{name} did not answer as its documentation says. Check the provider's kind and address."
        )
    return None


def raise_mapped(error: BaseException, *, name: str, api_key: str | None = None, started: bool = False) -> NoReturn:
    """Raise the mapped error without its context, which holds the request and with it the key."""
    mapped = as_provider_error(error, name=name, api_key=api_key, started=started)
    if mapped is None:
        raise error
    mapped.__context__ = None
    raise mapped from None


def _after(headers: Mapping[str, str] | None) -> float | None:
    if headers is None:
        return None
    for key, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(key, "")) * scale
        except ValueError:
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None
