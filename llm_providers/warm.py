"""Imports the SDKs of the connected providers after the server answers, so that nobody's first message waits for it."""

from __future__ import annotations

import asyncio
import importlib
import logging

from core.db import in_db
from llm_providers.registry import kind_info

log = logging.getLogger("platform.warm")


async def warm_configured() -> None:
    """Import, in a thread, the SDK of every kind that an enabled provider uses. Never fails the caller."""
    try:
        for sdk in await in_db(_configured_sdks):
            await asyncio.to_thread(_load, sdk)
    except Exception:
        log.exception("could not warm up the providers")


def _configured_sdks() -> list[str]:
    from llm_providers.models import Provider

    used = Provider.objects.filter(enabled=True).values_list("kind", flat=True).distinct()
    infos = [kind_info(kind) for kind in used]
    return sorted({info.sdk for info in infos if info is not None and info.sdk})


def _load(sdk: str) -> None:
    from core.egress.connect import tls_context

    importlib.import_module(sdk)
    if sdk in ("openai", "anthropic"):
        importlib.import_module("core.egress.transport")
        # The resources are imported on first touch otherwise.
        importlib.import_module(f"{sdk}.resources.{'chat' if sdk == 'openai' else 'messages'}")
        tls_context()
