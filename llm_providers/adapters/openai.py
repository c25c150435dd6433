"""OpenAI itself, by the Responses API, on its SDK. The dialect is in `responses_events`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llm_providers.adapters.clients import client_for
from llm_providers.adapters.openai_client import base_of, build_client, list_model_ids, post_stream
from llm_providers.adapters.responses_events import ResponsesEvents, is_reasoning_model, responses_body
from llm_providers.adapters.streaming import stream_events
from llm_providers.errors import RequestRejected
from llm_providers.protocol import Access, Capabilities, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import httpx2
    import openai

NAME = "OpenAI"
# What the list holds besides chat models; the vendor's list does not say what a model is for.
_NOT_CHAT = re.compile(
    r"embedding|whisper|tts|dall-e|moderation|image|audio|realtime|transcribe|sora|babbage|davinci|instruct|search-api|live"
)


class OpenAIAdapter:
    """Options: `organization`, `project`, `reasoning_summary` ("auto" by default, "none" to ask for none)."""

    kind: ClassVar[ProviderKind] = "openai"

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        dialect = ResponsesEvents(model=request.model, name=NAME, api_key=access.plain_key)
        return stream_events(
            lambda: _open(request, access), dialect, sse=True, name=NAME, access=access, on_text=request.on_text
        )

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        client = await client_for(access, _build)
        found = list_model_ids(client, name=NAME, access=access)
        return [_described(model) async for model in found if model.id and not _NOT_CHAT.search(model.id)]


async def _open(request: ModelRequest, access: Access) -> httpx2.Response:
    client = await client_for(access, _build)
    wanted = str(access.options.get("reasoning_summary") or "auto")
    summary = None if wanted == "none" else wanted
    try:
        return await post_stream(
            client, "/responses", responses_body(request, summary=summary), name=NAME, access=access
        )
    except RequestRejected as error:
        # Summaries need a verified organisation; without one the same call works, only unexplained.
        if summary is None or not is_reasoning_model(request.model) or "verif" not in error.detail.lower():
            raise
    return await post_stream(client, "/responses", responses_body(request, summary=None), name=NAME, access=access)


def _described(model: Any) -> DiscoveredModel:
    thinks = is_reasoning_model(model.id)
    vision = bool(re.match(r"gpt-4o|gpt-4\.1|gpt-5|gpt-6|o[1-9]", model.id))
    return DiscoveredModel(name=model.id, capabilities=Capabilities(tools=True, reasoning=thinks, vision=vision))


def _build(access: Access) -> openai.AsyncOpenAI:
    return build_client(access, base_url=base_of(access), needs_key=True)
