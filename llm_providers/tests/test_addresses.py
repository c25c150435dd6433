"""No kind of provider can be made to connect to an internal address, by any field or answer. Real listeners judge."""

from __future__ import annotations

from typing import Any

import pytest

from core.egress import EgressFailed, EgressRefused
from core.egress.tests.forbidden import urls
from core.egress.tests.listeners import Listener, listening, read_request
from core.egress.tests.test_forbidden import both
from core.errors import ValidationFailed
from llm_providers.adapters.faults import as_provider_error
from llm_providers.errors import ProviderError, RequestRejected, Unreachable
from llm_providers.protocol import Access, ModelRequest, UserMessage
from llm_providers.registry import adapter_for, forget_connection, kind_info
from llm_providers.services.validation import clean_base_url

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _nothing_listed(settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ("127.0.0.1:1",)


@pytest.mark.parametrize("kind", ["ollama", "openai", "openai_compatible", "azure_openai", "anthropic"])
async def test_no_form_passes_the_field_or_the_adapter_of_any_kind(kind: str) -> None:
    info = kind_info(kind)
    assert info is not None
    async with both() as (four, six):
        forms = urls(four.port)
        for url in forms:
            with pytest.raises(ValidationFailed):
                clean_base_url(info, url)
        # And past the field, as if a row had been written by other means. Building a client is slow, so some of them.
        for url in forms[:: len(forms) // 25]:
            access = Access(kind=info.kind, identity=url, base_url=url, api_key="k" * 20)  # type: ignore[arg-type]
            with pytest.raises((ProviderError, EgressRefused)):
                await adapter_for(kind).list_models(access)
            forget_connection(access)
        assert (four.connections, six.connections) == (0, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", ["ollama", "openai", "openai_compatible", "azure_openai", "anthropic"])
async def test_incident_2_23_a_redirect_to_an_internal_address_is_an_error_that_says_so(
    kind: str, status: int, settings: Any
) -> None:
    async with listening() as inner:

        async def redirect(listener: Listener, reader: Any, writer: Any) -> None:
            while await read_request(listener, reader):
                writer.write(
                    b"HTTP/1.1 %d Go\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"
                    % (status, inner.port)
                )

        async with listening(redirect) as outer:
            settings.ALLOWED_PRIVATE_HOSTS = (outer.authority,)
            access = Access(kind=kind, identity=f"redirect{status}", base_url=outer.url, api_key="k" * 20)  # type: ignore[arg-type]
            with pytest.raises(RequestRejected, match="redirect"):
                async for _ in adapter_for(kind).stream(ModelRequest("m", (UserMessage("hi"),)), access):
                    pass
            with pytest.raises(RequestRejected, match="redirect"):
                await adapter_for(kind).list_models(access)
            forget_connection(access)
            assert outer.connections >= 1
        assert inner.connections == 0


NAMES = ["../../secret", "m/../../x", "m?api-key=x", "m#x", "m%2f..%2fx", "..;/m", "m\\x", "m\r\nX-A: b", "m@host", "."]


@pytest.mark.parametrize("kind", ["ollama", "openai", "openai_compatible", "azure_openai", "anthropic"])
async def test_incident_2_36_a_models_name_is_no_path(kind: str, settings: Any) -> None:
    """It is sent as a text in the body or not at all: the vendor is asked at the same path as for any other model."""

    async def refuse(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")

    async with listening(refuse) as vendor:
        settings.ALLOWED_PRIVATE_HOSTS = (vendor.authority,)
        options = {"api_version": "2024-10-21"} if kind == "azure_openai" else {}
        access = Access(kind=kind, identity="names", base_url=vendor.url, api_key="k" * 20, options=options)  # type: ignore[arg-type]
        for name in ("plain", *NAMES):
            with pytest.raises(ProviderError):
                async for _ in adapter_for(kind).stream(ModelRequest(name, (UserMessage("hi"),)), access):
                    pass
        forget_connection(access)
    lines = {head.split(b"\r\n")[0] for head in vendor.heads}
    assert len(lines) == 1, lines
    assert len(vendor.heads) == (1 if kind == "azure_openai" else 1 + len(NAMES))


def test_g27_an_address_that_is_refused_is_not_asked_for_again() -> None:
    """An SDK wraps what happened in an error of its own; nothing that may pass is wrong with a refused address."""
    for inner, again in ((EgressRefused("Not there."), False), (EgressFailed("Not now."), True)):
        outer = RuntimeError("Connection error.")
        outer.__cause__ = inner
        found = as_provider_error(outer, name="P", started=False)
        assert isinstance(found, Unreachable) and found.retryable is again
        assert inner.detail in str(found.detail)
