"""What a provider is told of the trace: one header, of the call's own span, and only as the operator wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from core import tracing
from core.egress.tests.listeners import Listener, listening, read_request
from core.egress.transport import guarded_client
from core.tracing import Facts, Kind, Span
from llm_providers.errors import ProviderError
from llm_providers.protocol import Access, ModelRequest, UserMessage
from llm_providers.registry import adapter_for
from llm_providers.tests.dialects import dumps

pytestmark = pytest.mark.slow


class SpanTwin:
    """core.tracing.Span, kept in memory."""

    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    def note(self, facts: Facts) -> None: ...
    def rename(self, name: str) -> None: ...
    def link(self, other: Span) -> None: ...
    def fail(self, error: str) -> None: ...
    def end(self) -> None: ...


class TracerTwin:
    with_content = False
    to_providers: Literal["none", "private", "all"] = "private"

    def begin(self, name: str, kind: Kind, facts: Facts, parent: Span | str | None) -> Span:
        return SpanTwin()

    def begin_run(self, name: str, kind: Kind, run: str, facts: Facts, *, first: bool) -> Span:
        return SpanTwin()


@pytest.fixture
def tracer() -> Iterator[TracerTwin]:
    twin = TracerTwin()
    before = tracing.trace_with(twin)
    yield twin
    tracing.trace_with(before)


@pytest.mark.parametrize("wanted", ["private", "none"])
@pytest.mark.parametrize("kind", ["openai", "openai_compatible", "azure_openai", "anthropic", "ollama"])
async def test_the_trace_goes_along_in_one_header_of_ours(
    kind: Any, wanted: Any, tracer: TracerTwin, settings: Any
) -> None:
    """No SDK adds one of its own: anthropic's would trace by itself."""
    tracer.to_providers = wanted

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            body = dumps({"error": {"message": "no", "type": "x"}})
            head = b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(body) + body)

    async with listening(answer) as listener:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        access = Access(kind, f"trace:{listener.port}", listener.url, "sk-canary-streams-000001")
        with tracing.traced(lambda tracer: tracer.begin("chat", "client", {}, None)) as span:
            assert span is not None
            with pytest.raises(ProviderError):
                async for _ in adapter_for(kind).stream(ModelRequest("m", (UserMessage("hi"),)), access):
                    pass
            with pytest.raises(ProviderError):
                await adapter_for(kind).list_models(access)
            assert len(listener.heads) == 2
            for head in listener.heads:
                told = [line for line in head.split(b"\r\n") if line.lower().startswith((b"trace", b"baggage"))]
                assert told == ([f"traceparent: {span.traceparent}".encode()] if wanted == "private" else [])


async def test_nobody_but_providers_is_told(tracer: TracerTwin, settings: Any) -> None:
    """The audit log's heads, an identity provider's keys: whoever else is asked gets no ids of ours."""
    tracer.to_providers = "all"

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        await read_request(listener, reader)
        writer.write(b"HTTP/1.1 204 No\r\n\r\n")

    async with listening(answer) as listener, guarded_client() as client:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)
        with tracing.traced(lambda tracer: tracer.begin("work", "internal", {}, None)):
            await client.get(listener.url)
        assert b"traceparent" not in listener.heads[0].lower()
