"""Tells the apps above that somebody may do less from now on, inside the transaction that makes it so.

What they still hold is read anew from the database; nothing here says what was lost. Must not know: runs, agents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RightsShrank:
    """`workspace_id` None: in every workspace. `user_ids` None: anybody of the workspace may be meant."""

    workspace_id: str | None
    user_ids: frozenset[str] | None


_listeners: list[Callable[[RightsShrank], None]] = []


def when_rights_shrink(listener: Callable[[RightsShrank], None]) -> None:
    """An app above makes itself heard, once, when it is loaded."""
    if listener not in _listeners:
        _listeners.append(listener)


def rights_shrank(workspace_id: str | None, *user_ids: str) -> None:
    """Say so; without ids of people it is about everybody in the workspace. Call it inside the transaction."""
    change = RightsShrank(workspace_id, frozenset(user_ids) or None)
    for listener in _listeners:
        listener(change)
