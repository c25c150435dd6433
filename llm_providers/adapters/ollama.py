"""Ollama. Its SDK lists and describes models; the chat stream is read raw, through the same guard (ADR 0004)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from core.egress import parse_url
from llm_providers.adapters.clients import client_for
from llm_providers.adapters.faults import as_provider_error, error_from_status, raise_mapped
from llm_providers.adapters.ollama_events import OllamaEvents, chat_body, context_size
from llm_providers.adapters.streaming import stream_events
from llm_providers.errors import ProviderError, Unreachable
from llm_providers.protocol import Access, Capabilities, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import httpx
    import ollama

NAME = "Ollama"
DESCRIBE_AT_ONCE = 4
DESCRIBE_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Clients:
    """Two clients over one transport: the SDK's for lists, a plain one for the stream."""

    sdk: ollama.AsyncClient
    http: httpx.AsyncClient


class OllamaAdapter:
    """Options: `num_ctx` (tokens of context), `think` (true, false), `keep_alive` (e.g. "10m")."""

    kind: ClassVar[ProviderKind] = "ollama"

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        dialect = OllamaEvents(name=NAME)
        return stream_events(
            lambda: _open(request, access), dialect, sse=False, name=NAME, access=access, on_text=request.on_text
        )

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        """The models that this Ollama has pulled and that can chat. Details are asked for a few at a time."""
        clients = await client_for(access, _build)
        try:
            listed = await clients.sdk.list()
        except Exception as error:
            problem = error
        else:
            names = [model.model for model in listed.models if model.model]
            turn = asyncio.Semaphore(DESCRIBE_AT_ONCE)
            described = await asyncio.gather(
                *(_describe(clients.sdk, name, access, turn) for name in names[:DESCRIBE_AT_MOST])
            )
            rest = [DiscoveredModel(name=name) for name in names[DESCRIBE_AT_MOST:]]
            return [model for model in described if model is not None] + rest
        mapped = as_provider_error(problem, name=NAME, api_key=access.plain_key, started=False)
        if isinstance(mapped, Unreachable) and mapped.retryable:
            mapped = Unreachable(f"{mapped.detail} Is Ollama running? Start it with: ollama serve")
        raise_mapped(mapped or problem, name=NAME, api_key=access.plain_key)


async def _describe(
    sdk: ollama.AsyncClient, name: str, access: Access, turn: asyncio.Semaphore
) -> DiscoveredModel | None:
    async with turn:
        try:
            async with asyncio.timeout(10):
                shown = await sdk.show(name)
        except Exception as error:  # one model that cannot be described must not hide the others
            if isinstance(error, TimeoutError) or as_provider_error(error, name=NAME, started=False) is not None:
                return DiscoveredModel(name=name)
            raise
    can = shown.capabilities
    if can is not None and "completion" not in can:
        return None
    info = shown.modelinfo or {}
    window = next((v for k, v in info.items() if k.endswith(".context_length") and isinstance(v, int)), None)
    return DiscoveredModel(
        name=name,
        capabilities=None
        if can is None
        else Capabilities(tools="tools" in can, reasoning="thinking" in can, vision="vision" in can),
        context_window=context_size(access.options, window),
    )


async def _open(request: ModelRequest, access: Access) -> httpx.Response:
    http = (await client_for(access, _build)).http
    body = orjson.dumps(chat_body(request, access.options))
    try:
        response = await http.send(http.build_request("POST", "/api/chat", content=body), stream=True)
        if response.status_code == 200:
            return response
        try:
            said: Any = orjson.loads(await response.aread())
        except orjson.JSONDecodeError:
            said = response.text
        finally:
            await response.aclose()
        problem: Exception = error_from_status(
            response.status_code, said, response.headers, name=NAME, api_key=access.plain_key
        )
    except ProviderError:
        raise
    except Exception as error:
        problem = error
    raise_mapped(problem, name=NAME, api_key=access.plain_key)


def _build(access: Access) -> Clients:
    import httpx
    import ollama

    from core.egress.connect import tls_context
    from core.egress.transport import CONNECT_SECONDS, FIRST_BYTE_SECONDS, guarded_transport

    base_url = parse_url(access.base_url).url
    if base_url.startswith("https"):
        tls_context()
    transport = guarded_transport(httpx, carries_trace=True)
    # The SDK adds OLLAMA_API_KEY of the environment unless a header is given; an explicit empty one is removed below.
    headers = {"authorization": f"Bearer {access.plain_key}"} if access.plain_key else {"authorization": "none"}
    common: dict[str, Any] = {
        "transport": transport,
        "trust_env": False,
        "follow_redirects": False,
        "timeout": httpx.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
    }
    sdk = ollama.AsyncClient(host=base_url, headers={**headers, "accept-encoding": "identity"}, **common)
    if not access.plain_key:
        del sdk._client.headers["authorization"]
    own = {"content-type": "application/json", "accept-encoding": "identity", **(headers if access.plain_key else {})}
    return Clients(sdk=sdk, http=httpx.AsyncClient(base_url=base_url, headers=own, **common))
