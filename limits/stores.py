"""Where buckets are kept: rows of the database, or Redis. Each takes atomically, by its own clock, in one round trip.

Both run the generic cell rate algorithm: a bucket is one number, the moment at which it is full again. Must not know what
is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection

from limits.rules import Rule

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the wish to take. `emptied`: seconds until the bucket is full again, after it."""

    granted: bool
    emptied: float


class Store(Protocol):
    def take(self, key: str, rule: Rule, cost: int) -> Taken:
        """Take `cost` (1 to the rule's burst), or nothing at all."""
        ...

    def give_back(self, key: str, rule: Rule, cost: int) -> None:
        """Undo a `take` that turned out not to count."""
        ...


_TAKE = """
INSERT INTO limits_bucket (key, full_at) VALUES (%(key)s, {now} + %(takes)s)
ON CONFLICT (key) DO UPDATE SET full_at = {greater}(limits_bucket.full_at, {now}) + %(takes)s
WHERE {greater}(limits_bucket.full_at, {now}) + %(takes)s - {now} <= %(most)s
RETURNING full_at - {now}
"""
_LOOK = "SELECT full_at - {now} FROM limits_bucket WHERE key = %(key)s"
_GIVE_BACK = "UPDATE limits_bucket SET full_at = full_at - %(takes)s WHERE key = %(key)s"
_FORGET = "DELETE FROM limits_bucket WHERE full_at < {now}"
_WORDS = {
    "postgresql": {"now": "extract(epoch from statement_timestamp())::float8", "greater": "greatest"},
    "sqlite": {"now": "%(now)s", "greater": "max"},  # one process: its own clock is everybody's
}


class Rows:
    """The database's. SQLite's one writer and PostgreSQL's row lock make each statement atomic."""

    def take(self, key: str, rule: Rule, cost: int) -> Taken:
        most = rule.burst / rule.per_second
        found = self._ask(_TAKE, key, takes=cost / rule.per_second, most=most + 1e-6)
        if found is not None:
            return Taken(True, float(found))
        return Taken(False, float(self._ask(_LOOK, key) or 0.0))

    def give_back(self, key: str, rule: Rule, cost: int) -> None:
        self._ask(_GIVE_BACK, key, takes=cost / rule.per_second)

    def forget_full(self) -> None:
        """Delete the rows of full buckets: a bucket without a row is full."""
        self._ask(_FORGET, "")

    @staticmethod
    def _ask(text: str, key: str, **values: float) -> Any:
        with connection.cursor() as cursor:
            statement = text.format(**_WORDS[connection.vendor])
            cursor.execute(statement, {"key": key, "now": time.time(), **values})
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


_SCRIPT = """
local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local takes, most = tonumber(ARGV[1]), tonumber(ARGV[2])
if takes > 0 and full + takes - now > most + 0.000001 then
  return {0, tostring(full - now)}
end
full = full + takes
if full <= now then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000))
end
return {1, tostring(full - now)}
"""


class InRedis:
    """Redis', with the database to fall back on for a moment whenever Redis does not answer at once."""

    AWAY_SECONDS = 2.0

    def __init__(self, url: str, prefix: str, rows: Rows, *, seconds: float) -> None:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        retry = Retry(NoBackoff(), 0)
        client = Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=retry)
        self._run = client.register_script(_SCRIPT)
        self._prefix, self._rows = prefix, rows
        self._away_until = 0.0

    def take(self, key: str, rule: Rule, cost: int) -> Taken:
        answer = self._ask(key, cost / rule.per_second, rule.burst / rule.per_second)
        if answer is None:
            return self._rows.take(key, rule, cost)
        return Taken(bool(answer[0]), max(0.0, float(answer[1])))

    def give_back(self, key: str, rule: Rule, cost: int) -> None:
        if self._ask(key, -cost / rule.per_second, 0.0) is None:
            self._rows.give_back(key, rule, cost)

    def _ask(self, key: str, takes: float, most: float) -> Any:
        from redis.exceptions import RedisError

        if time.monotonic() < self._away_until:
            return None
        try:
            return self._run(keys=[self._prefix + key], args=[repr(takes), repr(most)])
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + self.AWAY_SECONDS
            log.warning("Redis does not answer; rates are counted in the database meanwhile: %s", type(error).__name__)
            return None


_rows = Rows()
_shared: Store = _rows
_lock = threading.Lock()


def use_redis(url: str, prefix: str, *, seconds: float = 0.25) -> None:
    """At the start of a process of an installation with Redis; nobody waits longer than `seconds` for its answer."""
    global _shared
    with _lock:
        _shared = InRedis(url, prefix, _rows, seconds=seconds)


def store_for(rule: Rule) -> Store:
    return _rows if rule.lasting else _shared


def forget_full_buckets() -> None:
    """Housekeeping, now and then."""
    _rows.forget_full()
