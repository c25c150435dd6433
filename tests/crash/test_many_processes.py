"""Web servers and workers as processes of their own on PostgreSQL and Redis: any of them may die, hang, leave or come.

Runs once, whatever TEST_DATABASE says: it brings its own servers.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import websockets

from tests.fixtures.counter import CountingService, counting_service
from tests.fixtures.fleet import Fleet, Worker, running_fleet, wait_until
from tests.fixtures.product import ROOT, Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
LEASE_SECONDS = 10


@pytest.fixture(scope="module")
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        service.gate.set()
        yield service


@pytest.fixture(scope="module")
def whole_fleet(tmp_path_factory: pytest.TempPathFactory, counter: CountingService) -> Iterator[Fleet]:
    folder = Path(tmp_path_factory.mktemp("fleet"))
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
        "AAP_TEST_COUNTER": counter.url,
        "AAP_WORKER_PATIENCE": "1",
    }
    with running_fleet(folder, webs=2, workers=2, **settings) as fleet:
        fleet.agent = fleet.webs[0].demo_agent(tools=["calculator", "count_once"])  # type: ignore[attr-defined]
        yield fleet


@pytest.fixture
def fleet(whole_fleet: Fleet) -> Iterator[Fleet]:
    """With two workers and Redis at work, whatever the test before did to them."""
    yield whole_fleet
    for worker in whole_fleet.workers:
        if worker.process is None or worker.process.poll() is not None:
            worker.start()
    if whole_fleet.redis.process is None or whole_fleet.redis.process.poll() is not None:
        whole_fleet.redis.start()
    wait_until(lambda: whole_fleet.redis.listeners() == 4, "not all processes came back to Redis")


@pytest.fixture
def web(fleet: Fleet) -> Product:
    return fleet.webs[0].sign_in()


def start(fleet: Fleet, text: str) -> str:
    body = {"agent": fleet.agent, "input": {"text": text}}  # type: ignore[attr-defined]
    return str(fleet.webs[0].call("POST", "runs/", body)["id"])


def holder(fleet: Fleet, run: str) -> tuple[str, int]:
    """Who holds the run, and in which epoch."""
    with psycopg.connect(fleet.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT lease_holder, lease_epoch FROM agents_run WHERE id = %s", [run]).fetchone()
    assert row is not None
    return str(row[0]), int(row[1])


def worker_of(fleet: Fleet, run: str) -> Worker:
    """The worker at work on it, known by the name that it has noted in its log."""
    name = wait_until(lambda: holder(fleet, run)[0], f"nobody took {run}: {fleet.logs()}")
    return next(worker for worker in fleet.workers if name in worker.said())


def sound(product: Product, run: str) -> list[dict[str, Any]]:
    """The run's events, after a look at what must hold of every journal."""
    rows = product.events(run)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    events = [row["event"] for row in rows]
    ends = [event["type"] for event in events if event["type"] in ("run.succeeded", "run.failed", "run.cancelled")]
    assert len(ends) == 1 and events[-1]["type"] == ends[0]
    return events


class Viewer:
    """A careful client: applies what comes, comes back when it is sent away, and keeps what it saw."""

    def __init__(self, product: Product, run: str) -> None:
        self.product, self.run = product, run
        self.seq, self.events, self.texts = 0, [], {}  # type: ignore[var-annotated]
        self.frames: list[float] = []

    @property
    def ended(self) -> bool:
        return bool(self.events) and self.events[-1]["type"] in ("run.succeeded", "run.failed", "run.cancelled")

    async def follow(self) -> Viewer:
        while not self.ended:
            try:
                await self._once()
            except (websockets.ConnectionClosed, OSError):
                await asyncio.sleep(0.1)
        return self

    async def _once(self) -> None:
        address = f"ws://127.0.0.1:{self.product.port}/ws/v1/"
        async with websockets.connect(address, max_size=None) as socket:
            await socket.send(json.dumps({"type": "authenticate", "token": self.product.token}))
            await socket.send(json.dumps({"type": "subscribe", "run": self.run, "after_seq": self.seq}))
            fresh: set[str] = set()
            while not self.ended:
                self._take(json.loads(await asyncio.wait_for(socket.recv(), 60)), fresh)

    def _take(self, frame: dict[str, Any], fresh: set[str]) -> None:
        if frame["type"] == "event":
            assert frame["seq"] == self.seq + 1, f"event {frame['seq']} after {self.seq}"
            self.seq = frame["seq"]
            self.events.append(frame["event"])
            if frame["event"]["type"] == "step.restarted":
                for message in frame["event"]["dropped"]:
                    self.texts.pop(message, None)
        elif frame["type"] == "delta" and frame.get("part") is None:
            if frame["message"] not in fresh:  # this connection begins the message anew
                fresh.add(frame["message"])
                self.texts[frame["message"]] = ""
            have = self.texts[frame["message"]]
            assert frame["offset"] == len(have), f"text from {frame['offset']} after {len(have)}"
            self.texts[frame["message"]] = have + frame["text"]
            self.frames.append(time.monotonic())

    def check(self) -> None:
        final = {e["message"]: e["text"] for e in self.events if e["type"] == "message.completed"}
        for message, text in self.texts.items():
            assert final[message].startswith(text), f"{text!r} is not how {final[message]!r} begins"


async def view(product: Product, run: str) -> Viewer:
    viewer = await Viewer(product, run).follow()
    viewer.check()
    return viewer


def test_live_text_passes_from_the_worker_to_every_web_server(fleet: Fleet, web: Product) -> None:
    run = start(fleet, "Hello [[tokens:100 gap:20]]")

    async def both() -> list[Viewer]:
        return await asyncio.gather(*(view(product, run) for product in fleet.webs))

    for viewer in asyncio.run(both()):
        assert viewer.events == sound(web, run)
        assert viewer.events[-1]["type"] == "run.succeeded"
        assert len(viewer.frames) > 30, "live text came in lumps: it came from the database"


def test_a_killed_workers_run_goes_on_at_the_other(fleet: Fleet, web: Product) -> None:
    run = start(fleet, 'Go on [[tool:calculator {"expression":"6*7"}]] [[tokens:300 gap:20]]')

    async def watch_and_kill() -> Viewer:
        viewer = Viewer(fleet.webs[1], run)
        watching = asyncio.ensure_future(viewer.follow())
        while not viewer.frames:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(worker_of(fleet, run).kill)
        killed = time.monotonic()
        while "step.restarted" not in [event["type"] for event in viewer.events]:
            assert time.monotonic() - killed < LEASE_SECONDS + 5, "nobody went on with it"
            await asyncio.sleep(0.05)
        await watching
        return viewer

    viewer = asyncio.run(watch_and_kill())
    viewer.check()
    events = sound(web, run)
    assert viewer.events == events and events[-1]["type"] == "run.succeeded"
    assert [event["type"] for event in events].count("step.restarted") == 1
    assert [event["type"] for event in events].count("tool.started") == 1
    assert web.call("GET", f"runs/{run}/")["attempts"] == 2


def test_cancel_from_a_process_that_does_not_hold_the_run(fleet: Fleet, web: Product) -> None:
    run = start(fleet, "Long [[tokens:2000 gap:20]]")
    wait_until(lambda: web.call("GET", f"runs/{run}/")["status"] == "running", fleet.logs())
    wait_until(lambda: len(web.events(run)) >= 4, "no text yet")
    begun = time.monotonic()
    fleet.webs[1].call("POST", f"runs/{run}/cancel/", {})
    wait_until(lambda: web.call("GET", f"runs/{run}/")["status"] == "cancelled", "not stopped")
    assert time.monotonic() - begun < 1
    (answer,) = [event for event in sound(web, run) if event["type"] == "message.completed"]
    assert answer["finish"] == "cancelled" and answer["text"]


def test_a_stopping_worker_hands_its_runs_over_at_once(fleet: Fleet, web: Product) -> None:
    run = start(fleet, "Hand over [[tokens:400 gap:20]]")
    wait_until(lambda: len(web.events(run)) >= 4, "no text yet")
    leaving = worker_of(fleet, run)
    leaving.stop()
    epoch = holder(fleet, run)[1]
    begun = time.monotonic()
    wait_until(lambda: holder(fleet, run)[1] > epoch or holder(fleet, run)[0], "nobody took it")
    assert time.monotonic() - begun < LEASE_SECONDS / 2, "it waited for the lease to run out"
    assert leaving.process is not None and leaving.process.returncode == 0
    assert web.wait_for_end(run)["status"] == "succeeded"
    sound(web, run)


def test_a_worker_that_slept_for_three_leases_changes_nothing(
    fleet: Fleet, web: Product, counter: CountingService
) -> None:
    """SIGSTOP, three leases, SIGCONT: its appends are refused, and no tool is called twice."""
    before = counter.calls.total()
    run = start(fleet, "Sleep [[tool:count_once {}]] [[tokens:200 gap:20]]")
    counter.wait_for(before + 1)
    wait_until(lambda: "tool.completed" in [row["event"]["type"] for row in web.events(run)], "the tool is not done")
    sleeper = worker_of(fleet, run)
    sleeper.send(signal.SIGSTOP)
    try:
        assert web.wait_for_end(run)["status"] == "succeeded"
        written = sound(web, run)
        time.sleep(max(0.0, 3 * LEASE_SECONDS - 15))  # what is waited for is the lease's own time
    finally:
        sleeper.send(signal.SIGCONT)
    wait_until(lambda: "the lease is lost" in sleeper.said() or "taken it over" in sleeper.said(), sleeper.said())
    assert sound(web, run) == written
    assert counter.calls.total() == before + 1


def test_redis_flushed_and_gone(fleet: Fleet, web: Product) -> None:
    runs = [start(fleet, f"Without {number} [[tokens:150 gap:20]]") for number in range(5)]

    async def watch() -> list[Viewer]:
        watching = [asyncio.ensure_future(view(fleet.webs[number % 2], run)) for number, run in enumerate(runs)]
        await asyncio.sleep(0.5)
        fleet.redis.flush()
        await asyncio.sleep(0.5)
        fleet.redis.stop()
        return await asyncio.gather(*watching)

    for viewer, run in zip(asyncio.run(watch()), runs, strict=True):
        assert viewer.events == sound(web, run) and viewer.events[-1]["type"] == "run.succeeded"
    fleet.redis.start()
    run = start(fleet, "And back [[tokens:100 gap:20]]")
    asyncio.run(view(fleet.webs[1], run))


def test_every_message_delivered_three_times(fleet: Fleet, web: Product, counter: CountingService) -> None:
    before = counter.calls.total()
    runs = [start(fleet, f"Thrice {number} [[tool:count_once {{}}]] [[tokens:5 gap:5]]") for number in range(10)]
    with psycopg.connect(fleet.environment["DATABASE_URL"], autocommit=True) as connection:
        for _ in range(3):
            for run in runs:
                connection.execute(
                    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('bells','jobs.look',0,NULL,NULL,%s,NULL)"
                    "::procrastinate_job_to_defer_v1])",
                    [json.dumps({"kind": "run", "job_id": run})],
                )
    for run in runs:
        assert web.wait_for_end(run)["status"] == "succeeded"
        events = sound(web, run)
        assert [event["type"] for event in events].count("tool.started") == 1
    assert counter.calls.total() == before + 10


def test_a_web_server_that_dies_takes_no_run_along(fleet: Fleet, web: Product) -> None:
    run = start(fleet, "Stay [[tokens:200 gap:20]]")
    second = fleet.webs[1]
    second.kill()
    try:
        assert web.wait_for_end(run)["status"] == "succeeded"
        assert [event["type"] for event in sound(web, run)].count("step.restarted") == 0
    finally:
        second.start()


def test_postgres_stopped_at_once_while_a_hundred_runs_go_on(fleet: Fleet, web: Product) -> None:
    runs = [start(fleet, f"Database {number} [[tokens:100 gap:50]]") for number in range(100)]

    async def watch() -> list[Viewer]:
        watching = [asyncio.ensure_future(view(fleet.webs[number % 2], run)) for number, run in enumerate(runs[::10])]
        while web.call("GET", "runs/?status=queued&limit=1")["results"]:
            await asyncio.sleep(0.1)
        await asyncio.to_thread(fleet.postgres.stop_at_once)
        refusals = [asyncio.ensure_future(asyncio.to_thread(answer_of, web)) for _ in range(8)]
        await asyncio.sleep(1)
        await asyncio.to_thread(fleet.postgres.start)
        for status, retry_after in await asyncio.gather(*refusals):
            assert (status, bool(retry_after)) in ((503, True), (200, False))  # some may have waited until it was back
        return await asyncio.gather(*watching)

    viewers = asyncio.run(watch())
    for run in runs:
        assert web.wait_for_end(run, timeout=90)["status"] == "succeeded"
        sound(web, run)
    assert all(viewer.events[-1]["type"] == "run.succeeded" for viewer in viewers)
    assert all(process.poll() is None for process in processes(fleet))


def answer_of(product: Product) -> tuple[int, str | None]:
    """Status and Retry-After of a read."""
    headers = {"Authorization": f"Bearer {product.token}"}
    request = urllib.request.Request(f"{product.url}{product.space}runs/", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Retry-After")


def processes(fleet: Fleet) -> list[Any]:
    return [one.process for one in (*fleet.webs, *fleet.workers)]


def test_a_rolling_restart_loses_nothing(fleet: Fleet, web: Product) -> None:
    """Each process in turn, under load: no run fails, no viewer misses a word or sees one twice."""
    runs: list[str] = []

    async def roll() -> list[Viewer]:
        watching = []
        for part in (*fleet.workers, *fleet.webs):
            for number in range(4):
                run = await asyncio.to_thread(start, fleet, f"Roll {number} [[tokens:60 gap:50]]")
                runs.append(run)
                watching.append(asyncio.ensure_future(view(fleet.webs[number % 2], run)))
            await asyncio.to_thread(part.stop)
            assert part.process is not None and part.process.returncode == 0
            await asyncio.to_thread(part.start)
        return await asyncio.gather(*watching)

    for viewer, run in zip(asyncio.run(roll()), runs, strict=True):
        assert viewer.events == sound(web, run) and viewer.events[-1]["type"] == "run.succeeded"


def test_kills_at_random_moments_of_any_worker(fleet: Fleet, web: Product) -> None:
    """G1: by seed 7, five kills, 200 in `make test-all`; each journal is sound, each end right."""
    moments = random.Random(7)
    runs: list[str] = []
    for number in range(200 if os.environ.get("FULL") else 5):
        runs += [
            start(fleet, f"Kill {number} [[tokens:40 gap:20]]"),
            start(fleet, f'Tool {number} [[tool:calculator {{"expression":"6*7"}}]] [[tokens:40 gap:20]]'),
        ]
        time.sleep(moments.uniform(0.05, 1.2))
        worker = moments.choice(fleet.workers)
        worker.kill()
        worker.start()
    for run in runs:
        assert web.wait_for_end(run, timeout=90)["status"] == "succeeded"
        sound(web, run)


def test_doctor_looks_at_the_bus_and_the_workers(fleet: Fleet, web: Product) -> None:
    well = doctor(web)
    assert "Redis answered in" in well and "at work;" in well and "nobody has carried them on" not in well
    fleet.redis.stop()
    assert "Redis does not answer" in doctor(web)


def doctor(product: Product) -> str:
    environment = product.whole_environment()
    command = [sys.executable, "manage.py", "doctor"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
