"""Web servers and workers as processes of their own on PostgreSQL and Redis: what only several of them can meet.

Deaths, stops and outages that one process knows too are in test_any_shape. Runs once, whatever TEST_DATABASE says: it
brings its own servers.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.counter import CountingService
from tests.fixtures.fleet import Fleet, running_fleet, wait_until
from tests.fixtures.product import ROOT, Product
from tests.fixtures.trace_sink import TraceSink
from tests.fixtures.viewer import Viewer, sound, view

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
LEASE_SECONDS = 10


@pytest.fixture(scope="module")
def sink() -> Iterator[TraceSink]:
    with TraceSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def whole_fleet(tmp_path_factory: pytest.TempPathFactory, counter: CountingService, sink: TraceSink) -> Iterator[Fleet]:
    folder = Path(tmp_path_factory.mktemp("fleet"))
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
        "AAP_TEST_COUNTER": counter.url,
        "AAP_WORKER_PATIENCE": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
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


def test_live_text_passes_from_the_worker_to_every_web_server(fleet: Fleet, web: Product) -> None:
    run = start(fleet, "Hello [[tokens:150 gap:20]]")

    async def both() -> list[Viewer]:
        return await asyncio.gather(*(view(product, run) for product in fleet.webs))

    for viewer in asyncio.run(both()):
        assert viewer.events == sound(web, run)
        assert viewer.events[-1]["type"] == "run.succeeded"
        assert len(viewer.frames) > 30, "live text came in lumps: it came from the database"


def test_incident_3_19_a_worker_that_slept_for_three_leases_changes_nothing(
    fleet: Fleet, web: Product, counter: CountingService
) -> None:
    """SIGSTOP, three leases, SIGCONT: its appends are refused, and no tool is called twice."""
    before = counter.calls.total()
    run = start(fleet, "Sleep [[tool:count_once {}]] [[tokens:200 gap:20]]")
    counter.wait_for(before + 1)
    wait_until(lambda: "tool.completed" in [row["event"]["type"] for row in web.events(run)], "the tool is not done")
    sleeper = fleet.worker_of(run)
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


def test_incident_3_8_redis_flushed_and_gone(fleet: Fleet, web: Product) -> None:
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


def test_incident_3_18_every_message_delivered_three_times(
    fleet: Fleet, web: Product, counter: CountingService
) -> None:
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


def test_incident_3_27_a_rolling_restart_loses_nothing(fleet: Fleet, web: Product) -> None:
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


def test_a_run_that_is_handed_over_stays_one_trace(fleet: Fleet, web: Product, sink: TraceSink) -> None:
    """Begun by the server that took the request, carried on by one worker and ended by another."""
    run = start(fleet, "Hand this over [[tokens:150 gap:20]]")
    first = fleet.worker_of(run)
    first.stop()
    assert web.wait_for_end(run)["status"] == "succeeded"
    trace = sha256(run.encode()).hexdigest()[:32]
    sink.wait_for(
        lambda spans: (
            [span.name for span in spans if span.trace == trace].count("job run") == 2
            and any(span.trace == trace and span.name == "start run" for span in spans)
        )
    )
    spans = sink.of(trace)
    (root,) = [span for span in spans if span.name == "start run"]
    jobs = [span for span in spans if span.name == "job run"]
    assert root.resource["aap.process"] == "web" and {job.resource["aap.process"] for job in jobs} == {"worker"}
    assert len({job.resource["service.instance.id"] for job in jobs}) == 2
    assert {job.parent for job in jobs} == {root.id}
    before, after = (one.attributes for job in jobs for one in spans if one.parent == job.id)
    assert before["aap.cancelled"] and "aap.run.status" not in before
    assert (after["aap.run.resumed"], after["aap.run.status"]) == ("recovered", "succeeded")
    assert len({span.attributes["aap.request.id"] for span in spans}) == 1


def test_doctor_looks_at_the_bus_and_the_workers(fleet: Fleet, web: Product) -> None:
    well = doctor(web)
    assert "Redis answered in" in well and "at work;" in well and "nobody has carried them on" not in well
    fleet.redis.stop()
    assert "Redis does not answer" in doctor(web)


def doctor(product: Product) -> str:
    environment = product.whole_environment()
    command = [sys.executable, "manage.py", "doctor"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
