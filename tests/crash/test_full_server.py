"""The disk of the database server is full: of tables first, then of its log, over which the server itself dies.

Saving answers 507, and 503 while the server is away; what was saved is kept, and runs end once there is room again.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.counter import CountingService, counting_service
from tests.fixtures.disk import fill_up, small_disk
from tests.fixtures.fleet import Postgres, wait_until
from tests.fixtures.installations import Installation, answers, running_installation, status_of, wait_until_served
from tests.fixtures.product import Product, Refused
from tests.fixtures.vendor import Vendor
from tests.fixtures.viewer import Viewer, sound

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
CHANCE = random.Random(7)
#: Large enough for the empty database, its log and the log's spare files.
MEGABYTES = 160


@dataclass
class World:
    installation: Installation
    vendor: Vendor
    counter: CountingService
    counting: str
    """An agent that counts; the installation's own is the vendor's."""
    filler: Path

    @property
    def postgres(self) -> Postgres:
        assert self.installation.postgres is not None
        return self.installation.postgres


@pytest.fixture(scope="module", params=["postgres", "fleet"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # Not in pytest's own folder: the database server runs as a user of its own, who may not go there.
    place = Path(tempfile.mkdtemp(prefix="aap-disk-"))
    folder = Path(tmp_path_factory.mktemp(request.param))
    with Vendor() as vendor, counting_service() as counter, small_disk(place, megabytes=MEGABYTES) as disk:
        counter.gate.set()
        environment = {
            "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}",
            "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
            "AAP_TEST_COUNTER": counter.url,
        }
        with running_installation(request.param, folder, environment, database=disk) as installation:
            web = installation.webs[0]
            counting = web.demo_agent(name="Counter", tools=["count_once"])
            installation.agent = agent_of(web, vendor)
            installation.sign_in()
            yield World(installation, vendor, counter, counting, disk / "filler")
    place.rmdir()


def agent_of(web: Product, vendor: Vendor) -> str:
    address = f"http://127.0.0.1:{vendor.port}/v1"
    provider = {"kind": "openai_compatible", "name": "V", "base_url": address, "api_key": vendor.key}
    made = web.call("POST", "providers/", provider)["id"]
    model = web.call("GET", f"models/?provider={made}")["results"][0]["id"]
    agent = web.call("POST", "agents/", {"name": "Helper", "instructions": "Answer.", "model": model})["id"]
    web.call("POST", f"agents/{agent}/publish/", {})
    return str(agent)


@pytest.fixture
def room_again(world: World) -> Iterator[World]:
    """Room at its beginning and after its end, whatever a test did."""
    world.installation.sign_in()
    yield world
    world.filler.unlink(missing_ok=True)
    world.postgres.start()


def begin_long_answer(world: World, question: str) -> Viewer:
    """A run in the middle of an answer that cannot be packed small: its end needs room."""
    world.vendor.answers[question] = " ".join(CHANCE.randbytes(6).hex() for _ in range(8_000))
    world.vendor.gates[question] = threading.Event()
    viewer = Viewer(world.installation.webs[-1], world.installation.start_run(question)).start()
    viewer.wait_for_text()
    return viewer


def fresh_log(postgres: Postgres) -> None:
    """The server begins a new file of its log, so that tables meet the full disk before the log does."""
    with psycopg.connect(postgres.address, autocommit=True) as server:
        server.execute("SELECT pg_switch_wal()")
        server.execute("CHECKPOINT")


def test_asvs_16_5_no_room_for_tables(room_again: World) -> None:
    world = room_again
    installation, web = world.installation, world.installation.webs[0]
    saved = {row["name"] for row in web.call("GET", "agents/?limit=200")["results"]}
    viewer = begin_long_answer(world, "Long")
    said = world.vendor.answers["Long"]
    carrier = installation.carrier(viewer.run)
    fresh_log(world.postgres)
    fill_up(world.filler)
    refused = None
    for number in range(190):
        body = {"name": f"N{number}", "instructions": CHANCE.randbytes(9_000).hex()}
        try:
            web.call("POST", "agents/", body)
            saved.add(body["name"])
        except Refused as error:
            refused = error
            break
    assert refused is not None and refused.status == 507, refused
    assert refused.body["code"] == "storage_full" and "disk is full" in refused.body["detail"]
    address = f"runs/{viewer.run}/"
    for path in ("agents/?limit=200", "runs/", address, f"{address}events/", "/api/v1/me/", "/readyz"):
        web.call("GET", path)
    # A row may find room where a table has some left: what was accepted is done, what was refused is not.
    before = {row["id"] for row in web.call("GET", "runs/?limit=200")["results"]}
    count = {"agent": world.counting, "input": {"text": "Count [[tool:count_once {}]] [[tokens:5 gap:0]]"}}
    answered = [status_of(one, "POST", "runs/", count) for one in installation.webs for _ in range(10)]
    assert set(answered) <= {(200, False), (507, False)}
    # The model says the rest while its end cannot be saved: viewers get it at once.
    world.vendor.gates["Long"].set()
    viewer.wait_for(lambda: said in list(viewer.texts.values()), "the rest did not come")
    wait_until(lambda: "the journal cannot be written now" in carrier.log.read_text(), carrier.log.read_text()[-3000:])
    assert "message.completed" not in viewer.kinds and web.call("GET", address)["status"] == "running"
    os.unlink(world.filler)
    assert viewer.finish() == sound(web, viewer.run)
    assert answers(viewer.events) == [said] and viewer.kinds[-1] == "run.succeeded"
    assert viewer.closes == [] and "step.restarted" not in viewer.kinds, "what was told live is the one story"
    counted = [row["id"] for row in web.call("GET", "runs/?limit=200")["results"] if row["id"] not in before]
    assert len(counted) == answered.count((200, False))
    for run in counted:
        assert web.wait_for_end(run)["status"] == "succeeded"
        kinds = [event["type"] for event in sound(web, run)]
        assert kinds.count("tool.completed") == 1 and "tool.unknown" not in kinds
    assert world.counter.calls.total() == len(counted) == len(world.counter.calls)
    check_saved(web, saved)


def check_saved(web: Product, saved: set[str]) -> None:
    """Each save happened whole or not at all: the agent with its entry; and there is room again."""
    listed = [row["name"] for row in web.call("GET", "agents/?limit=200")["results"]]
    assert sorted(listed) == sorted(saved)
    assert len(web.call("GET", "audit/?kind=agent.create&limit=200")["results"]) == len(listed)
    assert web.call("POST", "agents/", {"name": f"After {len(listed)}"})["name"] == f"After {len(listed)}"


def test_no_room_for_the_servers_log(room_again: World) -> None:
    """PostgreSQL dies over it and cannot start before there is room: the product says so, waits, and loses nothing."""
    world = room_again
    installation, web = world.installation, world.installation.webs[0]
    saved = {row["name"] for row in web.call("GET", "agents/?limit=200")["results"]}
    runs = web.call("GET", "runs/?limit=200")["results"]
    viewer = begin_long_answer(world, "Longer")
    fill_up(world.filler)
    use_up_the_log(world.postgres)
    body = {"agent": world.counting, "input": {"text": "Not now"}}
    asked = [("GET", "runs/", None), ("GET", f"runs/{viewer.run}/", None), ("POST", "runs/", body)]
    asked += [("POST", "agents/", {"name": "Not now"})]
    with ThreadPoolExecutor(8) as people:
        refused = [people.submit(status_of, one, *what) for what in asked for one in installation.webs]
        assert {answer.result() for answer in refused} == {(503, True)}
    with pytest.raises(Refused) as unready:
        web.call("GET", "/readyz")
    assert unready.value.status == 503
    world.vendor.gates["Longer"].set()
    os.unlink(world.filler)
    world.postgres.start()
    for one in installation.webs:
        wait_until_served(one)
    assert viewer.finish() == sound(web, viewer.run)
    assert answers(viewer.events) == [world.vendor.answers["Longer"]] and viewer.kinds[-1] == "run.succeeded"
    assert len(web.call("GET", "runs/?limit=200")["results"]) == len(runs) + 1, "what was refused was not begun"
    check_saved(web, saved)


def use_up_the_log(postgres: Postgres) -> None:
    """Until the server is away: it dies because it cannot begin another file, and cannot recover either."""
    server: psycopg.Connection | None = None

    def write() -> bool:
        nonlocal server
        try:
            server = server or psycopg.connect(postgres.address, autocommit=True)
            server.execute("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))")
            server.execute("SELECT pg_switch_wal()")
        except psycopg.OperationalError as error:
            server = None
            # It may come back over what its death has freed, and then be too full to let anybody in.
            return not postgres.is_running() or "No space left on device" in str(error)
        return False

    wait_until(write, "it lives", 120)
    if postgres.is_running():
        try:
            postgres.stop_at_once()
        except subprocess.CalledProcessError:
            assert not postgres.is_running()  # what came back over the room that was freed has died again meanwhile
