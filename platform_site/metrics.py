"""Figures of a process as a whole: its event loop, its connections to the database, and what waits in the queue.

`measure` once per process, on its loop. Each process is asked by itself (its own port): nothing is shared between them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from prometheus_client import REGISTRY, Gauge, Histogram, Info, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger("platform.metrics")

disable_created_metrics()  # a second series for each, which nobody asks for

LAG_SECONDS = 0.5
LOOP_LAG = Histogram(
    "aap_event_loop_lag_seconds",
    "How much later than asked the event loop came to something that was due.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
LAST_LAG = Gauge("aap_event_loop_last_lag_seconds", "The same, as last looked at.")
BUILD = Info("aap_build", "What runs here.")

_loop_seen = 0.0


def measure(*, process: str) -> None:
    """Begin to measure; `process` is "web" or "worker". On the event loop."""
    from agents.runtime.metrics import QueueCollector

    BUILD.info({"version": settings.VERSION, "process": process})
    REGISTRY.register(PoolCollector())
    REGISTRY.register(Guarded(QueueCollector()))
    _tasks.add(asyncio.get_running_loop().create_task(_watch_loop(), name="loop-lag"))


_tasks: set[asyncio.Task[None]] = set()


async def _watch_loop() -> None:
    global _loop_seen
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_SECONDS
        _loop_seen = loop.time()
        await asyncio.sleep(LAG_SECONDS)
        late = max(0.0, loop.time() - due)
        LOOP_LAG.observe(late)
        LAST_LAG.set(late)


def loop_is_stuck(moment: float, *, after: float = 30.0) -> bool:
    """Whether the event loop came to nothing for so long. `moment` by the monotonic clock."""
    return _loop_seen > 0 and moment - _loop_seen > after


def exposition() -> bytes:
    """All figures of this process, in Prometheus' text format."""
    return bytes(generate_latest(REGISTRY))


class PoolCollector(Collector):
    """The pool of connections to PostgreSQL. Nothing on SQLite, which has none."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        database: Any = connections[DEFAULT_DB_ALIAS]
        pool = database.pool if database.vendor == "postgresql" else None
        if pool is None:
            return
        stats = pool.get_stats()
        size, free = stats.get("pool_size", 0), stats.get("pool_available", 0)
        family = GaugeMetricFamily("aap_database_connections", "Connections of the pool, by state.", labels=["state"])
        family.add_metric(["busy"], size - free)
        family.add_metric(["idle"], free)
        yield family
        yield GaugeMetricFamily("aap_database_connections_max", "As many as there may be.", stats.get("pool_max", 0))
        yield GaugeMetricFamily("aap_database_waiting", "Who waits for a connection.", stats.get("requests_waiting", 0))


class Guarded(Collector):
    """A collector that asks the database: while that is away there is no figure, and the others are there."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            yield from list(self._inner.collect())
        except Exception as error:
            log.warning("figures of the queue could not be read: %s", type(error).__name__)
