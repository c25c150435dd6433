"""G3: no effect of a tool happens twice in silence, however often messages come, workers die, and clients ask again.

Each run calls a service outside once, which counts by call. Meanwhile messages of the queue come several times, starts are
sent again to the other server, and every now and then a worker is killed or stopped for longer than its lease while calls
are under way. `RUNS=n` for other numbers, `SEED=m` for other moments.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.fixtures.counter import CountingService
from tests.fixtures.crowd import Person, make_people
from tests.fixtures.fleet import Fleet, Worker, wait_until
from tests.fixtures.line import Line
from tests.scale.amounts import MOST_SECONDS, SEED, amount

RUNS = amount("RUNS", sample=40, full=10_000)
#: Deaths and sleeps, in turn; each has its share of the runs.
BREAKS = max(2, RUNS // 400)
PEOPLE = 6
#: A person may have fifty open.
OPEN_EACH = 40 if RUNS > 1_000 else 8
#: So many of each share are started while no call is answered: else all might have ended before the worker dies.
UNDER_A_BREAK = min(15, RUNS // BREAKS)
#: A worker has six calls under way at most: with more than that both have some.
CALLS_UNDER_WAY = min(8, UNDER_A_BREAK)
RENEW_SECONDS = 500
TEXT = "Count {number} [[tool:count_once {{}}]] [[tokens:2 gap:0]]"
ENDED = ("run.succeeded", "run.failed", "run.cancelled")

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(1800)]


@dataclass
class Story:
    """What the clients know when all is over."""

    started: dict[str, str] = field(default_factory=dict)
    """Each run and the person who started it."""
    open: set[str] = field(default_factory=set)
    again: int = 0
    doubled: int = 0
    decided: dict[str, str] = field(default_factory=dict)
    """What a person said about the unsure call of a run."""
    kills: int = 0
    sleeps: int = 0


class Campaign:
    def __init__(self, fleet: Fleet, counter: CountingService) -> None:
        self.fleet, self.counter, self.story = fleet, counter, Story()
        self.random = random.Random(SEED)
        self.people: list[Person] = make_people(fleet.webs[0], PEOPLE)
        self.begun = self.renewed = time.monotonic()
        self.numbers = iter(range(RUNS))
        self.all_started = self.all_ended = False
        self.unanswered = [asyncio.Event() for _ in range(BREAKS)]
        self.changed = asyncio.Condition()

    async def run(self) -> Story:
        address = self.fleet.environment["DATABASE_URL"]
        self.database = await psycopg.AsyncConnection.connect(address, autocommit=True)
        async with self.database, asyncio.TaskGroup() as tasks:
            watching = [tasks.create_task(work()) for work in (self.see_ends, self.decide, self.double)]
            breaking = tasks.create_task(self.break_workers())
            starting = [tasks.create_task(self.start_runs(number)) for number in range(PEOPLE)]
            await asyncio.gather(*starting)
            self.all_started = True
            await asyncio.gather(breaking, *watching)
        return self.story

    async def start_runs(self, number: int) -> None:
        """One person's client: starts runs while it has fewer open than it may; some starts are sent twice."""
        mine: set[str] = set()
        lines = [Line(web, self.people[number].token) for web in self.fleet.webs]
        for run_number in self.numbers:
            await self._may_start(run_number)
            if self._is_late():
                break
            async with self.changed:
                await self.changed.wait_for(lambda: len(mine & self.story.open) < OPEN_EACH)
            for line in lines:
                line.token = self.people[number].token
            body = {"agent": self.fleet.agent, "input": {"text": TEXT.format(number=run_number)}}  # type: ignore[attr-defined]
            key = {"Idempotency-Key": str(uuid.uuid4())}
            status, made = await lines[run_number % 2].call("POST", "runs/", body, key)
            assert status == 202, made
            run = made["id"]
            mine.intersection_update(self.story.open)
            mine.add(run)
            self.story.started[run] = self.people[number].email
            self.story.open.add(run)
            if self.random.random() < 0.1:
                self.story.again += 1
                assert await lines[(run_number + 1) % 2].call("POST", "runs/", body, key) == (202, made)
        for line in lines:
            line.close()

    async def _may_start(self, run_number: int) -> None:
        """The last ones of each share wait until no call is answered any more."""
        share = min(run_number * BREAKS // RUNS, BREAKS - 1)
        if run_number >= end_of(share) - UNDER_A_BREAK:
            await self.unanswered[share].wait()

    async def see_ends(self) -> None:
        while not (self.all_started and not self.story.open):
            await asyncio.sleep(0.1)
            rows = await self.database.execute(
                "SELECT id FROM agents_run WHERE id = ANY(%s) AND status IN ('succeeded', 'failed', 'cancelled')",
                [list(self.story.open)],
            )
            async with self.changed:
                self.story.open -= {run for (run,) in await rows.fetchall()}
                self.changed.notify_all()
            if time.monotonic() - self.renewed > RENEW_SECONDS:
                fresh = await asyncio.to_thread(make_people, self.fleet.webs[0], PEOPLE)
                self.people, self.renewed = fresh, time.monotonic()
        self.all_ended = True

    async def decide(self) -> None:
        """A person looks at what the runs ask, and at the service outside, and says what is true."""
        line = Line(self.fleet.webs[1], "")
        while not self.all_ended:
            await asyncio.sleep(0.3)
            line.token = self.people[0].token
            status, page = await line.call("GET", "decisions/?status=open&limit=200")
            assert status == 200, page
            for decision in page["results"]:
                if decision["run"] not in self.story.started:
                    continue
                assert (decision["kind"], decision["tool"]) == ("unknown_outcome", "count_once")
                happened = bool(self.counter.calls[decision["call"]])
                body = {"resolution": "happened" if happened else "stop", "result": "I looked"}
                status, answer = await line.call("POST", f"decisions/{decision['id']}/resolve/", body)
                assert status == 200, answer
                assert decision["run"] not in self.story.decided, "asked twice"
                self.story.decided[decision["run"]] = body["resolution"]
        line.close()

    async def double(self) -> None:
        """Messages of the queue come again: most runs' once or twice, soon, and some when the run has ended long ago."""
        seen: set[str] = set()
        while not self.all_ended:
            await asyncio.sleep(0.3)
            fresh = self.story.open - seen
            seen |= fresh
            again = [run for run in sorted(fresh) for _ in range(self.random.choice((0, 1, 1, 2)))]
            again += self.random.sample(list(self.story.started), min(1, len(self.story.started)))
            messages = [json.dumps({"kind": "run", "job_id": run}) for run in again]
            await self.database.execute(
                "SELECT procrastinate_defer_jobs_v1(ARRAY(SELECT ROW('bells','jobs.look',0,NULL,NULL,message::jsonb,NULL)"
                "::procrastinate_job_to_defer_v1 FROM unnest(%s::text[]) AS message))",
                [messages],
            )
            self.story.doubled += len(again)

    # --- Deaths and sleeps ---------------------------------------------------------------------------------------------

    async def break_workers(self) -> None:
        """With calls under way that nobody has answered yet; kills and sleeps in turn."""
        try:
            for number, unanswered in enumerate(self.unanswered):
                while len(self.story.started) < end_of(number) - UNDER_A_BREAK and not self._is_late():
                    await asyncio.sleep(0.02)
                self.counter.gate.clear()
                unanswered.set()
                try:
                    await self._calls_under_way()
                    if self._is_late():
                        break
                    worker, name = await self._holder()
                    worker.send(signal.SIGSTOP if number % 2 else signal.SIGKILL)
                finally:
                    self.counter.gate.set()
                await (self._sleep(worker, name) if number % 2 else self._come_back(worker))
        finally:
            for unanswered in self.unanswered:
                unanswered.set()

    async def _come_back(self, worker: Worker) -> None:
        self.story.kills += 1
        assert worker.process is not None
        await asyncio.to_thread(worker.process.wait, 10)
        await asyncio.to_thread(worker.start)

    async def _sleep(self, worker: Worker, name: str) -> None:
        self.story.sleeps += 1
        try:
            while await self._held_by(name):
                await asyncio.sleep(0.1)
        finally:
            worker.send(signal.SIGCONT)

    def _is_late(self) -> bool:
        return time.monotonic() - self.begun > MOST_SECONDS

    async def _calls_under_way(self) -> None:
        deadline = time.monotonic() + 30
        while self.counter.unanswered < CALLS_UNDER_WAY and not self._is_late():
            assert time.monotonic() < deadline, f"{self.counter.unanswered} calls under way"
            await asyncio.sleep(0.01)

    async def _holder(self) -> tuple[Worker, str]:
        """One of the workers that hold runs now, by its own name (that of its last start)."""
        rows = await self.database.execute(
            "SELECT DISTINCT lease_holder FROM agents_run WHERE id = ANY(%s) AND lease_holder <> '' ORDER BY 1",
            [list(self.story.open)],
        )
        names = {name for (name,) in await rows.fetchall()}
        named = [(worker, re.findall(r"\bwrk_\w+", worker.said())[-1]) for worker in self.fleet.workers]
        found = [(worker, name) for worker, name in named if name in names]
        assert found, (names, named)
        return self.random.choice(found)

    async def _held_by(self, name: str) -> bool:
        rows = await self.database.execute(
            "SELECT 1 FROM agents_run WHERE lease_holder = %s AND status IN ('queued', 'running') LIMIT 1", [name]
        )
        return await rows.fetchone() is not None


def end_of(share: int) -> int:
    """The first run that is no longer of it."""
    return RUNS * (share + 1) // BREAKS


def test_g3_incident_3_13_no_effect_happens_twice_in_silence(fleet: Fleet, counter: CountingService) -> None:
    begun, before = time.monotonic(), counter.calls.total()

    async def campaign() -> Story:
        return await Campaign(fleet, counter).run()

    story = asyncio.run(campaign())
    took = time.monotonic() - begun
    count = len(story.started)
    assert count == RUNS or took > MOST_SECONDS
    journals = read_journals(fleet, list(story.started))
    calls: set[str] = set()
    for run in story.started:
        calls.add(check(run, journals[run], story, counter.calls))
    assert len(calls) == count
    counted = counter.calls.copy()
    assert max(counted.values()) == 1, [call for call, times in counted.items() if times > 1]
    effects = counted.total() - before
    assert sum(counted[call] for call in calls) == effects, "an effect that belongs to no run"
    ends = Counter(journal[-1]["type"] for journal in journals.values())
    stopped = sum(said == "stop" for said in story.decided.values())
    assert ends == Counter({"run.succeeded": count - stopped, "run.cancelled": stopped}) + Counter()
    assert story.kills and story.sleeps and story.decided, "nothing was unsure: nothing was tried"
    wait_until(lambda: not queued(fleet), "messages were left over")
    print(
        f"\nG3: {count} runs, {effects} effects, none twice; {story.doubled} doubled messages, {story.again} starts sent "
        f"again, {story.kills} kills, {story.sleeps} sleeps beyond the lease, {len(story.decided)} unsure calls, all of "
        f"them decisions ({dict(Counter(story.decided.values()))}); {took:.0f} s, seed {SEED}"
    )


def check(run: str, events: list[dict[str, Any]], story: Story, calls: Counter[str]) -> str:
    """The journal against what the service outside and the people know; gives the run's call."""
    types = Counter(event["type"] for event in events)
    assert [event["type"] for event in events if event["type"] in ENDED] == [events[-1]["type"]], run
    assert types["tool.requested"] == types["tool.started"] == 1, run
    call: str = next(event["call"] for event in events if event["type"] == "tool.started")
    unsure = [e for e in events if e["type"] == "decision.requested" and e["kind"] == "unknown_outcome"]
    assert types["tool.unknown"] == len(unsure) == (run in story.decided), (run, events)
    if run in story.decided:
        assert unsure[0]["call"] == call
        assert [e["resolution"] for e in events if e["type"] == "decision.resolved"] == [story.decided[run]]
    if story.decided.get(run) != "stop":
        assert calls[call] == 1, f"{run}: the journal says that it was done, and it was not"
        assert [e["outcome"] for e in events if e["type"] == "tool.completed"] == ["ok"], run
    return call


def read_journals(fleet: Fleet, runs: list[str]) -> dict[str, list[dict[str, Any]]]:
    journals: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    with psycopg.connect(fleet.environment["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT run_id, seq, event FROM agents_runevent WHERE run_id = ANY(%s) ORDER BY run_id, seq", [runs]
        )
        for run, seq, event in rows:
            journals[run].append(event)
            assert seq == len(journals[run]), f"{run} has no event {len(journals[run])}"
    return journals


def queued(fleet: Fleet) -> int:
    """Messages to look at a run that nobody has worked off."""
    with psycopg.connect(fleet.environment["DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'jobs.look' AND status = 'todo'"
        ).fetchone()
    assert row is not None
    return int(row[0])
