"""The process dies after every single commit, in every combination up to three deaths: the end is right each time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from agents.engine.events import EventMalformed, RunFailed, from_json
from agents.engine.state import JournalBroken, fold
from agents.tests.engine_twin import Crash, Twin, says

DECIDES = ("happened", "run_again", "stop")


def make(effect: str = "once") -> Twin:
    tools: Any = {"t": (effect, lambda n=0: f"result {n}"), "r": ("read", lambda: "read")}
    return Twin([says("First", ("t", {"n": 1}), ("r", {})), says("Second", ("t", {"n": 2})), says("The end")], tools)


async def _run_with_crashes(twin: Twin, cuts: tuple[int, ...], decides: str = "happened") -> None:
    """Die after each of these commits, then run on to the end; a person answers whatever is asked."""
    left = list(cuts)
    for _ in range(200):
        try:
            await twin.run(crash_after=left.pop(0) if left else None)
        except Crash:
            continue
        state = fold(twin.events)
        if state.ended:
            return
        assert state.status == "waiting" and state.open_decisions
        twin.decide(decides)
    raise AssertionError("the run never ended")


def _cuts() -> list[tuple[int, ...]]:
    singles = [(n,) for n in range(1, 9)]
    return singles + [(a, b) for a in range(1, 8) for b in range(1, 8)] + [(1, 1, 1), (2, 2, 2), (3, 1, 2), (4, 3, 2)]


@pytest.mark.parametrize("cuts", _cuts(), ids=str)
@pytest.mark.parametrize(("effect", "decides"), [("once", d) for d in DECIDES] + [("idempotent", "happened")])
def test_every_crash_ends_right_and_no_tool_runs_twice_in_silence(
    cuts: tuple[int, ...], effect: str, decides: str
) -> None:
    twin = make(effect)
    asyncio.run(_run_with_crashes(twin, cuts, decides))
    events = twin.events
    state = fold(events)
    assert state.ended and sum(e.type in ("run.succeeded", "run.failed", "run.cancelled") for e in events) == 1
    requested = [e.call for e in events if e.type == "tool.requested"]  # type: ignore[attr-defined]
    completed = Counter(e.call for e in events if e.type == "tool.completed")  # type: ignore[attr-defined]
    unknown = Counter(e.call for e in events if e.type == "tool.unknown")  # type: ignore[attr-defined]
    asked = [e for e in events if e.type == "decision.requested"]
    assert Counter(e.call for e in asked) == unknown, "every unsure case is put to a person"  # type: ignore[attr-defined]
    assert len([e for e in events if e.type == "decision.resolved"]) == len(asked)
    runs = Counter(twin.tools.executed)
    once = {e.call for e in events if e.type == "tool.requested" and e.name == "t" and effect == "once"}  # type: ignore[attr-defined]
    again = unknown if decides == "run_again" else Counter()
    assert all(runs[call] <= 1 + again[call] for call in once), "a person said so each time it ran again"
    if effect == "idempotent":
        assert not unknown
    if decides == "stop" and asked:
        assert state.status == "cancelled" and len(asked) == 1
        assert all(completed[call] == 1 for call in requested if not unknown[call])
    else:
        assert all(completed[call] == 1 for call in requested)
        assert state.steps[-1].text == "The end"
        started = [e.message for e in events if e.type == "message.started"]  # type: ignore[attr-defined]
        assert len(started) == len(set(started))
        dropped = {m for e in events if e.type == "step.restarted" for m in e.dropped}  # type: ignore[attr-defined]
        done = {e.message for e in events if e.type == "message.completed"}  # type: ignore[attr-defined]
        assert dropped | done == set(started) and not dropped & done


def test_cancel_of_a_run_whose_worker_died_keeps_the_saved_text() -> None:
    twin = make()

    async def play() -> None:
        with pytest.raises(Crash):
            await twin.run(crash_after=1)
        twin.live.append(("msg_1", "text", "Fir"))
        twin.stop.request("cancelled")
        await twin.run()

    asyncio.run(play())
    closed = next(e for e in twin.events if e.type == "message.completed")
    assert (closed.text, closed.finish) == ("Fir", "cancelled")  # type: ignore[attr-defined]
    assert twin.types[-1] == "run.cancelled"


def test_a_run_that_only_ever_kills_its_worker_is_given_up() -> None:
    twin = make()
    asyncio.run(_run_with_crashes(twin, (1,) * 40))
    failed = next(e for e in twin.events if isinstance(e, RunFailed))
    assert failed.code == "internal_error" and len(twin.commits) < 30


def test_incident_3_16_an_ended_run_is_never_touched_again() -> None:
    twin = make()
    asyncio.run(twin.run())
    before = len(twin.commits)
    asyncio.run(twin.run())
    assert len(twin.commits) == before
    with pytest.raises(JournalBroken):
        fold([*twin.events, twin.events[1]])


def test_events_round_trip_and_refuse_what_they_do_not_know() -> None:
    twin = make()
    asyncio.run(twin.run())
    for event in twin.events:
        assert from_json(event.to_json()) == event
    with pytest.raises(EventMalformed):
        from_json({"type": "run.started", "attempt": 1, "extra": 2})
    with pytest.raises(EventMalformed):
        from_json({"type": "run.started"})
    with pytest.raises(EventMalformed):
        from_json({"type": "run.exploded"})
