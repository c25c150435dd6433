"""Begin and end of a process's spans, for those who serve or work. Loads nothing when no collector is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from django.conf import settings


def begin_spans(*, process: str) -> Callable[[], Awaitable[None]]:
    """Returns how to end them: what is left is handed over, for some seconds at most."""
    if settings.TRACES is None:
        return _nothing
    from platform_site.traces import start_traces

    traces = start_traces(settings.TRACES, process=process, release=settings.RELEASE, environment=settings.ENVIRONMENT)

    async def end() -> None:
        await asyncio.to_thread(traces.stop)

    return end


async def _nothing() -> None:
    return None
