"""G9: two people answer the same question at the same moment, differently: one of them decides, and the other is told so.

On SQLite both speak to the one process, on PostgreSQL each to a web server of their own. `DECISIONS=n` for another number.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.crowd import Person, make_people
from tests.fixtures.fleet import Fleet
from tests.fixtures.line import Line
from tests.fixtures.product import Product
from tests.scale.amounts import MOST_SECONDS, amount

DECISIONS = amount("DECISIONS", sample=50, full=10_000)
#: One run asks so many questions, one after the other.
QUESTIONS = 5
AT_ONCE = 40 if DECISIONS > 1_000 else 10
RENEW_SECONDS = 500
TEXT = (
    " ".join(f'[[tool:ask_person {{"question":"Question {number}?"}}]]' for number in range(QUESTIONS))
    + " [[tokens:2 gap:0]]"
)

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(max(1800, DECISIONS))]


@dataclass
class Place:
    """Where the two people are: each at a web server."""

    doors: list[Product]
    agent: str


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Place]:
    product = Product(data=tmp_path / "data", environment={"AAP_RATE_LIMITS": "100"})
    try:
        product.start().set_up()
        yield Place([product, product], product.demo_agent(tools=["ask_person"]))
    finally:
        product.stop()


@pytest.fixture
def on_postgres(fleet: Fleet) -> Place:
    return Place(fleet.webs, fleet.agent)  # type: ignore[attr-defined]


@pytest.fixture(params=["on_sqlite", pytest.param("on_postgres", marks=pytest.mark.full)])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


@dataclass
class Asked:
    """One run: what was decided in it, in order."""

    said: dict[str, str] = field(default_factory=dict)
    """Each decision and its answer."""
    ended: bool = False


class Deciders:
    def __init__(self, place: Place) -> None:
        self.place = place
        self.runs: dict[str, Asked] = {}
        self.wins: Counter[str] = Counter()
        self.begun = time.monotonic()
        self.waiting: dict[str, asyncio.Future[str]] = {}
        self._people: list[Person] = []
        self._renewed = 0.0

    async def people(self) -> list[Person]:
        if not self._people or time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renewed = time.monotonic()
            self._people = await asyncio.to_thread(make_people, self.place.doors[0], 2)
        return self._people

    async def decide_all(self) -> None:
        await self.people()
        numbers = iter(range(DECISIONS // QUESTIONS))
        async with asyncio.TaskGroup() as tasks:
            looking = tasks.create_task(self.look_for_questions())
            working = [tasks.create_task(self.go_through(numbers)) for _ in range(AT_ONCE)]
            await asyncio.gather(*working)
            looking.cancel()

    async def look_for_questions(self) -> None:
        """The list of what waits, as a person sees it, for all runs at once."""
        line = Line(self.place.doors[0], "")
        while True:
            line.token = (await self.people())[0].token
            status, page = await line.call("GET", "decisions/?status=open&limit=200")
            assert status == 200, page
            for decision in page["results"]:
                found = self.waiting.get(decision["run"])
                if found is not None and not found.done() and decision["id"] not in self.runs[decision["run"]].said:
                    assert (decision["kind"], decision["resolutions"]) == ("question", ["answer", "decline"])
                    found.set_result(decision["id"])
            await asyncio.sleep(0.02)

    async def go_through(self, numbers: Iterator[int]) -> None:
        """One run after the other: start it, and let both answer each of its questions."""
        lines = [Line(door, "") for door in self.place.doors]
        for line in lines:
            await line.open()
        for number in numbers:
            if time.monotonic() - self.begun > MOST_SECONDS:
                break
            people = await self.people()
            for line, person in zip(lines, people, strict=True):
                line.token = person.token
            body = {"agent": self.place.agent, "input": {"text": f"Run {number} {TEXT}"}}
            status, made = await lines[number % 2].call("POST", "runs/", body)
            assert status == 202, made
            asked = self.runs[made["id"]] = Asked()
            for question in range(QUESTIONS):
                self.waiting[made["id"]] = asyncio.get_running_loop().create_future()
                async with asyncio.timeout(60):
                    decision = await self.waiting[made["id"]]
                asked.said[decision] = await self.both(lines, people, decision, first=(number + question) % 2)
            await self.check_run(lines[0], made["id"])
        for line in lines:
            line.close()

    async def both(self, lines: list[Line], people: list[Person], decision: str, *, first: int) -> str:
        """Both requests are on the network before either is answered; gives the answer that counts."""
        bodies: list[dict[str, str]] = [
            {"resolution": "answer", "result": f"{person.email} says {decision[-6:]}"} for person in people
        ]
        if decision[-1] in "02468aceg":  # the second sometimes refuses to answer
            bodies[1] = {"resolution": "decline"}
        sent: list[asyncio.Task[tuple[int, Any]]] = []
        for line, body in list(zip(lines, bodies, strict=True))[:: 1 if first == 0 else -1]:
            sent.append(await line.send("POST", f"decisions/{decision}/resolve/", body))
        answers = await asyncio.gather(*sent)
        if first == 1:
            answers.reverse()
        (winner,) = [number for number, (status, _) in enumerate(answers) if status == 200]
        loser, (status, problem) = 1 - winner, answers[1 - winner]
        assert (status, problem["code"]) == (409, "already_resolved"), (loser, problem)
        assert people[winner].email in problem["detail"], problem
        won = answers[winner][1]
        assert (won["status"], won["resolution"]) == ("resolved", bodies[winner]["resolution"])
        assert won["resolved_by"]["email"] == people[winner].email
        self.wins[["first", "second"][winner != first]] += 1
        return bodies[winner].get("result", "")

    async def check_run(self, line: Line, run: str) -> None:
        """It went on with what the winners said, and its journal knows of nobody else."""
        async with asyncio.timeout(60):
            while (await line.call("GET", f"runs/{run}/"))[1]["status"] != "succeeded":
                await asyncio.sleep(0.05)
        status, page = await line.call("GET", f"runs/{run}/events/")
        assert status == 200 and page["next"] is None, page
        assert [row["seq"] for row in page["results"]] == list(range(1, len(page["results"]) + 1))
        events, said = [row["event"] for row in page["results"]], self.runs[run].said
        resolved = [event for event in events if event["type"] == "decision.resolved"]
        assert [event["decision"] for event in resolved] == list(said) and len(said) == QUESTIONS
        assert [event["resolution"] for event in resolved] == [
            "answer" if text else "decline" for text in said.values()
        ]
        done = [event for event in events if event["type"] == "tool.completed"]
        assert [event["outcome"] for event in done] == ["ok" if text else "denied" for text in said.values()]
        for event, text in zip(done, said.values(), strict=True):
            assert not text or event["result"] == text
        self.runs[run].ended = True


def test_g9_of_two_people_one_decides(place: Place) -> None:
    begun = time.monotonic()

    async def campaign() -> Deciders:
        deciders = Deciders(place)
        await deciders.decide_all()
        return deciders

    deciders = asyncio.run(campaign())
    count = sum(len(asked.said) for asked in deciders.runs.values())
    assert count == DECISIONS or time.monotonic() - begun > MOST_SECONDS
    assert all(asked.ended for asked in deciders.runs.values())
    print(
        f"\nG9: {count} questions in {len(deciders.runs)} runs, each answered by two people at once: {count} decided, "
        f"{count} told that somebody else was first; who was written first won {deciders.wins['first']}, the other "
        f"{deciders.wins['second']}; {time.monotonic() - begun:.0f} s"
    )
