"""A provider's key, in and out of the vault. The plain key leaves only as part of an Access."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from core.egress import EgressRefused, parse_url
from llm_providers import vault
from llm_providers.errors import AuthFailed
from llm_providers.models import Provider, ProviderCredential
from llm_providers.protocol import Access, ProviderKind
from llm_providers.registry import kind_info

_MODEL, _FIELD = "ProviderCredential", "secret"


def effective_base_url(kind: str, base_url: str) -> str:
    """The address that is really used: the given one, or the kind's own."""
    info = kind_info(kind)
    if base_url or info is None:
        return base_url
    if kind == "ollama":
        from django.conf import settings

        return str(getattr(settings, "OLLAMA_BASE_URL", "") or info.default_base_url)
    return info.default_base_url


def origin_of(kind: str, base_url: str) -> str:
    """The origin that a key for this connection belongs to; "" for a kind without an address."""
    url = effective_base_url(kind, base_url)
    try:
        return parse_url(url).origin if url else ""
    except EgressRefused:
        return ""


def store_key(provider: Provider, api_key: str) -> ProviderCredential:
    """Keep `api_key` for the provider's present origin, in place of an earlier one. Call it inside a transaction."""
    ProviderCredential.objects.filter(provider=provider).delete()
    credential = ProviderCredential(provider=provider, key_hint=vault.hint_of(api_key))
    credential.origin = origin_of(provider.kind, provider.base_url)
    credential.secret = vault.seal(api_key, model=_MODEL, field=_FIELD, row=credential.id)
    credential.save()
    return credential


def access_to(provider: Provider) -> Access:
    """How to reach this provider, with its key. `credential` should be selected with it.

    A key is never sent to another origin than the one that it was entered for.
    """
    credential: ProviderCredential | None = getattr(provider, "credential", None)
    api_key: str | None = None
    if credential is not None:
        if credential.origin != origin_of(provider.kind, provider.base_url):
            raise AuthFailed("The provider's address was changed after its key was entered. Enter the key again.")
        api_key = vault.open_sealed(credential.secret, model=_MODEL, field=_FIELD, row=credential.id)
    identity = f"{provider.id}:{provider.revision}:{credential.id if credential else ''}"
    return make_access(provider.kind, provider.base_url, api_key, provider.options, identity=identity)


def make_access(
    kind: str, base_url: str, api_key: str | None, options: Mapping[str, Any], *, identity: str | None = None
) -> Access:
    """An Access; without `identity` one that is made from the whole connection (for trying it out)."""
    url = effective_base_url(kind, base_url)
    if identity is None:
        whole = repr((kind, url, api_key, sorted(options.items(), key=lambda item: item[0]))).encode()
        identity = "try:" + hashlib.sha256(whole).hexdigest()
    return Access(
        kind=cast(ProviderKind, kind), identity=identity, base_url=url, api_key=api_key, options=dict(options)
    )
