"""One suite for all adapters: subclass it in a test module and give it a `subject` fixture.

    class TestMine(AdapterConformance):
        @pytest.fixture
        def subject(self) -> Subject: ...

The subject's vendor must answer the prompts of tests/mockvendor/fixtures.json. Methods are tests; nothing here is
imported by the product.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from llm_providers.errors import (
    AuthFailed,
    ContextTooLong,
    ModelGone,
    Overloaded,
    ProtocolBroken,
    ProviderError,
    RateLimited,
    RequestRejected,
    Unreachable,
)
from llm_providers.protocol import (
    Access,
    AssistantMessage,
    ChatMessage,
    ModelEvent,
    ModelRequest,
    ModelStopped,
    ProviderAdapter,
    ReasoningDelta,
    SystemMessage,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallPart,
    ToolCallReady,
    ToolCallStarted,
    ToolDefinition,
    ToolResultMessage,
    UsageReported,
    UserMessage,
)

KEY = "sk-canary-conformance-0001"
CLOCK = ToolDefinition(
    "clock", "Tells the time.", {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
)


@dataclass(frozen=True)
class Subject:
    """An adapter and the connection to the vendor that it is tried on. `skips` names tests that the vendor cannot serve."""

    adapter: ProviderAdapter
    access: Access
    model: str
    thinking_model: str | None = None
    skips: frozenset[str] = field(default_factory=frozenset)


async def listen(
    subject: Subject,
    prompt: str,
    *,
    before: Sequence[ChatMessage] = (),
    after: Sequence[ChatMessage] = (),
    tools: Sequence[ToolDefinition] = (),
    model: str | None = None,
) -> list[ModelEvent]:
    """All events of one call."""
    messages = (*before, UserMessage(prompt), *after)
    request = ModelRequest(model or subject.model, tuple(messages), tuple(tools))
    return [event async for event in subject.adapter.stream(request, subject.access)]


async def _collect(stream: AsyncIterator[ModelEvent], events: list[ModelEvent]) -> None:
    async for event in stream:
        events.append(event)


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def check_shape(events: Sequence[ModelEvent]) -> ModelStopped:
    """What holds for every stream; returns its end."""
    assert isinstance(events[-1], ModelStopped)
    assert sum(isinstance(event, ModelStopped) for event in events) == 1
    assert all(event.text for event in events if isinstance(event, TextDelta | ReasoningDelta | ToolArgumentsDelta))
    started = [event.index for event in events if isinstance(event, ToolCallStarted)]
    assert started == list(range(len(started)))
    for event in events:
        if isinstance(event, ToolCallReady):
            assert event.index in started
            assert (event.arguments is None) != (event.error is None)
    return events[-1]


class AdapterConformance:
    """Subclass and give `subject`."""

    @pytest.fixture(autouse=True)
    def _skip_unserved(self, request: pytest.FixtureRequest, subject: Subject) -> None:
        name = request.node.originalname or request.node.name
        if name in subject.skips:
            pytest.skip("the vendor's mock cannot serve this")

    async def test_text(self, subject: Subject) -> None:
        events = await listen(subject, "say hello", before=[SystemMessage("Be brief.")])
        assert check_shape(events).finish == "stop"
        assert text_of(events) == "Hello from the vendor, one piece at a time: äöü 🙂 done."

    async def test_usage(self, subject: Subject) -> None:
        events = await listen(subject, "say hello")
        (usage,) = [event for event in events if isinstance(event, UsageReported)][-1:]
        assert usage.output_tokens > 0
        assert usage.input_tokens >= 0

    async def test_reasoning(self, subject: Subject) -> None:
        if subject.thinking_model is None:
            pytest.skip("this vendor's mock does not think")
        events = await listen(subject, "think first", model=subject.thinking_model)
        check_shape(events)
        thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        assert thought == "First I consider the question."
        assert text_of(events) == "Then I answer."

    async def test_a_tool_call_and_its_result(self, subject: Subject) -> None:
        events = await listen(subject, "use the clock", tools=[CLOCK])
        end = check_shape(events)
        assert end.finish == "tool_calls"
        (ready,) = [event for event in events if isinstance(event, ToolCallReady)]
        assert (ready.name, ready.error) == ("clock", None)
        assert ready.arguments == {"zone": "UTC", "more": {"list": [1, 2, 3]}}
        said = AssistantMessage(text_of(events), (ToolCallPart("call_1", "clock", ready.arguments),), end.vendor_state)
        second = await listen(
            subject, "use the clock", after=[said, ToolResultMessage("call_1", "clock", "12:00")], tools=[CLOCK]
        )
        assert check_shape(second).finish == "stop"
        assert text_of(second) == "It is noon."

    async def test_text_and_two_tool_calls(self, subject: Subject) -> None:
        events = await listen(subject, "use two tools", tools=[CLOCK])
        assert check_shape(events).finish == "tool_calls"
        assert text_of(events) == "I will look."
        ready = [event for event in events if isinstance(event, ToolCallReady)]
        assert [(call.index, call.arguments) for call in ready] == [(0, {"zone": "UTC"}), (1, {"zone": "CET"})]

    @pytest.mark.parametrize(
        ("prompt", "error"),
        [
            ("fail 401", AuthFailed),
            ("fail 403", AuthFailed),
            ("fail 404", ModelGone),
            ("fail 429", RateLimited),
            ("fail 500", Overloaded),
            ("fail 503", Overloaded),
            ("fail context", ContextTooLong),
            ("fail other", RequestRejected),
        ],
    )
    async def test_errors(self, subject: Subject, prompt: str, error: type[ProviderError]) -> None:
        begun = time.monotonic()
        with pytest.raises(ProviderError) as caught:
            await listen(subject, prompt)
        assert type(caught.value) is error
        assert time.monotonic() - begun < 5  # no retries of the SDK's own
        shown = f"{caught.value.detail} {caught.value!r}"
        assert KEY not in shown
        assert len(caught.value.detail) < 500
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    async def test_a_cut_answer_is_an_error_and_keeps_its_text(self, subject: Subject) -> None:
        events: list[ModelEvent] = []
        request = ModelRequest(subject.model, (UserMessage("be cut"),))
        stream = subject.adapter.stream(request, subject.access)
        with pytest.raises(ProtocolBroken):
            await _collect(stream, events)
        assert not any(isinstance(event, ModelStopped) for event in events)

    async def test_a_cut_call_never_becomes_ready(self, subject: Subject) -> None:
        events: list[ModelEvent] = []
        request = ModelRequest(subject.model, (UserMessage("cut the call"),), (CLOCK,))
        stream = subject.adapter.stream(request, subject.access)
        with pytest.raises(ProtocolBroken):
            await _collect(stream, events)
        assert not any(isinstance(event, ToolCallReady) for event in events)

    async def test_cancelling_ends_at_once(self, subject: Subject) -> None:
        got = asyncio.Event()

        async def run() -> None:
            request = ModelRequest(subject.model, (UserMessage("be slow"),))
            async for _ in subject.adapter.stream(request, subject.access):
                got.set()

        task = asyncio.create_task(run())
        await asyncio.wait_for(got.wait(), 5)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < 0.3

    async def test_closing_ends_at_once(self, subject: Subject) -> None:
        stream = subject.adapter.stream(ModelRequest(subject.model, (UserMessage("be slow"),)), subject.access)
        async for _ in stream:
            break
        await asyncio.wait_for(stream.aclose(), 0.3)  # type: ignore[attr-defined]

    async def test_models(self, subject: Subject) -> None:
        models = await subject.adapter.list_models(subject.access)
        assert models
        assert all(model.name for model in models)

    async def test_nobody_listens(self, subject: Subject) -> None:
        dead = Access(
            kind=subject.access.kind,
            identity="dead",
            base_url="http://127.0.0.1:9",
            api_key=KEY,
            options=subject.access.options,
        )
        with pytest.raises(Unreachable) as caught:
            await listen(Subject(subject.adapter, dead, subject.model), "say hello")
        assert "127.0.0.1:9" in caught.value.detail
