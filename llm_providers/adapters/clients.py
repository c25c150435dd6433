"""One client per connection for the life of the process: building one costs 30..40 ms and a TLS context.

Keyed by kind and Access.identity, which changes with anything about the connection; the oldest leave at the bound.
Must not know what the clients are.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from core.collector import keep_what_was_loaded
from core.egress import EgressRefused
from llm_providers.adapters.faults import raise_mapped
from llm_providers.protocol import Access

C = TypeVar("C")
MAX_CLIENTS = 256

#: What the SDKs say about the machine with each call. The vendor has no need of it, and each header is written, merged and
#: checked several times on its way.
UNTOLD = tuple(
    f"X-Stainless-{name}" for name in ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async")
)

_clients: OrderedDict[tuple[str, str], Any] = OrderedDict()
_loaded: set[str] = set()
_guard = threading.Lock()  # held for moments only: the event loop takes it
_building = threading.Lock()  # held for seconds, by threads only


async def client_for(access: Access, build: Callable[[Access], C]) -> C:
    """The kept client of this connection; built in a thread on first use (SDK import included)."""
    key = (access.kind, access.identity)
    client: C | None = _known(key)
    return client if client is not None else await asyncio.to_thread(_build, key, access, build)


def _known(key: tuple[str, str]) -> Any:
    with _guard:
        client = _clients.get(key)
        if client is not None:
            _clients.move_to_end(key)
        return client


def _build(key: tuple[str, str], access: Access, build: Callable[[Access], C]) -> C:
    with _building:  # two first users of a provider would each pay for the import; the second waits instead
        client: C | None = _known(key)
        if client is None:
            try:
                client = build(access)
            except EgressRefused as error:
                raise_mapped(error, name="The provider")
            if access.kind not in _loaded:
                # An SDK brings a hundred thousand objects that stay: the collector need not walk them again and again.
                _loaded.add(access.kind)
                keep_what_was_loaded()
            with _guard:
                _clients[key] = client
                while len(_clients) > MAX_CLIENTS:
                    _clients.popitem(last=False)
        return client


def forget_client(access: Access) -> None:
    """Drop the client of a connection that was only tried out. Running streams keep theirs until they end."""
    with _guard:
        _clients.pop((access.kind, access.identity), None)
