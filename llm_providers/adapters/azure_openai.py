"""OpenAI models in Azure: the v1 API, or with option `api_version` the older one URL per deployment.

`base_url` is the resource's endpoint (https://<resource>.openai.azure.com). A model's name is its deployment's name.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from llm_providers.adapters.chat_events import ChatEvents, chat_body
from llm_providers.adapters.clients import client_for
from llm_providers.adapters.openai_client import base_of, build_azure_client, build_client, list_model_ids, post_stream
from llm_providers.adapters.streaming import stream_events
from llm_providers.errors import ModelGone, RequestRejected
from llm_providers.protocol import Access, DiscoveredModel, ModelEvent, ModelRequest, ProviderKind

if TYPE_CHECKING:
    import httpx2
    import openai

NAME = "Azure OpenAI"
_DEPLOYMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?\Z")


class AzureOpenAIAdapter:
    """Options: `api_version` (e.g. "2024-10-21"; without it the v1 API), `deployments` (names to offer)."""

    kind: ClassVar[ProviderKind] = "azure_openai"

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        dialect = ChatEvents(name=NAME, api_key=access.plain_key)
        return stream_events(
            lambda: _open(request, access), dialect, sse=True, name=NAME, access=access, on_text=request.on_text
        )

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        """The deployments named in the options; Azure lists deployments to its management API only. Else all models."""
        client = await client_for(access, _build)
        named = access.options.get("deployments")
        try:
            found = [model async for model in list_model_ids(client, name=NAME, access=access)]
        except ModelGone:
            if not named:
                raise
            found = []  # gateways in front of Azure often serve the deployments only
        if named:
            return [DiscoveredModel(name=str(name)) for name in named]
        return [DiscoveredModel(name=model.id) for model in found if _chats(model.model_extra or {})]


def _chats(extra: dict[str, object]) -> bool:
    capabilities = extra.get("capabilities")
    return not isinstance(capabilities, dict) or bool(capabilities.get("chat_completion", True))


async def _open(request: ModelRequest, access: Access) -> httpx2.Response:
    if not _DEPLOYMENT.match(request.model):
        # The name becomes a part of the URL's path: nothing but a deployment name may stand there.
        raise RequestRejected("This is not the name of an Azure deployment. Pick the deployment's name as the model.")
    client = await client_for(access, _build)
    body = chat_body(request, limit_field="max_completion_tokens")
    return await post_stream(client, "/chat/completions", body, name=NAME, access=access)


def _build(access: Access) -> openai.AsyncOpenAI:
    endpoint = base_of(access)
    version = access.options.get("api_version")
    if version:
        return build_azure_client(access, endpoint=endpoint, api_version=str(version))
    base = endpoint if endpoint.endswith("/openai/v1") else f"{endpoint}/openai/v1"
    return build_client(access, base_url=base, needs_key=True)
