"""The demo model: what its directives promise."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from llm_providers import errors
from llm_providers.protocol import (
    Access,
    AssistantMessage,
    ModelRequest,
    ModelStopped,
    TextDelta,
    ToolCallPart,
    ToolCallReady,
    ToolResultMessage,
    UsageReported,
    UserMessage,
)
from llm_providers.registry import adapter_for

ACCESS = Access(kind="demo", identity="demo", base_url="")


async def ask(text: str, *after: Any, **more: Any) -> list[Any]:
    request = ModelRequest("demo", (UserMessage("[[fail:500]] earlier"), UserMessage(text), *after), **more)
    return [event async for event in adapter_for("demo").stream(request, ACCESS)]


def text_of(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_explains_itself_and_quotes_the_message() -> None:
    events = await ask("What is this?")
    assert "no AI" in text_of(events)
    assert "> What is this?" in text_of(events)
    tokens = [event for event in events if isinstance(event, TextDelta)]
    assert 40 <= len(tokens) <= 60
    assert isinstance(events[-2], UsageReported)
    assert events[-1] == ModelStopped("stop")
    assert text_of(await ask("What is this?")) == text_of(events)


@pytest.mark.parametrize("count", [1, 10, 200, 2000])
async def test_tokens_and_gap(count: int) -> None:
    begun = time.monotonic()
    events = await ask(f"[[tokens:{count} gap:0]] go")
    assert sum(isinstance(event, TextDelta) for event in events) == count
    assert time.monotonic() - begun < 10  # with the usual gap, two thousand take longer


async def test_the_gap_is_kept() -> None:
    begun = time.monotonic()
    await ask("[[tokens:11 gap:30]]")
    assert 0.28 < time.monotonic() - begun < 5


async def test_tools_in_order_one_step_each() -> None:
    text = 'Do it [[tool:clock {"zone": "UTC"}]] then [[tool:sum {"a": [[1, 2]], "b": "]]"}]] and [[tool:plain]]'
    history: list[Any] = []
    wanted = [("clock", {"zone": "UTC"}), ("sum", {"a": [[1, 2]], "b": "]]"}), ("plain", {})]
    for name, arguments in wanted:
        events = await ask(text, *history)
        (ready,) = [event for event in events if isinstance(event, ToolCallReady)]
        assert (ready.name, ready.arguments) == (name, arguments)
        assert events[-1] == ModelStopped("tool_calls")
        history += [
            AssistantMessage("", (ToolCallPart("c", name, arguments),)),
            ToolResultMessage("c", name, f"<{name}>"),
        ]
    events = await ask(text, *history)
    assert events[-1] == ModelStopped("stop")
    assert all(f"<{name}>" in text_of(events) for name, _ in wanted)


async def test_broken_arguments_are_reported_not_mended() -> None:
    (ready,) = [event for event in await ask("[[tool:clock {broken]]") if isinstance(event, ToolCallReady)]
    assert ready.arguments is None
    assert ready.error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, errors.AuthFailed),
        (403, errors.AuthFailed),
        (404, errors.ModelGone),
        (429, errors.RateLimited),
        (500, errors.Overloaded),
        (529, errors.Overloaded),
        (400, errors.RequestRejected),
        (200, errors.RequestRejected),
    ],
)
async def test_failures(status: int, error: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as caught:
        await ask(f"[[fail:{status}]]")
    assert type(caught.value) is error


async def test_a_stall_can_be_cancelled() -> None:
    task = asyncio.create_task(ask("[[stall:30]]"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def test_the_output_limit_cuts() -> None:
    events = await ask("[[tokens:100 gap:0]]", max_output_tokens=7)
    assert sum(isinstance(event, TextDelta) for event in events) == 7
    assert events[-1] == ModelStopped("length")
