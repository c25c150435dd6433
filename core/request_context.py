"""What the work at hand belongs to, wherever it runs: request threads, sockets and runs set it, logs and reports read it.

Ids only: what is set here stands in every log line of the work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar

from core.ids import new_id

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_facts: ContextVar[Mapping[str, str]] = ContextVar("work_facts", default={})  # noqa: B039  # replaced, never changed
_WELL_FORMED = re.compile(r"^[A-Za-z0-9._:-]{8,128}$")


def current_request_id() -> str:
    return _request_id.get()


def current_facts() -> Mapping[str, str]:
    """Whose work it is: `workspace`, `user`, `run`, `step`, as far as they are known."""
    return _facts.get()


def begin_request(offered: str | None) -> str:
    """Take over a well-formed id that came with the request, or make one; return it."""
    request_id = offered if offered and _WELL_FORMED.match(offered) else new_id("req")
    _request_id.set(request_id)
    _facts.set({})
    return request_id


def belongs_to(**facts: str | None) -> None:
    """From here on the work at hand belongs to these as well; what is empty is left out."""
    _facts.set({**_facts.get(), **{name: value for name, value in facts.items() if value}})
