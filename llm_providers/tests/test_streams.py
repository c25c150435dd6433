"""Streams as vendors send them when things go wrong: cuts at every byte, errors inside, odd text. Real sockets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from core.egress.tests.listeners import Listener, chunk, listening, read_request, stream_head
from llm_providers.errors import AuthFailed, Overloaded, ProtocolBroken, ProviderError, RateLimited, Unreachable
from llm_providers.protocol import (
    Access,
    AssistantMessage,
    ModelEvent,
    ModelRequest,
    ModelStopped,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageReported,
    UserMessage,
)
from llm_providers.registry import adapter_for
from llm_providers.tests.dialects import ARGUMENTS, DIALECTS, Dialect, dumps

pytestmark = pytest.mark.slow

KEY = "sk-canary-streams-000001"
dialects = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.kind)


class Script:
    """A vendor that sends prepared bytes. `cut` None ends the body as HTTP wants; else the socket dies after so many."""

    hands_on = False
    """Whether plain text is handed on at once (`ModelRequest.on_text`) or comes as events."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect, self.parts, self.cut, self.gap = dialect, [b""], None, 0.0
        self.one_chunk = False
        self.heard: list[ModelEvent] = []

    def request(self, model: str = "m", messages: Sequence[Any] = ()) -> ModelRequest:
        """What is heard of its answer, in its order, is in `heard`: what was handed on, and what `hear` adds."""
        heard = self.heard = []
        on_text = (lambda text: heard.append(TextDelta(text))) if Script.hands_on else None
        return ModelRequest(model, tuple(messages) or (UserMessage("hi"),), on_text=on_text)

    async def hear(self, stream: Any) -> None:
        heard = self.heard
        async for event in stream:
            heard.append(event)

    async def answer(self, listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(stream_head(self.dialect.content_type))
            whole = b"".join(self.parts)
            if self.cut is not None:
                if self.cut:
                    writer.write(chunk(whole[: self.cut]))
                await writer.drain()
                await asyncio.sleep(0.001)
                return
            for part in [whole] if self.one_chunk else self.parts:
                if part:
                    writer.write(chunk(part))
                    await writer.drain()
                await asyncio.sleep(self.gap)
            writer.write(b"0\r\n\r\n")

    def access(self, listener: Listener) -> Access:
        kind: Any = self.dialect.kind
        return Access(
            kind=kind, identity=f"script:{listener.port}", base_url=listener.url + self.dialect.path, api_key=KEY
        )


@pytest.fixture(autouse=True, params=[False, True], ids=["events", "handed on"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    Script.hands_on = request.param
    yield
    Script.hands_on = False


async def listen(
    script: Script, listener: Listener, *, model: str = "m", messages: Sequence[Any] = ()
) -> list[ModelEvent]:
    request = script.request(model, messages)
    await script.hear(adapter_for(script.dialect.kind).stream(request, script.access(listener)))
    return script.heard


def text_of(events: Sequence[ModelEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@dialects
async def test_all_text_of_one_read_is_one_event(dialect: Dialect, settings: Any) -> None:
    script = Script(dialect)
    script.parts, script.one_chunk = dialect.text(["one ", "two ", "three"]), True
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        events = await listen(script, listener)
        assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta("one two three")]
        (usage,) = [event for event in events if isinstance(event, UsageReported)]
        assert usage.output_tokens == 5
        await listen(script, listener)
        assert listener.connections == 1


@dialects
@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.full)])
async def test_incident_3_23_a_cut_at_every_byte_of_a_call_never_makes_it_ready(
    dialect: Dialect, settings: Any, step: int
) -> None:
    if Script.hands_on and step == 1:
        pytest.skip("a call has no plain text to hand on: every eleventh byte will do")
    script = Script(dialect)
    script.parts = dialect.call()
    whole = b"".join(script.parts)
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        events = await listen(script, listener)
        (ready,) = [event for event in events if isinstance(event, ToolCallReady)]
        assert ready.arguments == json.loads(ARGUMENTS)
        # The last line end may be missing: the answer is whole without it.
        for cut in range(0, len(whole.rstrip()) - _tail(dialect), step):
            script.cut = cut
            stream = adapter_for(dialect.kind).stream(script.request(), script.access(listener))
            with pytest.raises((ProtocolBroken, Unreachable)):
                await script.hear(stream)
            assert not any(isinstance(event, ToolCallReady | ModelStopped) for event in script.heard), cut


@dialects
async def test_a_clean_end_too_early_is_a_cut_answer(dialect: Dialect, settings: Any) -> None:
    script = Script(dialect)
    parts = dialect.call()
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        for number in range(len(parts) - (2 if dialect.kind == "openai_compatible" else 1)):
            script.parts = parts[:number]
            with pytest.raises(ProtocolBroken):
                await listen(script, listener)


@dialects
async def test_incident_3_28_surrogates_and_null_characters(dialect: Dialect, settings: Any) -> None:
    script = Script(dialect)
    pieces = ["a", "\ud83d", "\ude42", "b", "\ud83d", "c", "\0", "\udc00", "end", "\ud83d"]
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        for one_chunk in (True, False):
            script.parts, script.one_chunk = dialect.text(pieces, thoughts=["\ud83d", "\ude42\0"]), one_chunk
            events = await listen(script, listener)
            assert text_of(events) == "a🙂b\ufffdc\ufffd\ufffdend\ufffd"
            thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
            assert thought == "🙂\ufffd"


@dialects
async def test_incident_2_34_undocumented_events_are_dropped(dialect: Dialect, settings: Any) -> None:
    script = Script(dialect)
    parts = dialect.text(["safe"])
    script.parts = [parts[0], *dialect.odd(), *parts[1:]]
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        assert text_of(await listen(script, listener)) == "safe"


@dialects
@pytest.mark.parametrize(
    "line", [b"data: {broken\n\n{broken\n", b"data: [1]\n\n[1]\n", b"data: 5\n\n5\n", b"\xff\xfe{\n"]
)
async def test_lines_that_are_no_objects_end_the_stream_as_broken(dialect: Dialect, settings: Any, line: bytes) -> None:
    script = Script(dialect)
    parts = dialect.text(["before"])
    script.parts = [*parts[:-2], line] if line.startswith(b"data") else [line]
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        with pytest.raises(ProtocolBroken):
            await listen(script, listener)


@dialects
@pytest.mark.parametrize(
    ("kind", "error"),
    [("overloaded_error", Overloaded), ("rate_limit_error", RateLimited), ("authentication_error", AuthFailed)],
)
async def test_incident_3_22_errors_inside_a_stream(
    dialect: Dialect, settings: Any, kind: str, error: type[ProviderError]
) -> None:
    script = Script(dialect)
    parts = dialect.text(["some text"])
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        for before in ([], parts[:-1] if dialect.kind in ("ollama", "openai") else parts[:-2]):
            script.parts = [*before, dialect.error(kind, f"overloaded with {KEY}")]
            stream = adapter_for(dialect.kind).stream(script.request(), script.access(listener))
            with pytest.raises(ProviderError) as caught:
                await script.hear(stream)
            assert KEY not in caught.value.detail
            if dialect.kind != "ollama":  # Ollama's errors carry no kind
                assert type(caught.value) is error
            if before:
                assert text_of(script.heard) == "some text"


@dialects
async def test_incident_2_21_cancelling_closes_the_vendors_connection(dialect: Dialect, settings: Any) -> None:
    script = Script(dialect)
    script.parts, script.gap = dialect.text(["x"] * 500), 0.01
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        stream = adapter_for(dialect.kind).stream(script.request(), script.access(listener))
        waiting = asyncio.create_task(script.hear(stream))
        async with asyncio.timeout(60):  # an SDK may be imported first
            while len(text_of(script.heard)) < 3:
                await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with asyncio.timeout(10):
            while not listener.closed:
                await asyncio.sleep(0.01)
        assert listener.closed == 1


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_sealed_reasoning_goes_back_to_the_same_model_only(kind: str, settings: Any) -> None:
    dialect = next(dialect for dialect in DIALECTS if dialect.kind == kind)
    script = Script(dialect)
    script.parts = dialect.text(["answer"], thoughts=["hm"])
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        end = (await listen(script, listener, model="o3"))[-1]
        assert isinstance(end, ModelStopped)
        state = json.loads(json.dumps(end.vendor_state))  # it is kept as JSON
        history = [UserMessage("hi"), AssistantMessage("answer", (), state), UserMessage("more")]
        await listen(script, listener, model="o3", messages=history)
        assert b"SEALED" in listener.bodies[-1]
        assert b"answer" in listener.bodies[-1]
        await listen(script, listener, model="o4", messages=history)
        assert b"SEALED" not in listener.bodies[-1]
        assert b"answer" in listener.bodies[-1]


@dialects
async def test_who_answered_is_told_with_the_end(dialect: Dialect, settings: Any) -> None:
    """The model that answered and the vendor's id of the answer (Ollama has none), to ask the vendor about it."""
    script = Script(dialect)
    told = ("m", "") if dialect.kind == "ollama" else ("m-2026", "an-id")
    async with listening(script.answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        for script.parts in (dialect.text(["one"]), dialect.call()):
            end = (await listen(script, listener))[-1]
            assert isinstance(end, ModelStopped)
            assert (end.model, end.answer) == told


@pytest.mark.parametrize("kind", ["openai", "openai_compatible", "azure_openai", "anthropic", "ollama"])
async def test_nothing_of_the_environment_is_sent(kind: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "leak-me")
    for name in ("ANTHROPIC_AUTH_TOKEN", "OLLAMA_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.setenv(name, "leak-me")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "X-Leak: leak-me")
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "OLLAMA_HOST",
    ):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            body = dumps({"error": {"message": "no", "type": "x"}})
            writer.write(
                b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )

    async with listening(answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        keyed = [KEY] if kind not in ("ollama", "openai_compatible") else [KEY, None]
        for key in keyed:
            named: Any = kind
            access = Access(kind=named, identity=f"env:{key}:{listener.port}", base_url=listener.url, api_key=key)
            with pytest.raises(ProviderError):
                async for _ in adapter_for(kind).stream(ModelRequest("m", (UserMessage("hi"),)), access):
                    pass
            with pytest.raises(ProviderError):
                await adapter_for(kind).list_models(access)
            sent = b"".join(listener.heads) + b"".join(listener.bodies)
            assert b"leak" not in sent.lower()
            assert b"traceparent" not in sent.lower()
            assert not re.search(rb"(?i)x-stainless-(lang|package|os|arch|runtime|async)", b"".join(listener.heads))
            if key is None:
                assert b"authorization" not in b"".join(listener.heads[-2:]).lower()
        assert len(listener.heads) == 2 * len(keyed)


def _tail(dialect: Dialect) -> int:
    """Bytes at the end without which the answer is still whole: chat's `[DONE]` line after the finish reason."""
    return len(b"data: [DONE]") if dialect.kind == "openai_compatible" else 0
