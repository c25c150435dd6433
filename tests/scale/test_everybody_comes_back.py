"""G5: all viewers are cut off at once and come back at once: each has caught up within 30 s, and no answer is a 5xx.

Each follows two runs. Both web servers are killed in the middle of them; while they are away one run comes to its end, the
other goes on. `CLIENTS=n` for another number; fifty sockets belong to one person, as many as one may have.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from tests.crash.test_many_processes import sound, start
from tests.fixtures.crowd import Person, make_people
from tests.fixtures.fleet import Fleet
from tests.fixtures.line import Line
from tests.scale.amounts import amount
from tests.scale.crowd_of_viewers import Crowd, Viewer

CLIENTS = amount("CLIENTS", sample=200, full=10_000)
SOCKETS_OF_A_PERSON = 50
SECONDS = 30.0
#: How many connect at the same time before the cut, when nothing is measured.
AT_FIRST = 100
TOOLS = " ".join(f'[[tool:calculator {{"expression":"{number}*7"}}]]' for number in range(3))
FINISHED = f'First {TOOLS} [[tool:ask_person {{"question":"Go on?"}}]] {TOOLS} [[tokens:200 gap:0]]'
#: A word every five seconds: what is measured is coming back, not text for thousands.
RUNNING = f"Second {TOOLS} [[tokens:110 gap:5000]]"

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(900)]


def test_g5_everybody_comes_back_at_once(fleet: Fleet) -> None:
    web = fleet.webs[0]
    finished, running = start(fleet, FINISHED), start(fleet, RUNNING)
    people = make_people(web, -(-CLIENTS // SOCKETS_OF_A_PERSON))
    crowd = asyncio.run(come_and_come_back(fleet, people, finished, running))
    took = sorted(crowd.times)
    print(
        f"\nG5: {CLIENTS} clients cut and back at once: half had caught up after {took[len(took) // 2]:.1f} s, all after "
        f"{took[-1]:.1f} s; handshakes {dict(crowd.answers)}, sent away {dict(crowd.closes)}"
    )
    assert not crowd.faults, crowd.faults[:5]
    assert len(took) == CLIENTS and took[-1] <= SECONDS
    assert not [status for status in crowd.answers if status >= 500]


async def come_and_come_back(fleet: Fleet, people: list[Person], finished: str, running: str) -> Crowd:
    web = fleet.webs[0]
    crowd = Crowd([finished, running])
    viewers = [
        Viewer(crowd, fleet.webs[number // SOCKETS_OF_A_PERSON % 2], people[number // SOCKETS_OF_A_PERSON].token)
        for number in range(CLIENTS)
    ]
    question = await question_of(fleet, finished)
    for first in range(0, CLIENTS, AT_FIRST):
        await asyncio.gather(*(viewer.connect() for viewer in viewers[first : first + AT_FIRST]))
    assert not crowd.faults, crowd.faults[:5]
    seen = [viewer.places[finished].seq for viewer in viewers]
    assert min(seen) == max(seen) > 10 and not any(viewer.places[finished].ended for viewer in viewers)

    crowd.leaving = True
    for product in fleet.webs:
        product.kill()
    for product in fleet.webs:
        await asyncio.to_thread(product.start)
    while any(viewer.connected for viewer in viewers):
        await asyncio.sleep(0.05)
    body = {"resolution": "answer", "result": "Yes"}
    await asyncio.to_thread(web.call, "POST", f"decisions/{question}/resolve/", body)
    assert (await asyncio.to_thread(web.wait_for_end, finished))["status"] == "succeeded"

    crowd.answers, crowd.closes, crowd.times, crowd.leaving = Counter(), Counter(), [], False
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(keep_reading(fleet, running, stop))
        crowd.begun = time.monotonic()
        async with asyncio.timeout(4 * SECONDS):
            await asyncio.gather(*(viewer.connect() for viewer in viewers))
        stop.set()
    crowd.answers.update(reading.result())

    await asyncio.to_thread(web.call, "POST", f"runs/{running}/cancel/", {})
    async with asyncio.timeout(60):
        while not all(viewer.places[running].ended for viewer in viewers):
            await asyncio.sleep(0.1)
    for run in (finished, running):
        events = await asyncio.to_thread(sound, web, run)
        texts = {event["message"]: event["text"] for event in events if event["type"] == "message.completed"}
        said = {message: text for message, text in texts.items() if message in viewers[0].places[run].texts}
        assert len(said) >= 4
        for viewer in viewers:
            place = viewer.places[run]
            assert (place.seq, place.ended, place.texts) == (len(events), events[-1]["type"], said)
    crowd.leaving = True
    for viewer in viewers:
        viewer.cut()
    return crowd


async def question_of(fleet: Fleet, run: str) -> str:
    """The decision that the run waits for."""
    async with asyncio.timeout(30):
        while True:
            page = await asyncio.to_thread(fleet.webs[0].call, "GET", f"decisions/?status=open&run={run}")
            if page["results"]:
                return str(page["results"][0]["id"])
            await asyncio.sleep(0.05)


async def keep_reading(fleet: Fleet, run: str, stop: asyncio.Event) -> Counter[int]:
    """What plain requests are answered meanwhile."""
    lines = [Line(product, fleet.webs[0].token) for product in fleet.webs]
    answers: Counter[int] = Counter()
    while not stop.is_set():
        for line in lines:
            answers[(await line.call("GET", f"runs/{run}/"))[0]] += 1
        await asyncio.sleep(0.2)
    for line in lines:
        line.close()
    return answers
