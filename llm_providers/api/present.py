"""Providers as one caller gets them: with what that caller may do with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.authz import Actor
from llm_providers.api.serializers import ProviderOut
from llm_providers.models import Provider
from llm_providers.selectors import permissions_on


def providers_json(actor: Actor) -> Callable[[Sequence[Provider]], list[dict[str, Any]]]:
    """For a page; one query for all rights."""

    def present(rows: Sequence[Provider]) -> list[dict[str, Any]]:
        context = {"permissions": permissions_on(actor, rows)}
        return list(ProviderOut(rows, many=True, context=context).data)

    return present


def provider_json(actor: Actor, row: Provider) -> dict[str, Any]:
    return providers_json(actor)([row])[0]
