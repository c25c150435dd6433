"""Whether the database server is away, as this process last saw it.

A request that wants a connection waits some seconds for it. Few threads serve all requests: were each of them to wait while
the server is away, everything would stand still, health checks included. So while it is away one request at a time goes and
looks, and the others are refused at once.
"""

from __future__ import annotations

import threading
import time

from core import errors

#: Seconds between the end of one look and the next.
LOOK_EVERY = 0.5
#: A look that has not ended after so many seconds is not waited for any longer.
LOOK_LASTS = 10.0

_lock = threading.Lock()
_away = False
_next_look = 0.0
_had_at = 0.0


def begins(asked_at: float) -> None:
    """No connection could be had. Who has waited for long must not say so when others had one meanwhile."""
    global _away, _next_look
    with _lock:
        if _had_at < asked_at:
            _away, _next_look = True, time.monotonic() + LOOK_EVERY


def ends() -> None:
    """A connection was had."""
    global _away, _had_at
    _away, _had_at = False, time.monotonic()


def is_away() -> bool:
    return _away


def refuses() -> bool:
    """Whether to turn a request away. The one that is let through is the look."""
    global _next_look
    if not _away:
        return False
    with _lock:
        now = time.monotonic()
        if now < _next_look:
            return True
        _next_look = now + LOOK_LASTS
        return False


def refusal() -> errors.Unavailable:
    """What those are told who meet a database that is busy or away."""
    return errors.Unavailable(
        "The database is busy or restarting. Try again in a moment.", headers={"Retry-After": "1"}
    )
