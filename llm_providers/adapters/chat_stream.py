"""One streamed chat completion from request to events: the part that openai_compatible and azure_openai share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from llm_providers.adapters.chat_events import ChatEvents
from llm_providers.adapters.faults import raise_mapped
from llm_providers.adapters.openai_client import post_stream
from llm_providers.adapters.reading import read_objects
from llm_providers.protocol import Access, ModelEvent

if TYPE_CHECKING:
    import openai


async def stream_chat(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], *, name: str, access: Access
) -> AsyncIterator[ModelEvent]:
    """Yields the events of one call; closing it closes the vendor's connection."""
    response = await post_stream(client, "/chat/completions", body, name=name, access=access)
    try:
        events = ChatEvents(name=name, api_key=access.api_key)
        read = response.extensions["read"]
        async for objects in read_objects(read, sse=True, has_ended=lambda: events.whole):
            for event in events.feed(objects):
                yield event
        response.extensions["end_soon"]()
        for event in events.end():
            yield event
        return
    except Exception as error:
        problem = error
    finally:
        await response.aclose()
    raise_mapped(problem, name=name, api_key=access.api_key, started=True)
