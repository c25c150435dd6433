"""The request id of the work at hand, wherever it runs: request threads, sockets and runs set it, logs read it."""

from __future__ import annotations

import re
from contextvars import ContextVar

from core.ids import new_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_WELL_FORMED = re.compile(r"^[A-Za-z0-9._:-]{8,128}$")


def current_request_id() -> str:
    return _request_id.get()


def begin_request(offered: str | None) -> str:
    """Take over a well-formed id that came with the request, or make one; return it."""
    request_id = offered if offered and _WELL_FORMED.match(offered) else new_id("req")
    _request_id.set(request_id)
    return request_id
