"""One installation of several processes for all of these tests: two web servers, two workers, with the limits that
everybody has."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.counter import CountingService, counting_service
from tests.fixtures.fleet import Fleet, running_fleet, wait_until


@pytest.fixture(scope="session")
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        service.gate.set()
        yield service


@pytest.fixture(scope="session")
def whole_fleet(tmp_path_factory: pytest.TempPathFactory, counter: CountingService) -> Iterator[Fleet]:
    # Each socket is an open file, in the servers (who inherit this) and in the clients.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
        "AAP_TEST_COUNTER": counter.url,
        "AAP_WORKER_PATIENCE": "1",
        "AAP_RATE_LIMITS": "100",
    }
    with running_fleet(Path(tmp_path_factory.mktemp("scale")), webs=2, workers=2, **settings) as fleet:
        fleet.agent = fleet.webs[0].demo_agent(tools=["calculator", "count_once", "ask_person"])  # type: ignore[attr-defined]
        yield fleet


@pytest.fixture
def fleet(whole_fleet: Fleet) -> Iterator[Fleet]:
    """All of it at work, whatever the test before did; the first web server signed in anew (a token ends)."""
    for web in whole_fleet.webs:
        web.token = whole_fleet.webs[0].sign_in().token
    yield whole_fleet
    for worker in whole_fleet.workers:
        if worker.process is None or worker.process.poll() is not None:
            worker.start()
    wait_until(lambda: whole_fleet.redis.listeners() == 4, "not all processes came back to Redis")
