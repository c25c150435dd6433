"""Builds openai SDK clients for the kinds that use them, and streams raw bytes through them. Knows no dialect.

Nothing of the environment is used: the SDK reads headers, organisation, project and keys from variables when they are
not given, so all of these are set here, after construction where there is no other way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from core.egress import parse_url
from llm_providers.adapters.clients import UNTOLD
from llm_providers.adapters.faults import raise_mapped
from llm_providers.errors import AuthFailed
from llm_providers.protocol import Access

if TYPE_CHECKING:
    import httpx2
    import openai


def build_client(access: Access, *, base_url: str, needs_key: bool) -> openai.AsyncOpenAI:
    """A client with our transport, no retries and an explicit everything. Call it in a thread: it imports the SDK."""
    import openai

    client = openai.AsyncOpenAI(**_arguments(access, needs_key=needs_key), base_url=base_url)
    return _without_environment(client, access)


def build_azure_client(access: Access, *, endpoint: str, api_version: str) -> openai.AsyncAzureOpenAI:
    """The older Azure surface: one URL per deployment and a dated api-version."""
    import openai

    client = openai.AsyncAzureOpenAI(
        **_arguments(access, needs_key=True), azure_endpoint=endpoint, api_version=api_version
    )
    return _without_environment(client, access)


def _arguments(access: Access, *, needs_key: bool) -> dict[str, Any]:
    import httpx2

    from core.egress.connect import tls_context
    from core.egress.transport import CONNECT_SECONDS, FIRST_BYTE_SECONDS, guarded_client

    if access.base_url.startswith("https"):
        tls_context()  # here, in the thread, and not at the first connection
    if not access.plain_key and needs_key:
        raise AuthFailed("This provider needs a key. Enter one in the provider's settings.")
    http = guarded_client(carries_trace=True)
    if not access.plain_key:
        http.event_hooks["request"].append(_without_authorization)
    return {
        "api_key": access.plain_key or "none",
        "max_retries": 0,
        "timeout": httpx2.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        "http_client": http,
    }


def _without_environment(client: Any, access: Access) -> Any:
    import openai

    options = access.options
    client.organization = options.get("organization") or None
    client.project = options.get("project") or None
    client.admin_api_key = None
    client.webhook_secret = None
    # OPENAI_CUSTOM_HEADERS is merged into this by the constructor; there is no argument against it.
    client._custom_headers = dict.fromkeys(UNTOLD, openai.Omit())
    _ = client.chat.completions  # builds the resource, and its imports, now
    return client


async def _without_authorization(request: httpx2.Request) -> None:
    """The SDK insists on a key; a server that needs none gets no header for it."""
    request.headers.pop("Authorization", None)


async def post_stream(
    client: openai.AsyncOpenAI, path: str, body: Mapping[str, Any], *, name: str, access: Access
) -> httpx2.Response:
    """POST and return the streaming response, errors mapped. The caller closes it."""
    import httpx2
    import openai

    try:
        # With this `cast_to` the SDK hands out the response itself, its errors already raised.
        answer: Any = await client.post(
            path, body=body, cast_to=httpx2.Response, stream=True, stream_cls=openai.AsyncStream[Any]
        )
        response: httpx2.Response = answer
        return response
    except Exception as error:
        problem = error
    raise_mapped(problem, name=name, api_key=access.plain_key)


async def list_model_ids(client: openai.AsyncOpenAI, *, name: str, access: Access) -> AsyncIterator[Any]:
    """The vendor's model objects; at most 2,000 of them."""
    try:
        number = 0
        async for model in await client.models.list():
            number += 1
            if number > 2_000:
                return
            yield model
        return
    except Exception as error:
        problem = error
    raise_mapped(problem, name=name, api_key=access.plain_key)


def base_of(access: Access) -> str:
    """The connection's base URL, parsed and written again by our own parser; without a slash at the end."""
    return parse_url(access.base_url).url
