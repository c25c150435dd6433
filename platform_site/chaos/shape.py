"""How many processes the campaign breaks and on what they stand, by the settings in force and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

MOST = 8
#: Threads of one process that hold a connection at once; a pool need not be larger to serve the campaign.
POOL = 12
#: What a worker's queue holds open beside the pool.
QUEUE_CONNECTIONS = 4


class CannotTry(Exception):
    """The campaign cannot be tried as asked, or on these settings. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`database_url` and `redis_url` are the servers of the settings in force; None: SQLite, no Redis."""

    webs: int
    workers: int
    database_url: str | None
    redis_url: str | None

    @property
    def several(self) -> bool:
        return self.webs + self.workers > 1

    @property
    def pool(self) -> int:
        """Connections in one process's pool: as in the settings in force, or what suffices."""
        options: Any = settings.DATABASES["default"].get("OPTIONS", {})
        return min(POOL, int(options.get("pool", {}).get("max_size", POOL)))

    @property
    def connections(self) -> int:
        """How many the processes may hold open together at most."""
        return (self.webs + self.workers) * self.pool + self.workers * QUEUE_CONNECTIONS

    def describe(self, database: str) -> str:
        """One line. `database`: the name and version of the server."""
        webs = _count(self.webs, "web server")
        if not self.workers:
            webs += " that carries the runs itself" if self.webs == 1 else " that carry the runs themselves"
        parts = [database, webs]
        if self.workers:
            parts.append(_count(self.workers, "worker"))
        if self.database_url is not None:
            parts.append("Redis" if self.redis_url else "no Redis")
        return ", ".join(parts)


def read_shape(*, webs: int | None, workers: int | None) -> Shape:
    """What was asked for, else what the settings in force are made for. Raises CannotTry."""
    from platform_site import env

    if not settings.ON_POSTGRES:
        if (webs or 1) > 1 or workers:
            raise CannotTry(
                "On SQLite the product is one process: several web servers or workers need PostgreSQL. Set DATABASE_URL, "
                "or leave --webs and --workers out."
            )
        return Shape(1, 0, None, None)
    # Who has set up Redis, or servers that do not work themselves, runs several processes; others run one.
    many = bool(settings.REDIS_URL) or not settings.SERVE_WORKER
    return Shape(
        webs=(2 if many else 1) if webs is None else webs,
        workers=(2 if many else 0) if workers is None else workers,
        database_url=env.read("DATABASE_URL"),
        redis_url=settings.REDIS_URL,
    )


def check_redis(url: str) -> None:
    """Raises CannotTry when nobody answers there: the campaign would not try what its first line says."""
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as redis:
            redis.ping()
    except (RedisError, ValueError) as error:
        raise CannotTry(
            f"REDIS_URL is set, but Redis does not answer: {error} Start it, or leave REDIS_URL out."
        ) from None


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
