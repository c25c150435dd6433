"""What a person is asked: the run waits without a worker, and goes on with the answer as if it had never stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.engine.ports import Resolution
from agents.engine.state import fold
from agents.tests.engine_twin import Crash, Twin, says


def asking(*calls: tuple[str, dict[str, Any]]) -> Twin:
    tools: Any = {"ask": ("read", lambda **_: "never called"), "r": ("read", lambda: "read")}
    return Twin([says("Wait", *calls), says("Thank you")], tools)


def completed(twin: Twin) -> list[tuple[str, str]]:
    return [(e.outcome, e.result) for e in twin.events if e.type == "tool.completed"]  # type: ignore[attr-defined]


def test_a_question_parks_the_run_and_the_answer_reaches_the_model() -> None:
    twin = asking(("ask", {"question": "Red or blue?", "options": ["red", "blue"]}), ("r", {}))
    asyncio.run(twin.run())
    state = fold(twin.events)
    assert state.status == "waiting" and [d.kind for d in state.open_decisions] == ["question"]
    assert [event["type"] for event in twin.commits[-1]][-3:] == ["tool.started", "decision.requested", "run.waiting"]
    asked = next(e for e in twin.events if e.type == "decision.requested")
    assert (asked.prompt, asked.options) == ("Red or blue?", ("red", "blue"))  # type: ignore[attr-defined]
    assert completed(twin) == [("ok", "read")], "what needs nobody is done before the question"
    twin.decide("answer", "blue")
    asyncio.run(twin.run())
    assert completed(twin) == [("ok", "read"), ("ok", "blue")]
    assert [m.text for m in twin.model.requests[-1]][-2:] == ["blue", "read"], "results in the order of the calls"
    assert twin.types[-1] == "run.succeeded" and "ask" not in str(twin.tools.executed)


def test_a_run_waits_for_all_that_it_asked() -> None:
    twin = asking(("ask", {"question": "One?"}), ("ask", {"question": "Two?"}))
    asyncio.run(twin.run())
    first, second = fold(twin.events).open_decisions
    twin.resolutions[second.decision] = Resolution("answer", "2")
    asyncio.run(twin.run())
    assert fold(twin.events).status == "waiting" and completed(twin) == [("ok", "2")]
    twin.resolutions[first.decision] = Resolution("decline")
    asyncio.run(twin.run())
    assert completed(twin) == [("ok", "2"), ("denied", "The person chose not to answer.")]
    assert twin.types[-1] == "run.succeeded"


@pytest.mark.parametrize("cut", range(1, 7))
def test_no_crash_loses_an_answer_or_asks_twice(cut: int) -> None:
    twin = asking(("ask", {"question": "Red or blue?"}))

    async def play() -> None:
        left = [cut]
        while not fold(twin.events).ended:
            try:
                await twin.run(crash_after=left.pop() if left else None)
            except Crash:
                continue
            twin.decide("answer", "blue")

    asyncio.run(play())
    assert twin.types.count("decision.requested") == twin.types.count("decision.resolved") == 1
    assert completed(twin) == [("ok", "blue")]


def test_a_stop_ends_a_waiting_run_and_what_it_asked_expires() -> None:
    twin = asking(("ask", {"question": "Red or blue?"}))
    asyncio.run(twin.run())
    twin.stop.request("cancelled")
    asyncio.run(twin.run())
    assert [event["type"] for event in twin.commits[-1]] == ["decision.expired", "tool.completed", "run.cancelled"]


def test_a_question_that_cannot_be_read_goes_back_to_the_model() -> None:
    twin = asking(("ask", {}))
    asyncio.run(twin.run())
    assert completed(twin) == [("error", "question is missing")] and twin.types[-1] == "run.succeeded"
