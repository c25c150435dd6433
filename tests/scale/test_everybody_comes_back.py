"""G5: all viewers are cut off at once and come back at once: each has caught up within 30 s, and no answer is a 5xx.

Each follows two runs. Both web servers are killed in the middle of them; while they are away one run comes to its end, the
other goes on. `CLIENTS=n` for another number; fifty sockets belong to one person, as many as one may have, and follow the
same two runs.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fixtures.crowd import Person, make_people
from tests.fixtures.fleet import Fleet
from tests.fixtures.line import Line
from tests.fixtures.viewer import sound
from tests.scale.amounts import amount
from tests.scale.crowd_of_viewers import Crowd, Viewer

try:  # the clients share the machine with what they measure
    import uvloop

    LOOP: Any = uvloop.new_event_loop
except ImportError:
    LOOP = None

CLIENTS = amount("CLIENTS", sample=200, full=10_000)
SOCKETS_OF_A_PERSON = 50
#: Of each kind. The two workers carry on two hundred at once, and there must be room for those that wait for an answer.
MOST_RUNS = 100
SECONDS = 30.0
#: How many connect at the same time before the cut, when nothing is measured.
AT_FIRST = 100
TOOLS = " ".join(f'[[tool:calculator {{"expression":"{number}*7"}}]]' for number in range(3))
FINISHED = f'First {TOOLS} [[tool:ask_person {{"question":"Go on?"}}]] {TOOLS} [[tokens:200 gap:0]]'
#: A word every five seconds: what is measured is coming back, not text for thousands.
RUNNING = f"Second {TOOLS} [[tokens:110 gap:5000]]"

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(900)]


@dataclass
class Pair:
    """Two runs that some people follow; the first waits for an answer until all are cut off."""

    finished: str
    running: str
    question: str = ""


def test_g5_everybody_comes_back_at_once(fleet: Fleet) -> None:
    people = make_people(fleet.webs[0], -(-CLIENTS // SOCKETS_OF_A_PERSON))
    with asyncio.Runner(loop_factory=LOOP) as runner:
        crowd, reads = runner.run(come_and_come_back(fleet, people))
    took = sorted(crowd.times)
    print(
        f"\nG5: {CLIENTS} clients cut and back at once: half had caught up after {took[len(took) // 2]:.1f} s, all after "
        f"{took[-1]:.1f} s; handshakes {dict(crowd.answers)}, sent away {dict(crowd.closes)}, reads {dict(reads)}"
    )
    assert not crowd.faults, crowd.faults[:5]
    assert len(took) == CLIENTS and took[-1] <= SECONDS
    assert not [status for status in (*crowd.answers, *reads) if status >= 500]


async def come_and_come_back(fleet: Fleet, people: list[Person]) -> tuple[Crowd, Counter[int]]:
    crowd, pairs = Crowd(), await start_pairs(fleet, people[:MOST_RUNS])
    viewers = []
    for number in range(CLIENTS):
        person = number // SOCKETS_OF_A_PERSON
        pair = pairs[person % len(pairs)]
        viewers.append(Viewer(crowd, fleet.webs[person % 2], people[person].token, (pair.finished, pair.running)))
    for first in range(0, CLIENTS, AT_FIRST):
        await asyncio.gather(*(viewer.connect() for viewer in viewers[first : first + AT_FIRST]))
    assert not crowd.faults, crowd.faults[:5]
    assert not any(place.ended for viewer in viewers for place in viewer.places.values())

    crowd.leaving = True
    for product in fleet.webs:
        product.kill()
    while any(viewer.connected for viewer in viewers):
        await asyncio.sleep(0.05)
    for product in fleet.webs:
        await asyncio.to_thread(product.start)
    await finish_first(fleet, people[0], pairs)

    crowd.answers, crowd.closes, crowd.times, crowd.leaving = Counter(), Counter(), [], False
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(keep_reading(fleet, people[0], pairs[0].running, stop))
        crowd.begun = time.monotonic()
        async with asyncio.timeout(4 * SECONDS):
            await asyncio.gather(*(viewer.connect() for viewer in viewers))
        stop.set()

    first, counted = viewers[0], crowd.answers.copy()
    assert await is_one_too_many(Viewer(crowd, first.product, first.token, list(first.places)), crowd)
    crowd.answers = counted
    await check_all(fleet, people[0], pairs, viewers)
    crowd.leaving = True
    for viewer in viewers:
        viewer.cut()
    return crowd, reading.result()


async def start_pairs(fleet: Fleet, people: list[Person]) -> list[Pair]:
    pairs = []
    for person in people:
        line, runs = Line(fleet.webs[0], person.token), []
        for text in (FINISHED, RUNNING):
            body = {"agent": fleet.agent, "input": {"text": text}}  # type: ignore[attr-defined]
            status, made = await line.call("POST", "runs/", body)
            assert status == 202, made
            runs.append(made["id"])
        pairs.append(Pair(*runs))
        line.close()
    line = Line(fleet.webs[0], people[0].token)
    async with asyncio.timeout(60):
        for pair in pairs:
            while not pair.question:
                _, page = await line.call("GET", f"decisions/?status=open&run={pair.finished}")
                pair.question = page["results"][0]["id"] if page["results"] else ""
    line.close()
    return pairs


async def finish_first(fleet: Fleet, person: Person, pairs: list[Pair]) -> None:
    line = Line(fleet.webs[0], person.token)
    for pair in pairs:
        body = {"resolution": "answer", "result": "Yes"}
        status, answer = await line.call("POST", f"decisions/{pair.question}/resolve/", body)
        assert status == 200, answer
    async with asyncio.timeout(60):
        for pair in pairs:
            while (await line.call("GET", f"runs/{pair.finished}/"))[1]["status"] != "succeeded":
                await asyncio.sleep(0.05)
    line.close()


async def keep_reading(fleet: Fleet, person: Person, run: str, stop: asyncio.Event) -> Counter[int]:
    """What plain requests are answered meanwhile."""
    lines = [Line(product, person.token) for product in fleet.webs]
    answers: Counter[int] = Counter()
    while not stop.is_set():
        for line in lines:
            answers[(await line.call("GET", f"runs/{run}/"))[0]] += 1
        await asyncio.sleep(0.2)
    for line in lines:
        line.close()
    return answers


async def is_one_too_many(viewer: Viewer, crowd: Crowd) -> bool:
    """A person who has come back fifty times may not come once more."""
    counted, crowd.closes = crowd.closes, Counter()
    coming = asyncio.ensure_future(viewer.connect())
    while not crowd.closes and not coming.done():
        await asyncio.sleep(0.02)
    coming.cancel()
    refused, crowd.closes = set(crowd.closes), counted
    return refused == {1013}


async def check_all(fleet: Fleet, person: Person, pairs: list[Pair], viewers: list[Viewer]) -> None:
    """The running ones are stopped: then every viewer has every event and every word of both of its runs."""
    line = Line(fleet.webs[0], person.token)
    for pair in pairs:
        assert (await line.call("POST", f"runs/{pair.running}/cancel/", {}))[0] == 202
    async with asyncio.timeout(60):
        while not all(viewer.places[run].ended for viewer in viewers for run in viewer.places):
            await asyncio.sleep(0.1)
    line.close()
    fleet.webs[0].token = person.token
    journals = {run: sound(fleet.webs[0], run) for pair in pairs for run in (pair.finished, pair.running)}
    for run, events in journals.items():
        said = {event["message"]: event["text"] for event in events if event["type"] == "message.completed"}
        for viewer in viewers:
            if (place := viewer.places.get(run)) is not None:
                assert (place.seq, place.ended, place.texts) == (len(events), events[-1]["type"], said)
