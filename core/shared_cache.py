"""What costs much to work out and may be forgotten at any time: in Redis where there are several processes, else in memory.

A key names the state of the database that its value belongs to, read from the database just before: then no process can be
told something old by another, and nobody has to remember to throw anything away. Rights are never kept here. While Redis
does not answer, everything is worked out anew, and it is left alone for a moment.

    usage = kept("usage", (workspace_id, newest, count), work_out, seconds=3_600)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import orjson
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache
from prometheus_client import Counter

log = logging.getLogger("platform.cache")

T = TypeVar("T")

AWAY_SECONDS = 2.0
_ASKED = Counter("aap_cache_total", "Values asked of the cache, by what became of it.", ["kind", "outcome"])

_away_until = 0.0


class InRedis(RedisCache):
    """Django's, with values as JSON: what comes out of Redis is never run, as a pickle would be. Nobody waits for it."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        params["OPTIONS"] = {
            "serializer": _Json,
            "socket_timeout": 0.25,
            "socket_connect_timeout": 0.25,
            "retry": Retry(NoBackoff(), 0),
        }
        super().__init__(server, params)


class _Json:
    def dumps(self, value: Any) -> bytes:
        return orjson.dumps(value)

    def loads(self, text: bytes) -> Any:
        return orjson.loads(text)


def kept(kind: str, state: Sequence[object], work_out: Callable[[], T], *, seconds: int) -> T:
    """The value for this `state`, worked out unless somebody has done it. It must be plain JSON."""
    key = f"{kind}:{blake2b(repr(state).encode(), digest_size=16).hexdigest()}"
    found = _ask(kind, lambda: cache.get(key))
    if found is not None:
        _ASKED.labels(kind, "known").inc()
        return found  # type: ignore[no-any-return]
    _ASKED.labels(kind, "worked_out").inc()
    value = work_out()
    _ask(kind, lambda: cache.set(key, value, seconds))
    return value


def _ask(kind: str, question: Callable[[], Any]) -> Any:
    global _away_until
    if time.monotonic() < _away_until:
        return None
    try:
        return question()
    except Exception as error:  # whatever is wrong with it: it is only a cache
        _away_until = time.monotonic() + AWAY_SECONDS
        log.warning("the cache does not answer; %s is worked out anew meanwhile: %s", kind, type(error).__name__)
        return None
