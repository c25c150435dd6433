"""Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, LM Studio, Mistral, Groq, OpenRouter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llm_providers.adapters.chat_events import ChatEvents, chat_body
from llm_providers.adapters.clients import client_for
from llm_providers.adapters.openai_client import base_of, build_client, list_model_ids, post_stream
from llm_providers.adapters.reading import count
from llm_providers.adapters.streaming import stream_events
from llm_providers.protocol import Access, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import httpx2
    import openai

NAME = "The provider"


class OpenAICompatibleAdapter:
    """Options: `models` (names to offer when the server does not list them)."""

    kind: ClassVar[ProviderKind] = "openai_compatible"

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        dialect = ChatEvents(name=NAME, api_key=access.plain_key)
        return stream_events(
            lambda: _open(request, access), dialect, sse=True, name=NAME, access=access, on_text=request.on_text
        )

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        named = access.options.get("models")
        if named:
            return [DiscoveredModel(name=str(name)) for name in named]
        client = await client_for(access, _build)
        found = list_model_ids(client, name=NAME, access=access)
        return [
            DiscoveredModel(name=model.id, context_window=_window(model)) async for model in found if _has_name(model)
        ]


async def _open(request: ModelRequest, access: Access) -> httpx2.Response:
    client = await client_for(access, _build)
    body = chat_body(request, limit_field="max_tokens")
    return await post_stream(client, "/chat/completions", body, name=NAME, access=access)


def _build(access: Access) -> openai.AsyncOpenAI:
    return build_client(access, base_url=base_of(access), needs_key=False)


def _has_name(model: Any) -> bool:
    return isinstance(model.id, str) and bool(model.id)


def _window(model: Any) -> int | None:
    """vLLM, Groq, Mistral and OpenRouter each say it in their own field."""
    extra = model.model_extra or {}
    for field in ("max_model_len", "context_window", "context_length", "max_context_length"):
        if number := count(extra, field):
            return number
    return count(extra, "meta", "n_ctx_train") or None
