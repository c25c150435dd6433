"""Ringing: "look now". May be done from any thread and may be lost; the sweep finds what no bell announced.

Who hears it is set when the process starts: the work of this very process, or the queue that other processes work from.
Must not know who that is.
"""

from __future__ import annotations

from typing import Protocol

from core.db import after_commit


class Listener(Protocol):
    """Work in this process."""

    def ring(self, kind: str, job_id: str) -> None:
        """Called from any thread; must return at once."""
        ...


class Queue(Protocol):
    """The way to other processes."""

    def put(self, kind: str, job_id: str) -> None:
        """Within the caller's transaction: the bell rings if and when it commits."""
        ...


_listener: Listener | None = None
_queue: Queue | None = None


def listen_with(listener: Listener | None) -> Listener | None:
    """Set who hears the bells of this process; returns the one before."""
    global _listener
    before, _listener = _listener, listener
    return before


def send_through(queue: Queue | None) -> Queue | None:
    """Set how other processes are told where none of the work is done in this one; returns the one before."""
    global _queue
    before, _queue = _queue, queue
    return before


def ring(kind: str, job_id: str) -> None:
    """Announce that a row is due. Without a listener in this process nothing happens: somebody's sweep will find it."""
    if _listener is not None:
        _listener.ring(kind, job_id)


def enlist(kind: str, job_id: str) -> None:
    """Within a transaction: whoever works shall look at this row once it is committed."""
    if _listener is not None:
        after_commit(lambda: ring(kind, job_id))
    elif _queue is not None:
        _queue.put(kind, job_id)
