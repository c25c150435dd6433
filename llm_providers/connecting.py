"""Trying a connection: the network side of the services. Opens no transaction and writes nothing.

Services are synchronous; the coroutine runs on the server's loop when there is one, else on a loop of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asgiref.sync import async_to_sync

from llm_providers.errors import AuthFailed, ProviderError, TimedOut, Unreachable
from llm_providers.protocol import Access, DiscoveredModel
from llm_providers.registry import adapter_for, forget_connection

log = logging.getLogger("platform.providers")

LIST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """How a try went. `detail` is for people; `models` are the vendor's names, empty when it failed.

    `field` is what a person would look at first to put it right, where that is known.
    """

    ok: bool
    detail: str
    found: tuple[DiscoveredModel, ...] = ()
    field: Literal["api_key", "base_url"] | None = None

    @property
    def models(self) -> list[str]:
        return [model.name for model in self.found]


def try_connection(access: Access, *, seconds: float = LIST_SECONDS, keep: bool = True) -> ConnectionReport:
    """Ask the vendor for its models. Never raises for what a vendor or a network does.

    `keep` False drops the client afterwards: for connections that are not stored (yet).
    """
    try:
        return async_to_sync(_try)(access, seconds)
    finally:
        if not keep:
            forget_connection(access)


async def _try(access: Access, seconds: float) -> ConnectionReport:
    try:
        async with asyncio.timeout(seconds):
            found = await adapter_for(access.kind).list_models(access)
    except ProviderError as error:
        field: Literal["api_key", "base_url"] | None = None
        if isinstance(error, AuthFailed):
            field = "api_key"
        elif isinstance(error, Unreachable | TimedOut):
            field = "base_url"
        return ConnectionReport(False, error.detail, field=field)
    except TimeoutError:
        detail = f"No answer within {seconds:g} seconds. Check that the provider runs."
        return ConnectionReport(False, detail, field="base_url")
    except Exception:
        # An answer of a shape that nobody foresaw must not become an error of ours; the log tells us to foresee it.
        log.exception("a provider's list of models could not be read", extra={"kind": access.kind})
        return ConnectionReport(False, "The provider did not answer as its documentation says. Check kind and address.")
    models = _usable_names(found)
    if not models:
        return ConnectionReport(True, "Connected, but there are no models yet.", ())
    return ConnectionReport(True, f"Connected: {len(models)} model{'s' if len(models) != 1 else ''}.", models)


def _usable_names(found: Sequence[DiscoveredModel]) -> tuple[DiscoveredModel, ...]:
    """Each name once, and only names that can be stored and sent back as they are."""
    seen: dict[str, DiscoveredModel] = {}
    for model in found:
        name = model.name
        if isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable() and name == name.strip():
            seen.setdefault(name, model)
    return tuple(sorted(seen.values(), key=lambda model: model.name))
