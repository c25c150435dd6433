"""Which kinds of background work exist. Work is a row that is due; a bell only says "look now".

Must not know any kind: apps register theirs when they start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of work.

    `run(id)` claims the row, does the work and returns; called for the same id twice it must find out by itself that
    there is nothing to do. `due(limit)` names rows that wait, for those whose bell nobody heard. `concurrency` bounds how
    many run at once in a process.
    """

    name: str
    run: Callable[[str], Awaitable[None]]
    due: Callable[[int], Awaitable[Sequence[str]]]
    concurrency: int = 1000


_kinds: dict[str, JobKind] = {}


def register_kind(kind: JobKind) -> None:
    """Make a kind known. Registering the same name again replaces it (reloads, tests)."""
    _kinds[kind.name] = kind


def registered_kinds() -> Sequence[JobKind]:
    return tuple(_kinds.values())


def find_kind(name: str) -> JobKind:
    """Raises KeyError: a kind that nobody registered is a defect."""
    return _kinds[name]
