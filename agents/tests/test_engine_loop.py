"""The engine against in-memory ports: order, tools, limits, stops, failures."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal
from typing import Any

import pytest

from agents.engine.events import MessageCompleted, RunFailed, ToolCompleted, UsageRecorded
from agents.engine.limits import Limits
from agents.tests.engine_twin import Twin, says
from core.money import Money
from llm_providers.errors import RateLimited, Refused
from llm_providers.protocol import (
    AssistantMessage,
    ModelStopped,
    ReasoningDelta,
    SystemMessage,
    TextDelta,
    ToolResultMessage,
    UserMessage,
)


def run(twin: Twin, **kwargs: Any) -> Twin:
    asyncio.run(twin.run(**kwargs))
    return twin


def last(twin: Twin, kind: type) -> Any:
    return [event for event in twin.events if isinstance(event, kind)][-1]


def test_one_answer_takes_two_commits_and_keeps_the_order() -> None:
    twin = run(Twin([says("Good morning")]))
    assert [[document["type"] for document in commit] for commit in twin.commits[1:]] == [
        ["run.started", "step.started", "message.started"],
        ["message.completed", "usage.recorded", "step.completed", "run.succeeded"],
    ]
    assert "".join(text for _, _, text in twin.live) == "Good morning" == last(twin, MessageCompleted).text


def test_reasoning_comes_before_the_message_and_is_its_own_part() -> None:
    twin = run(Twin([[ReasoningDelta("hm"), TextDelta("yes"), ModelStopped("stop")]]))
    types = twin.types
    assert types.index("reasoning.completed") < types.index("message.completed")
    assert [(part, text) for _, part, text in twin.live] == [("reasoning", "hm"), ("text", "yes")]


def test_tools_run_side_by_side_and_are_recorded_in_order() -> None:
    order: list[str] = []

    async def slow(**_: Any) -> str:
        await asyncio.sleep(0.05)
        order.append("slow")
        return "slow done"

    async def quick(**_: Any) -> str:
        order.append("quick")
        return "quick done"

    tools = {"slow": ("read", slow), "quick": ("once", quick)}
    twin = run(Twin([says("Let me see", ("slow", {}), ("quick", {})), says("Done")], tools))  # type: ignore[arg-type]
    assert order == ["quick", "slow"]
    assert [event.result for event in twin.events if isinstance(event, ToolCompleted)] == ["slow done", "quick done"]
    question = twin.model.requests[1]
    assert isinstance(question[1], AssistantMessage) and len(question[1].tool_calls) == 2
    assert [m.text for m in question if isinstance(m, ToolResultMessage)] == ["slow done", "quick done"]
    assert twin.types[-1] == "run.succeeded"


def test_more_calls_than_may_run_together_all_run_once() -> None:
    tools = {"t": ("once", lambda n: n)}
    twin = run(Twin([says("", *[("t", {"n": n}) for n in range(20)]), says("ok")], tools))  # type: ignore[arg-type]
    assert [e.result for e in twin.events if isinstance(e, ToolCompleted)] == [str(n) for n in range(20)]
    assert len(twin.tools.executed) == len(set(twin.tools.executed)) == 20


def test_unknown_tools_and_unreadable_arguments_are_never_executed_and_help_the_model() -> None:
    tools = {"clock": ("read", lambda: "noon")}
    twin = run(Twin([says("", ("clokc", {}), ("clock", None)), says("sorry")], tools))  # type: ignore[arg-type]
    results = [event for event in twin.events if isinstance(event, ToolCompleted)]
    assert [event.outcome for event in results] == ["error", "error"]
    assert "clock" in results[0].result and "JSON" in results[1].result
    assert twin.tools.executed == [] and "tool.started" not in twin.types and twin.types[-1] == "run.succeeded"


def test_a_failing_tool_is_an_error_for_the_model_not_for_the_run() -> None:
    def broken() -> str:
        raise RuntimeError("secret path")

    twin = run(Twin([says("", ("broken", {})), says("ok")], {"broken": ("read", broken)}))
    assert last(twin, ToolCompleted).outcome == "error" and "secret" not in last(twin, ToolCompleted).result
    assert twin.types[-1] == "run.succeeded"


@pytest.mark.parametrize(
    ("limits", "code"), [(Limits(max_steps=3), "max_steps"), (Limits(max_tokens=40), "max_tokens")]
)
def test_limits_end_the_run_with_a_reason(limits: Limits, code: str) -> None:
    twin = run(Twin([says("again", ("t", {}))], {"t": ("read", lambda: "x")}, limits=limits))
    assert last(twin, RunFailed).code == code
    assert twin.types.count("step.started") == 3
    assert twin.types.count("tool.completed") == 3


def test_a_run_that_costs_more_than_it_may_ends() -> None:
    script = says("again", ("t", {}), cost=Money(Decimal("0.10")))
    counter = itertools.count()

    def spend(limit: Money) -> Twin:
        return run(Twin([script], {"t": ("read", lambda: next(counter))}, limits=Limits(max_steps=9, max_cost=limit)))

    twin = spend(Money(Decimal("0.30")))
    assert last(twin, RunFailed).code == "max_cost" and twin.types.count("step.started") == 3
    other = spend(Money(Decimal("0.30"), "EUR"))
    assert last(other, RunFailed).code == "max_steps", "amounts in another currency cannot be compared"


def test_a_run_that_goes_in_circles_ends() -> None:
    limits = Limits(max_steps=50)
    twin = run(Twin([says("again", ("t", {"n": 1}))], {"t": ("read", lambda n: "same")}, limits=limits))
    assert last(twin, RunFailed).code == "no_progress" and twin.types.count("step.started") == 5
    counter = itertools.count()
    moving = run(Twin([says("again", ("t", {"n": 1}))], {"t": ("read", lambda n: next(counter))}, limits=limits))
    assert last(moving, RunFailed).code == "max_steps", "polling that brings something new is progress"


def test_cancel_keeps_all_text_that_was_sent() -> None:
    twin = Twin([[TextDelta("one "), TextDelta("two"), 5.0, TextDelta("never")]])

    async def play() -> None:
        task = asyncio.create_task(twin.run())
        await asyncio.sleep(0.02)
        twin.stop.request("cancelled")
        await asyncio.wait_for(task, 1)

    asyncio.run(play())
    assert last(twin, MessageCompleted) == MessageCompleted("msg_1", "assistant", "one two", "cancelled")
    assert twin.types[-3:] == ["message.completed", "usage.recorded", "run.cancelled"]
    assert twin.model.closed == 1


def test_cancel_while_tools_run_closes_every_call() -> None:
    async def sleeps() -> str:
        await asyncio.sleep(10)
        return "no"

    twin = Twin([says("", ("s", {}), ("q", {}))], {"s": ("once", sleeps), "q": ("read", lambda: "quick")})

    async def play() -> None:
        task = asyncio.create_task(twin.run())
        await asyncio.sleep(0.02)
        twin.stop.request("cancelled")
        await asyncio.wait_for(task, 1)

    asyncio.run(play())
    assert [e.outcome for e in twin.events if isinstance(e, ToolCompleted)] == ["cancelled", "ok"]
    assert twin.types[-1] == "run.cancelled"


def test_running_out_of_time_interrupts_the_model() -> None:
    twin = Twin([[TextDelta("slowly"), 5.0]], limits=Limits(max_seconds=7))

    async def play() -> None:
        task = asyncio.create_task(twin.run())
        await asyncio.sleep(0.02)
        twin.stop.request("max_seconds")
        await asyncio.wait_for(task, 1)

    asyncio.run(play())
    assert last(twin, MessageCompleted).finish == "failed" and last(twin, MessageCompleted).text == "slowly"
    assert last(twin, RunFailed).code == "max_seconds" and "7 seconds" in last(twin, RunFailed).detail


@pytest.mark.parametrize("text", ["", "partial"])
def test_a_providers_error_keeps_the_text_and_says_why(text: str) -> None:
    script = [TextDelta(text)] if text else []
    twin = run(Twin([[*script, RateLimited("Too many requests; wait a minute.")]]))
    assert last(twin, MessageCompleted) == MessageCompleted("msg_1", "assistant", text, "failed")
    assert last(twin, RunFailed) == RunFailed("provider_rate_limited", "Too many requests; wait a minute.")


@pytest.mark.parametrize("script", [[TextDelta("I "), ModelStopped("refused")], [Refused("No.")]])
def test_a_refusal_is_its_own_outcome(script: list[Any]) -> None:
    twin = run(Twin([script]))
    assert last(twin, MessageCompleted).finish == "refused" and last(twin, RunFailed).code == "refused"


def test_an_answer_cut_for_length_succeeds_and_its_calls_are_not_run() -> None:
    cut = [*says("long", ("t", {}))[:-1], ModelStopped("length")]
    twin = run(Twin([cut], {"t": ("once", lambda: "x")}))
    assert last(twin, MessageCompleted).finish == "length"
    assert twin.types[-1] == "run.succeeded" and twin.tools.executed == []


def test_the_oldest_turns_are_left_out_when_the_window_is_small() -> None:
    history = tuple(
        m for n in range(20) for m in (UserMessage(f"q{n} " + "x" * 400), AssistantMessage(f"a{n} " + "y" * 400))
    )
    twin = run(Twin([says("ok")], history=history, context_window=2000, instructions="Be brief.", omitted=3))
    sent = twin.model.requests[0]
    assert isinstance(sent[0], SystemMessage) and isinstance(sent[1], UserMessage) and sent[-1] == UserMessage("Hello")
    dropped = next(e for e in twin.events if e.type == "context.compacted").dropped_messages  # type: ignore[attr-defined]
    assert dropped == 40 + 3 - (len(sent) - 2) and dropped > 3
    assert run(Twin([says("ok")], history=history)).types.count("context.compacted") == 0


def test_usage_without_a_price_is_null() -> None:
    assert last(run(Twin([says("hi")])), UsageRecorded).cost is None
