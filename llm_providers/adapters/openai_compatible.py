"""Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, LM Studio, Mistral, Groq, OpenRouter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llm_providers.adapters.chat_events import chat_body
from llm_providers.adapters.chat_stream import stream_chat
from llm_providers.adapters.clients import client_for
from llm_providers.adapters.openai_client import base_of, build_client, list_model_ids
from llm_providers.adapters.reading import count
from llm_providers.protocol import Access, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import openai

NAME = "The provider"


class OpenAICompatibleAdapter:
    """Options: `models` (names to offer when the server does not list them)."""

    kind: ClassVar[ProviderKind] = "openai_compatible"

    async def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        client = await client_for(access, _build)
        async for event in stream_chat(client, chat_body(request, limit_field="max_tokens"), name=NAME, access=access):
            yield event

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        named = access.options.get("models")
        if named:
            return [DiscoveredModel(name=str(name)) for name in named]
        client = await client_for(access, _build)
        found = list_model_ids(client, name=NAME, access=access)
        return [
            DiscoveredModel(name=model.id, context_window=_window(model)) async for model in found if _has_name(model)
        ]


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
