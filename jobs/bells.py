"""Ringing: "look now". May be done from any thread and may be lost; the sweep finds what no bell announced.

Must not know who listens.
"""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    def ring(self, kind: str, job_id: str) -> None:
        """Called from any thread; must return at once."""
        ...


_listener: Listener | None = None


def listen_with(listener: Listener | None) -> Listener | None:
    """Set who hears the bells of this process; returns the one before."""
    global _listener
    before, _listener = _listener, listener
    return before


def ring(kind: str, job_id: str) -> None:
    """Announce that a row is due. Without a listener in this process nothing happens: somebody's sweep will find it."""
    if _listener is not None:
        _listener.ring(kind, job_id)
