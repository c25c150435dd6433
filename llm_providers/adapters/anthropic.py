"""Anthropic, by the Messages API, on its SDK. The dialect is in `anthropic_events`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from core.egress import parse_url
from llm_providers.adapters.anthropic_events import MessagesEvents, messages_body
from llm_providers.adapters.clients import UNTOLD, client_for
from llm_providers.adapters.faults import raise_mapped
from llm_providers.adapters.streaming import stream_events
from llm_providers.errors import AuthFailed
from llm_providers.protocol import Access, Capabilities, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import anthropic
    import httpx2

NAME = "Anthropic"


class AnthropicAdapter:
    """Options: `thinking` (a token budget from 1,024, or "adaptive"; none by default)."""

    kind: ClassVar[ProviderKind] = "anthropic"

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        dialect = MessagesEvents(model=request.model, name=NAME, api_key=access.plain_key)
        return stream_events(
            lambda: _open(request, access), dialect, sse=True, name=NAME, access=access, on_text=request.on_text
        )

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        client = await client_for(access, _build)
        models: list[DiscoveredModel] = []
        try:
            async for model in await client.models.list(limit=100):
                if model.id and getattr(model, "lifecycle", None) != "retired":
                    models.append(_described(model))
                if len(models) >= 1_000:
                    break
            return models
        except Exception as error:
            problem = error
        raise_mapped(problem, name=NAME, api_key=access.plain_key)


async def _open(request: ModelRequest, access: Access) -> httpx2.Response:
    client = await client_for(access, _build)
    body = messages_body(request, thinking=access.options.get("thinking"))
    import anthropic
    import httpx2
    from anthropic.types import RawMessageStreamEvent

    try:
        answer: Any = await client.post(
            "/v1/messages",
            body=body,
            cast_to=httpx2.Response,
            stream=True,
            stream_cls=anthropic.AsyncStream[RawMessageStreamEvent],
        )
        response: httpx2.Response = answer
        return response
    except Exception as error:
        problem = error
    raise_mapped(problem, name=NAME, api_key=access.plain_key)


def _described(model: Any) -> DiscoveredModel:
    capabilities = getattr(model, "capabilities", None)
    thinking = getattr(getattr(capabilities, "thinking", None), "supported", None)
    image = getattr(getattr(capabilities, "image_input", None), "supported", None)
    return DiscoveredModel(
        name=model.id,
        label=getattr(model, "display_name", None) or "",
        capabilities=Capabilities(tools=True, reasoning=bool(thinking), vision=image is not False),
        context_window=getattr(model, "max_input_tokens", None) or None,
    )


def _build(access: Access) -> anthropic.AsyncAnthropic:
    import anthropic
    import httpx2

    from core.egress.connect import tls_context
    from core.egress.transport import CONNECT_SECONDS, FIRST_BYTE_SECONDS, guarded_client

    if not access.plain_key:
        raise AuthFailed("Anthropic needs a key. Enter one in the provider's settings.")
    base_url = parse_url(access.base_url).url
    if base_url.startswith("https"):
        tls_context()  # here, in the thread, and not at the first connection
    client = anthropic.AsyncAnthropic(
        api_key=access.plain_key,
        base_url=base_url.removesuffix("/v1"),
        max_retries=0,
        timeout=httpx2.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        http_client=guarded_client(carries_trace=True),
        open_telemetry=False,
    )
    client.webhook_key = None
    # ANTHROPIC_CUSTOM_HEADERS is merged into this by the constructor; there is no argument against it.
    untold: dict[str, Any] = dict.fromkeys(UNTOLD, anthropic.Omit())
    client._custom_headers = untold
    _ = client.messages  # builds the resource, and its imports, now
    return client
