"""Errors that cross an app's border, each with a stable code and a status; the API shows them as RFC 9457 problems.

DomainError
├── ValidationFailed      400  mend the fields named in `errors`
├── NotAuthenticated      401  sign in (again)
├── PermissionDenied      403  ask somebody who can grant it
├── NotFound              404  it is not there, or not shared with you
├── MethodRefused         405  use one of the methods in Allow
├── Conflict              409  the state changed; read again (several codes)
├── PreconditionFailed    412  somebody else edited it; both texts are kept
├── TooLarge              413  send less
├── PreconditionRequired  428  send If-Match
├── TooManyRequests       429  wait Retry-After seconds
├── Unavailable           503  wait Retry-After seconds
└── StorageFull           507  the operator must free disk space
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field; `field` is a dotted path, "" for the body as a whole."""

    field: str
    code: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "message": self.message}


class DomainError(Exception):
    """Base of all. `detail` says in one or two sentences what happened, why, and what to do next."""

    code = "error"
    status = 400
    title = "The request could not be carried out"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class ValidationFailed(DomainError):
    """Something in the input is wrong: mend the fields named in `errors` and send it again."""

    code, status, title = "invalid", 400, "Some of the input is not right"

    @classmethod
    def on(cls, field: str, code: str, message: str) -> ValidationFailed:
        return cls(message, errors=[FieldError(field, code, message)])


class NotAuthenticated(DomainError):
    """No valid credential came with the request: sign in, or send a fresh token."""

    code, status, title = "not_authenticated", 401, "Sign in to go on"


class PermissionDenied(DomainError):
    """The caller may see the object but not do this with it: ask somebody who can grant it."""

    code, status, title = "permission_denied", 403, "You may not do this"


class NotFound(DomainError):
    """There is nothing here, or nothing that the caller may see: check the address, or ask for it to be shared."""

    code, status, title = "not_found", 404, "Not found, or not shared with you"


class MethodRefused(DomainError):
    """The address exists but not for this method: see the Allow header."""

    code, status, title = "method_not_allowed", 405, "This address does not take that method"


class Conflict(DomainError):
    """The state of things does not allow it now: read the object again, then decide."""

    code, status, title = "conflict", 409, "That does not fit the present state"


class PreconditionFailed(DomainError):
    """Somebody changed the object since it was read: compare the two texts and send again with the new ETag."""

    code, status, title = "precondition_failed", 412, "Somebody else changed this meanwhile"


class TooLarge(DomainError):
    """The body is larger than the limit: send less."""

    code, status, title = "too_large", 413, "The request is too large"


class PreconditionRequired(DomainError):
    """Several people may edit this object: send If-Match with the ETag that reading it gave."""

    code, status, title = "precondition_required", 428, "Send If-Match with the object's ETag"


class TooManyRequests(DomainError):
    """A limit was reached: wait as many seconds as Retry-After says."""

    code, status, title = "too_many_requests", 429, "Too many requests"


class Unavailable(DomainError):
    """The server cannot take this now: wait as many seconds as Retry-After says."""

    code, status, title = "unavailable", 503, "Not available at the moment"


class StorageFull(DomainError):
    """The disk is full: nothing was saved; the operator must free space, then the same request works."""

    code, status, title = "storage_full", 507, "The server's disk is full"
