"""Background work spread over processes and machines: procrastinate, on the same PostgreSQL database.

A message says only "look at this row"; the row's own claim decides whether there is anything to do, so that a message may
be lost, doubled or late. Must not know what the jobs do. Imported on PostgreSQL only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from procrastinate import App, PsycopgConnector, jobs
from procrastinate.contrib.django import app as django_app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import AlreadyEnqueued

from jobs.registry import find_kind, registered_kinds

log = logging.getLogger(__name__)

QUEUE = "bells"
LOOK = "jobs.look"
SWEEP = "jobs.sweep"
SWEEP_EVERY = "* * * * * */3"  # the seconds come last
SWEEP_AT_ONCE = 500
#: A worker that has not been heard of for so long is gone; what it had taken is forgotten (its rows are found anew).
WORKER_GONE_SECONDS = 30.0

_worker: QueueWorker | None = None


@django_app.task(name=LOOK, queue=QUEUE)
async def look(kind: str, job_id: str) -> None:
    """See whether something is to be done for this row, and do it."""
    if _worker is not None:
        await _worker.look(kind, job_id)


@django_app.periodic(cron=SWEEP_EVERY)
@django_app.task(name=SWEEP, queue=QUEUE, queueing_lock=SWEEP)
async def sweep(timestamp: int) -> None:
    """Find the rows that no bell announced. One worker does it for all."""
    if _worker is not None:
        await _worker.sweep()


def _connector() -> Any:
    """Listening needs a session of its own: past a pooler, where there is one."""
    alias = "direct" if "direct" in connections else DEFAULT_DB_ALIAS
    return PsycopgConnector(kwargs=connector_params(alias))


class QueueSender:
    """For processes that do none of the work: the message is written in the caller's own transaction."""

    def put(self, kind: str, job_id: str) -> None:
        django_app.configure_task(LOOK, queue=QUEUE).defer(kind=kind, job_id=job_id)


class QueueWorker:
    """Works off the queue on the running event loop. What it rings itself goes through the queue too, so that whoever
    has room takes it. One per process."""

    def __init__(self, *, name: str, concurrency: int) -> None:
        self._name, self._concurrency = name, concurrency
        self._loop = asyncio.get_running_loop()
        self._app: App | None = None
        self._draining = False
        self._pulling: asyncio.Task[None] | None = None
        self._ringing: set[asyncio.Task[None]] = set()
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until somebody drains it. A database that goes away is waited for, while the work at hand goes on."""
        global _worker
        _worker = self
        with django_app.replace_connector(_connector()) as app:
            while not self._draining:
                try:
                    async with app.open_async():
                        self._app = app
                        self._pulling = asyncio.ensure_future(self._pull(app))
                        await asyncio.wait({self._pulling})
                        if self._draining:
                            await self._settle()
                        elif (error := self._pulling.exception()) is not None:
                            raise error
                except Exception:
                    log.exception("the queue is out of reach; trying again")
                    await asyncio.sleep(1)
                finally:
                    self._app = None

    async def _pull(self, app: App) -> None:
        await app.run_worker_async(
            queues=[QUEUE],
            name=self._name,
            concurrency=self._concurrency,
            fetch_job_polling_interval=1.0,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=5.0,
            stalled_worker_timeout=WORKER_GONE_SECONDS,
            shutdown_graceful_timeout=0.0,
        )

    async def drain(self, *, patience: float) -> None:
        """Take nothing new, give what is at work `patience` seconds, then cancel it: its rows are due at once."""
        self._draining = True
        if self._at_work and patience > 0:
            await asyncio.wait(self._at_work, timeout=patience)
        for task in self._at_work:
            task.cancel()
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=10)
        if self._pulling is not None:
            self._pulling.cancel()

    async def look(self, kind: str, job_id: str) -> None:
        if self._draining:
            self.ring(kind, job_id)
            return
        # The work is a task of its own: a queue that falls over does not take it along.
        task = asyncio.ensure_future(self._work(kind, job_id))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        await asyncio.shield(task)

    async def _work(self, kind: str, job_id: str) -> None:
        try:
            await find_kind(kind).run(job_id)
        except Exception:
            log.exception("job %s %s failed; the sweep will try it again", kind, job_id)

    async def sweep(self) -> None:
        """Put a message for every due row that has none, and forget what workers that are gone had taken."""
        assert self._app is not None
        for kind in registered_kinds():
            for job_id in await kind.due(SWEEP_AT_ONCE):
                await self._put(kind.name, job_id)
        manager = self._app.job_manager
        for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=WORKER_GONE_SECONDS):
            await manager.finish_job(stalled, jobs.Status.FAILED, delete_job=True)

    def ring(self, kind: str, job_id: str) -> None:
        """From any thread, quick."""
        try:
            self._loop.call_soon_threadsafe(self._begin, kind, job_id)
        except RuntimeError:
            pass  # the loop is closed: another's sweep finds the row

    def _begin(self, kind: str, job_id: str) -> None:
        work: Coroutine[Any, Any, None] = self._put(kind, job_id)
        task = self._loop.create_task(work)
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)

    async def _put(self, kind: str, job_id: str) -> None:
        if self._app is None:
            return  # the sweep finds it
        lock = f"{kind}:{job_id}"
        try:
            await self._app.configure_task(LOOK, queue=QUEUE, queueing_lock=lock).defer_async(kind=kind, job_id=job_id)
        except AlreadyEnqueued:
            pass
        except Exception:
            log.exception("a bell for %s could not be put into the queue; the sweep finds the row", lock)

    async def _settle(self) -> None:
        if self._ringing:
            await asyncio.wait(self._ringing, timeout=5)
