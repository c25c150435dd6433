"""Every error under /api/ as an RFC 9457 problem: one shape for our errors, the framework's and the unexpected."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions as rest

from core import errors, outage
from core.db import is_database_away, is_disk_full
from core.errors import DomainError, FieldError
from core.request_context import current_request_id
from core.text_policy import BadText

log = logging.getLogger("platform.errors")

TYPE_BASE = "/api/docs/errors/#"


def problem_response(error: DomainError) -> HttpResponse:
    """The HTTP answer that stands for `error`."""
    body: dict[str, Any] = {
        "type": f"{TYPE_BASE}{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": current_request_id(),
        **error.extra,
    }
    if error.errors:
        body["errors"] = [item.as_json() for item in error.errors]
    response = JsonResponse(body, status=error.status, content_type="application/problem+json")
    for name, value in error.headers.items():
        response[name] = value
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    response["Cache-Control"] = "no-store"
    return response


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """What DRF calls for an exception in a view."""
    return problem_response(as_domain_error(exception))


def as_domain_error(exception: BaseException) -> DomainError:
    """The DomainError that tells a caller about `exception`; the unexpected is logged and becomes a bare 500."""
    match exception:
        case DomainError():
            return exception
        case rest.ValidationError():
            found = list(flatten(exception.detail))
            first = found[0].message if found else "The input is not valid."
            return errors.ValidationFailed(first, errors=found)
        case rest.ParseError():
            return errors.ValidationFailed(
                "The body could not be read as JSON in UTF-8. Check it for a missing quote, comma or bracket.",
                code="malformed_json",
            )
        case rest.UnsupportedMediaType():
            return _plain(415, "unsupported_media_type", "Send the body as application/json.")
        case rest.NotAcceptable():
            return _plain(406, "not_acceptable", "This address answers with application/json only.")
        case rest.MethodNotAllowed():
            return errors.MethodRefused()
        case rest.NotAuthenticated() | rest.AuthenticationFailed():
            return errors.NotAuthenticated("Sign in, or send a valid bearer token.")
        case rest.Throttled():
            wait = str(max(1, round(getattr(exception, "wait", None) or 1)))
            return errors.TooManyRequests(f"Too many requests. Try again in {wait} s.", headers={"Retry-After": wait})
        case rest.PermissionDenied() | DjangoPermissionDenied():
            return errors.PermissionDenied()
        case Http404() | rest.NotFound():
            return errors.NotFound()
        case RequestDataTooBig():
            return errors.TooLarge("The body is larger than 2 MiB. Send less at once.")
        case BadText():
            return errors.ValidationFailed(str(exception), code="bad_text")
        case SuspiciousOperation() | BadRequest():
            return errors.ValidationFailed("The request is malformed.", code="malformed")
        case _ if is_disk_full(exception):
            return errors.StorageFull(
                "The server's disk is full, so nothing was saved. Ask its operator to free space."
            )
        case _ if is_database_away(exception):
            return outage.refusal()
    log.error("unexpected error", exc_info=(type(exception), exception, exception.__traceback__))
    return _plain(500, "internal_error", "Something broke on our side. It was logged under this request id.")


def _plain(status: int, code: str, detail: str) -> DomainError:
    error = DomainError(detail, code=code)
    error.status, error.title = status, HTTPStatus(status).phrase  # type: ignore[misc]
    return error


def flatten(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested error detail as flat FieldErrors with dotted paths."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            yield from flatten(value, ".".join(part for part in (path, name) if part))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, (Mapping, list))
            yield from flatten(value, f"{path}.{index}" if nested and path else path)
    else:
        yield FieldError(path, str(getattr(detail, "code", "invalid")), str(detail))
