"""Background work on the server's own event loop: for one process, without any queue beside the database.

Must not know what the jobs do. Each id is at work at most once at a time here; a bell for one at work makes it look again
afterwards. A sweep every two seconds finds rows whose bell was lost.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from jobs.registry import JobKind, registered_kinds

log = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0


@dataclass(slots=True)
class _Lane:
    """One kind's jobs: waiting in order, at work, and those to be looked at again."""

    kind: JobKind
    waiting: deque[str] = field(default_factory=deque)
    known: set[str] = field(default_factory=set)
    working: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)


class EmbeddedJobs:
    """Start it on the loop that shall do the work; ring from anywhere; drain it at the end."""

    def __init__(self, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self._sweep_seconds = sweep_seconds
        self._lanes: dict[str, _Lane] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._draining = False

    def start(self) -> None:
        """Begin to listen and to sweep. Call on the event loop, after the kinds are registered."""
        self._loop = asyncio.get_running_loop()
        self._lanes = {kind.name: _Lane(kind) for kind in registered_kinds()}
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="jobs-sweep")

    def ring(self, kind: str, job_id: str) -> None:
        """Safe from any thread, quick, never raises."""
        loop = self._loop
        if loop is None or self._draining:
            return
        try:
            loop.call_soon_threadsafe(self._announce, kind, job_id)
        except RuntimeError:
            pass  # the loop is closed: the next start's sweep finds the row

    async def drain(self, *, patience: float) -> None:
        """Take nothing new, give what is at work `patience` seconds, then cancel it. Rows stay due for the next start."""
        self._draining = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        tasks = [task for lane in self._lanes.values() for task in lane.working.values()]
        if tasks and patience > 0:
            await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=10)
        self._loop = None

    @property
    def busy(self) -> int:
        """How many jobs are at work or wait for a place."""
        return sum(len(lane.known) for lane in self._lanes.values())

    def _announce(self, kind: str, job_id: str) -> None:
        lane = self._lanes.get(kind)
        if lane is None or self._draining:
            return
        if job_id in lane.known:
            if job_id in lane.working:
                lane.again.add(job_id)
            return
        lane.known.add(job_id)
        lane.waiting.append(job_id)
        self._fill(lane)

    def _fill(self, lane: _Lane) -> None:
        while lane.waiting and len(lane.working) < lane.kind.concurrency and not self._draining:
            job_id = lane.waiting.popleft()
            work = self._work(lane.kind, job_id)
            # In a context of its own: whoever rang, or made room, is not whom the work is for.
            task = asyncio.create_task(work, name=f"{lane.kind.name}:{job_id}", context=contextvars.Context())
            lane.working[job_id] = task
            task.add_done_callback(partial(self._finished, lane, job_id))

    async def _work(self, kind: JobKind, job_id: str) -> None:
        await kind.run(job_id)

    def _finished(self, lane: _Lane, job_id: str, task: asyncio.Task[None]) -> None:
        del lane.working[job_id]
        lane.known.discard(job_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("job %s %s failed; the sweep will try it again", lane.kind.name, job_id, exc_info=error)
        if job_id in lane.again:
            lane.again.discard(job_id)
            self._announce(lane.kind.name, job_id)
        self._fill(lane)

    async def _sweep_forever(self) -> None:
        while True:
            for lane in self._lanes.values():
                free = lane.kind.concurrency - len(lane.known)
                if free > 0:
                    try:
                        for job_id in await lane.kind.due(min(free, 200)):
                            if job_id not in lane.known:
                                self._announce(lane.kind.name, job_id)
                    except Exception:
                        log.exception("the sweep for %s failed; it goes on", lane.kind.name)
            await asyncio.sleep(self._sweep_seconds)
