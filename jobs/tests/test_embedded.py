"""Embedded jobs: each id once at a time, bells from any thread, lost bells found, bounded, drained."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from core.request_context import begin_request, current_request_id
from jobs import registry
from jobs.bells import listen_with, ring
from jobs.embedded import EmbeddedJobs
from jobs.registry import JobKind, register_kind


class Work:
    """Rows in memory: due until done."""

    def __init__(self, *, concurrency: int = 100) -> None:
        self.due_rows: set[str] = set()
        self.done: list[str] = []
        self.at_once = self.most_at_once = 0
        self.release: asyncio.Event | None = None
        self.fail = False
        register_kind(JobKind("probe", self.run, self.due, concurrency))

    async def run(self, job_id: str) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.release is not None:
                await self.release.wait()
            if self.fail:
                raise RuntimeError("broken once")
            self.due_rows.discard(job_id)
            self.done.append(job_id)
        finally:
            self.at_once -= 1

    async def due(self, limit: int) -> Sequence[str]:
        return sorted(self.due_rows)[:limit]


@pytest.fixture(autouse=True)
def _only_these_kinds() -> Iterator[None]:
    before = dict(registry._kinds)
    registry._kinds.clear()
    yield
    registry._kinds.clear()
    registry._kinds.update(before)
    listen_with(None)


async def started(sweep: float = 60) -> EmbeddedJobs:
    jobs = EmbeddedJobs(sweep_seconds=sweep)
    listen_with(jobs)
    jobs.start()
    await asyncio.sleep(0.01)
    return jobs


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not check():
            await asyncio.sleep(0.005)


async def test_bells_from_any_thread() -> None:
    work = Work()
    jobs = await started()
    threads = [threading.Thread(target=ring, args=("probe", f"j{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    await until(lambda: len(work.done) == 20)
    await jobs.drain(patience=1)


async def test_the_same_id_runs_once_at_a_time_and_is_looked_at_again() -> None:
    work = Work()
    work.release = asyncio.Event()
    jobs = await started()
    for _ in range(5):
        ring("probe", "j1")
    await until(lambda: work.at_once == 1)
    ring("probe", "j1")
    await asyncio.sleep(0.02)
    assert work.most_at_once == 1
    work.release.set()
    await until(lambda: len(work.done) == 2)
    await asyncio.sleep(0.02)
    assert work.done == ["j1", "j1"] and work.most_at_once == 1
    await jobs.drain(patience=1)


async def test_what_no_bell_announced_is_found_and_failures_are_tried_again() -> None:
    work = Work()
    work.due_rows = {"a", "b"}
    work.fail = True
    jobs = await started(sweep=0.05)
    await asyncio.sleep(0.1)
    assert work.done == []
    work.fail = False
    await until(lambda: sorted(work.done) == ["a", "b"])
    await jobs.drain(patience=1)


async def test_no_more_than_the_kind_allows() -> None:
    work = Work(concurrency=3)
    jobs = await started()
    work.release = asyncio.Event()
    for n in range(10):
        ring("probe", f"j{n}")
    await until(lambda: work.at_once == 3)
    await asyncio.sleep(0.02)
    assert work.at_once == 3 and jobs.busy == 10
    work.release.set()
    await until(lambda: len(work.done) == 10)
    assert work.most_at_once == 3
    await jobs.drain(patience=1)


async def test_drain_waits_then_cancels_and_takes_nothing_new() -> None:
    work = Work()
    work.release = asyncio.Event()
    work.due_rows = {"stuck"}
    jobs = await started(sweep=0.05)
    await until(lambda: work.at_once == 1)
    await jobs.drain(patience=0.05)
    ring("probe", "late")
    await asyncio.sleep(0.05)
    assert work.at_once == 0 and work.done == [] and work.due_rows == {"stuck"}


async def test_bells_without_anybody_are_nothing() -> None:
    listen_with(None)
    ring("probe", "j1")
    jobs = await started()
    ring("no such kind", "j1")
    await asyncio.sleep(0.01)
    await jobs.drain(patience=0)


async def test_a_job_belongs_to_nobody_until_it_says_so() -> None:
    """Whoever rings, or makes room by ending, is not whom the next job is for: its lines of the log must not say so."""
    seen: list[str] = []
    done = asyncio.Event()

    async def run(job_id: str) -> None:
        seen.append(current_request_id())
        begin_request(f"request-of-{job_id}")
        if len(seen) == 2:
            done.set()

    async def due(limit: int) -> list[str]:
        return []

    register_kind(JobKind(name="whose", run=run, due=due, concurrency=1))
    jobs = EmbeddedJobs(sweep_seconds=60)
    jobs.start()
    begin_request("whoever-rang-0001")
    jobs.ring("whose", "first")
    jobs.ring("whose", "second")
    await asyncio.wait_for(done.wait(), 10)
    await jobs.drain(patience=1)
    assert seen == ["", ""]
