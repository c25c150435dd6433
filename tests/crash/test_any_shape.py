"""Deaths, stops and outages: the same tests on one process with SQLite, one with PostgreSQL, and several with Redis.

After each of them the histories of those who watched are checked: dense, one end, every text what an undisturbed run says,
and the effects of tools as a service outside has counted them. `KILLS=n SEED=m` for other deaths at random moments.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.counter import CountingService
from tests.fixtures.fleet import wait_until
from tests.fixtures.installations import (
    LEASE_SECONDS,
    SHAPES,
    Installation,
    answering_person,
    answers,
    is_running,
    running_installation,
    status_of,
    wait_until_served,
)
from tests.fixtures.product import Product, Refused
from tests.fixtures.viewer import Viewer, sound

SEED = int(os.environ.get("SEED", "7"))
KILLS = int(os.environ.get("KILLS", "0"))
#: How many deaths at random moments each shape goes through: in `make test`, and in `make test-all`.
SAMPLE = {"sqlite": 28, "postgres": 3, "fleet": 3, "production": 10}
ALL = {"sqlite": 1000, "postgres": 300, "fleet": 700, "production": 100}
#: After so many deaths everything may end: a run that is cut again and again would never do so.
ROUND = 8
pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]

PLAIN = 'Go on: Grüße 🌍 [[tool:calculator {"expression":"6*7"}]] [[tokens:120 gap:20]]'
LONG = "Take your time: Grüße 🌍 [[tokens:250 gap:20]]"
COUNT = "Count [[tool:count_once {}]] [[tokens:60 gap:5]]"
ASK = 'Ask [[tool:ask_person {"question":"Go on?"}]] [[tokens:60 gap:5]]'
#: Some seconds of short steps, so that whatever happens finds some run between two of them.
STEPS = "Step by step [[stall:0.4]] [[tokens:30 gap:20]] " + " ".join(
    f'[[tool:calculator {{"expression":"{number}*7"}}]]' for number in range(8)
)
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module", params=SHAPES)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, counter: CountingService
) -> Iterator[Installation]:
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
        "AAP_TEST_COUNTER": counter.url,
        "AAP_WORKER_PATIENCE": "1",
    }
    folder = Path(tmp_path_factory.mktemp(request.param))
    with running_installation(request.param, folder, environment) as installation:
        tools = ["calculator", "count_once", "ask_person"]
        installation.agent = installation.webs[0].demo_agent(tools=tools)
        installation.sign_in()
        installation.learn(PLAIN, LONG, COUNT, ASK, STEPS)
        yield installation


@pytest.fixture
def installation(whole: Installation) -> Iterator[Installation]:
    """With all of it at work, whatever the test before did to it."""
    whole.sign_in()
    yield whole
    whole.restore()


def check_undisturbed(installation: Installation, run: str, text: str) -> list[dict[str, Any]]:
    """The run ended right, having said what it always says to this. Its events."""
    done = installation.webs[0].wait_for_end(run, 90)
    assert done["status"] == "succeeded", done
    events = sound(installation.webs[0], run)
    assert answers(events) == installation.undisturbed[text]
    assert events[-1]["type"] == "run.succeeded" and done["output"]["text"] != ""
    return events


def test_whoever_works_is_killed_in_mid_answer(installation: Installation) -> None:
    run = installation.start_run(PLAIN)
    viewer = Viewer(installation.webs[-1], run).start()
    viewer.wait_for_text()
    carrier = installation.carrier(run)
    carrier.kill()
    if installation.alone:
        carrier.start()
    viewer.wait_for(lambda: "step.restarted" in viewer.kinds, "nobody went on with it", LEASE_SECONDS + 5)
    assert viewer.finish() == check_undisturbed(installation, run, PLAIN)
    assert [viewer.kinds.count(kind) for kind in ("step.restarted", "tool.started", "run.resumed")] == [1, 1, 1]
    assert viewer.closes == ([1006] if installation.alone else []), "a worker's death is no matter of the sockets"


def test_g3_whoever_works_is_killed_during_a_call_that_must_not_be_repeated(
    installation: Installation, counter: CountingService
) -> None:
    """The call is put to a person; nothing is repeated before they say so, whatever dies meanwhile."""
    before, wanted = counter.calls.total(), ("happened", "run_again", "stop")
    counter.gate.clear()
    try:
        runs = {resolution: installation.start_run(COUNT) for resolution in wanted}
        counter.wait_for(before + 3)
        kill_and_restart(installation, list(runs.values()))
        decisions = {resolution: installation.open_decision(run) for resolution, run in runs.items()}
    finally:
        counter.gate.set()
    for resolution, decision in decisions.items():
        assert (decision["kind"], decision["tool"]) == ("unknown_outcome", "count_once")
        assert decision["resolutions"] == list(wanted) and "count_once" in decision["prompt"]
        assert installation.webs[0].call("GET", f"runs/{runs[resolution]}/")["status"] == "waiting"
        assert counter.calls[decision["call"]] == 1, "nothing is repeated before a person says so"
    kill_and_restart(installation)
    viewers = {resolution: Viewer(installation.webs[-1], run).start() for resolution, run in runs.items()}
    for resolution, decision in decisions.items():
        installation.resolve(decision["id"], resolution, "I looked", web=-1)
    (said,) = [text for text in installation.undisturbed[COUNT] if text]
    for resolution, viewer in viewers.items():
        events, call = viewer.finish(), decisions[resolution]["call"]
        assert events == sound(installation.webs[0], runs[resolution])
        assert viewer.kinds[-1] == ("run.cancelled" if resolution == "stop" else "run.succeeded")
        assert counter.calls[call] == (2 if resolution == "run_again" else 1), "a repeat carries the same call id"
        outcomes = [event["outcome"] for event in events if event["type"] == "tool.completed"]
        assert outcomes == ([] if resolution == "stop" else ["ok"])
        assert viewer.kinds.count("tool.unknown") == 1
        assert [event["resolution"] for event in events if event["type"] == "decision.resolved"] == [resolution]
        # What the model makes of it is the same but for the tool's result, which a person wrote.
        result = {"happened": "I looked", "run_again": "counted CALL"}.get(resolution)
        expected = [] if result is None else [said.replace("counted CALL", result)]
        assert [text for text in answers(events) if text] == expected
    assert counter.calls.total() == before + 4


def kill_and_restart(installation: Installation, runs: list[str] | None = None) -> None:
    """Whoever works on these runs; without any, whoever might."""
    parts = installation.carriers
    if runs is not None:
        at_work = [installation.carrier(run) for run in runs]
        parts = [part for part in parts if part in at_work]
    installation.kill(parts)
    installation.restore()


def test_everything_dies_at_once(installation: Installation, counter: CountingService) -> None:
    """As when the power fails: the product, the database server, Redis."""
    begun = {installation.start_run(text): text for text in (PLAIN, PLAIN, LONG, COUNT)}
    asking = installation.start_run(ASK)
    installation.open_decision(asking)
    viewers = [Viewer(web, next(iter(begun))).start() for web in installation.webs]
    for viewer in viewers:
        viewer.wait_for_text()
    accepted = installation.start_run(PLAIN, key=f"power-{asking}")
    installation.lose_power()
    installation.restore()
    again = installation.start_run(PLAIN, web=-1, key=f"power-{asking}")
    assert again == accepted, "the request that was answered before is not done twice"
    for viewer in viewers:
        assert viewer.finish() == sound(installation.webs[0], viewer.run)
        assert viewer.closes == [1006]
    with answering_person(installation):
        for run, text in {**begun, asking: ASK, accepted: PLAIN}.items():
            check_ended(installation, run, text, counter)


def check_ended(installation: Installation, run: str, text: str, counter: CountingService) -> None:
    """While a person answers what is asked: it ends with the text of an undisturbed run, and no tool ran twice."""
    if text != COUNT:
        check_undisturbed(installation, run, text)
        return
    assert installation.webs[0].wait_for_end(run, 90)["status"] == "succeeded"
    events = sound(installation.webs[0], run)
    kinds = [event["type"] for event in events]
    (call,) = [event["call"] for event in events if event["type"] == "tool.requested"]
    asked = kinds.count("tool.unknown")
    assert asked <= 1 and kinds.count("tool.completed") == 1
    assert counter.calls[call] in ([0, 1] if asked else [1]), "a tool ran twice in silence, or not at all"
    result = "I looked" if asked else "counted CALL"
    assert answers(events) == [said.replace("counted CALL", result) for said in installation.undisturbed[COUNT]]


def test_incident_3_27_whoever_works_is_told_to_stop(installation: Installation) -> None:
    """INCIDENTS 3.27, SIGTERM: what cannot end in time is handed over; a web server's viewers are told to come back."""
    run = installation.start_run(LONG)
    web = installation.webs[-1]
    viewer = Viewer(web, run).start()
    viewer.wait_for_text()
    carrier = installation.carrier(run)
    complained = carrier.log.read_text().count('"level": "error"')
    stop_and_expect_zero(carrier)
    assert carrier.log.read_text().count('"level": "error"') == complained
    if installation.alone:
        carrier.start()
    viewer.wait_for(lambda: "step.restarted" in viewer.kinds, "it waited for the lease to run out", LEASE_SECONDS / 2)
    # Which server a viewer is at is the proxy's choice, where there is one: then each of them goes in its turn.
    proxied = installation.shape == "production"
    for server in () if installation.alone else installation.webs if proxied else [web]:
        stop_and_expect_zero(server)
        server.start()
    assert viewer.finish() == check_undisturbed(installation, run, LONG)
    assert set(viewer.closes) == {1012} and (proxied or len(viewer.closes) == 1)
    assert viewer.kinds.count("step.restarted") == 1, "a web server's leave is no matter of the run"


def stop_and_expect_zero(part: Any) -> None:
    part.stop()
    assert part.process.returncode == 0


def test_a_stop_is_asked_for_at_any_web_server(installation: Installation) -> None:
    for web in installation.webs:
        took = [stop_and_look(installation, web) for _ in range(3)]
        assert min(took) < 1, took  # the quickest hardly knows what else the machine does


def stop_and_look(installation: Installation, web: Product) -> float:
    """A run in the middle of its answer, stopped at that web server; after how many seconds it had ended."""
    run = installation.start_run("Stop me [[tokens:2000 gap:20]]")
    viewer = Viewer(installation.webs[0], run).start()
    viewer.wait_for_text()
    begun = time.monotonic()
    web.call("POST", f"runs/{run}/cancel/", {})
    assert web.wait_for_end(run, 30)["status"] == "cancelled"
    took = time.monotonic() - begun
    assert viewer.finish() == sound(web, run)
    (answer,) = [event for event in viewer.events if event["type"] == "message.completed"]
    assert answer["finish"] == "cancelled" and viewer.kinds[-1] == "run.cancelled"
    seen = viewer.texts[answer["message"]]
    assert seen and answer["text"].startswith(seen), "what was seen is kept"
    return took


def test_a_question_is_answered_after_a_death(installation: Installation) -> None:
    run = installation.start_run(ASK)
    decision = installation.open_decision(run)
    kill_and_restart(installation)
    assert installation.open_decision(run) == decision
    installation.resolve(decision["id"], "answer", "yes", web=-1)
    with pytest.raises(Refused) as second:
        installation.resolve(decision["id"], "answer", "no")
    assert (second.value.status, second.value.body["code"]) == (409, "already_resolved")
    kinds = [event["type"] for event in check_undisturbed(installation, run, ASK)]
    assert [kinds.count(kind) for kind in ("decision.requested", "decision.resolved")] == [1, 1]


@pytest.mark.timeout(240 + 12 * max(KILLS, 1000 if os.environ.get("FULL") else max(SAMPLE.values())))
def test_g1_incident_3_15_3_16_kills_at_random_moments(installation: Installation, counter: CountingService) -> None:
    """INCIDENTS 3.15, 3.16: of any process, while runs answer, count and ask, and a person answers them."""
    moments = random.Random(f"{SEED} {installation.shape}")
    kills = KILLS or (ALL if os.environ.get("FULL") else SAMPLE)[installation.shape]
    with answering_person(installation):
        for begun in range(0, kills, ROUND):
            installation.sign_in()  # a token holds for a quarter of an hour
            runs, viewers = kill_at_random(installation, moments, min(ROUND, kills - begun))
            for run, text in runs.items():
                check_ended(installation, run, text, counter)
            for viewer in viewers:
                assert viewer.finish() == sound(installation.webs[0], viewer.run)
            if kills > ROUND:
                print(f"{installation.shape}: {min(begun + ROUND, kills)} deaths, {len(runs)} runs more ended right")
    assert installation.rows("SELECT count(*) FROM agents_messagechunk") == [(0,)]
    if installation.shape == "sqlite":
        assert installation.rows("PRAGMA integrity_check") == [("ok",)]


def kill_at_random(
    installation: Installation, moments: random.Random, kills: int
) -> tuple[dict[str, str], list[Viewer]]:
    """So many deaths of any process, each with three runs begun before it; the runs and who watched them."""
    runs: dict[str, str] = {}
    viewers: list[Viewer] = []
    for _ in range(kills):
        for text in (PLAIN, COUNT, ASK):
            run = installation.start_run(text, web=moments.randrange(len(installation.webs)))
            viewers.append(Viewer(moments.choice(installation.webs), run).start())
            runs[run] = text
        threading.Event().wait(moments.uniform(0.0, 1.2))
        killed = moments.choice(installation.processes)
        killed.kill()
        killed.start()
    assert len(runs) == 3 * kills
    return runs, viewers


@pytest.mark.parametrize("whole", ["postgres", "fleet"], indirect=True)
def test_the_database_is_stopped_at_once_under_a_hundred_runs(installation: Installation) -> None:
    web, postgres = installation.webs[0], installation.postgres
    assert postgres is not None
    runs = {installation.start_run(text): text for text in (LONG, STEPS) * 50}
    viewers = [
        Viewer(installation.webs[number % len(installation.webs)], run).start()
        for number, run in enumerate(list(runs)[::17])
    ]
    wait_until(lambda: not web.call("GET", "runs/?status=queued&limit=1")["results"], installation.said())
    postgres.stop_at_once()
    with ThreadPoolExecutor(8) as readers:
        reading = [readers.submit(status_of, web) for _ in range(8)]
        refused = wait_until(lambda: next((r for r in reading if r.done()), None), "nobody was answered").result()
        postgres.start()
        assert refused == (503, True), "a server that is gone is no fault of the caller's, and comes back"
        assert {reader.result() for reader in reading} <= {(503, True), (200, False)}
    for one in installation.webs:
        wait_until_served(one)
    for run, text in runs.items():
        check_undisturbed(installation, run, text)
    for viewer in viewers:
        assert viewer.finish() == sound(web, viewer.run)
    assert all(is_running(part.process) for part in installation.processes)


@pytest.mark.parametrize("whole", ["postgres", "fleet"], indirect=True)
def test_connections_to_the_database_are_cut_again_and_again(installation: Installation) -> None:
    """As a failover or a balancer does it, at whatever moment: no run fails for it."""
    assert installation.postgres is not None
    runs = [installation.start_run(STEPS) for _ in range(10)]
    viewers = [Viewer(web, run).start() for web, run in zip(installation.webs, runs, strict=False)]
    for viewer in viewers:
        viewer.wait_for(lambda viewer=viewer: "tool.completed" in viewer.kinds, "no step was done")  # type: ignore[misc]
    cut = 0
    for _ in range(6):
        cut += len(installation.rows(CUT))
        threading.Event().wait(0.4)  # so that each cut finds the connections that were made after the last one
    assert cut >= 6
    for one in installation.webs:
        wait_until_served(one)
    for run in runs:
        check_undisturbed(installation, run, STEPS)
    for viewer in viewers:
        assert viewer.finish() == sound(installation.webs[0], viewer.run)


@pytest.mark.parametrize("whole", ["postgres", "fleet"], indirect=True)
def test_the_database_is_away_for_longer_than_anybody_waits(installation: Installation) -> None:
    """A run that has something to read then is given back, not failed: whoever takes it next goes on."""
    web, postgres, said = installation.webs[0], installation.postgres, "And hear this [[tokens:30 gap:5]]"
    assert postgres is not None
    run = installation.start_run("Say something [[tokens:60 gap:40]]")
    viewer = Viewer(installation.webs[-1], run).start()
    viewer.wait_for_text()
    carrier = installation.carrier(run)
    conversation = web.call("GET", f"runs/{run}/")["conversation"]
    web.call("POST", f"conversations/{conversation}/messages/", {"text": said, "mode": "steer"})
    postgres.stop_at_once()
    wait_until(lambda: "the database is away" in carrier.log.read_text(), carrier.log.read_text()[-3000:], 40)
    postgres.start()
    events = viewer.finish()
    for one in installation.webs:
        wait_until_served(one)
    assert events == sound(web, run) and events[-1]["type"] == "run.succeeded"
    spoken = [event["message"] for event in events if event["type"] == "message.started" and event["role"] == "user"]
    texts = [event["text"] for event in events if event["type"] == "message.completed"]
    assert len(spoken) == texts.count(said) == 1 and "And hear this" in texts[-1], "it is heard once, and answered"
