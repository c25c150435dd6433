"""What happens around the server: start-up checks, the set-up link, the engine's start and its drain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import IO

from django.conf import settings

from core import collector
from core.db import in_db, limit_transactions

log = logging.getLogger("platform.server")


def serve(*, host: str, port: int, lock: IO[str], say: Callable[[str], None]) -> bool:
    """Serve until a signal comes. Returns whether the start failed."""
    from accounts.setup import is_set_up, issue_code
    from agents.runtime.embedded import start_embedded, stop_embedded
    from audit.jobs import register_jobs as register_audit_jobs
    from audit.repeats import repeats
    from platform_site.asgi import application
    from platform_site.between import connect_processes, disconnect_processes, send_to_workers
    from platform_site.health import BEHIND, schema_is_behind
    from platform_site.management.commands.serve import note_holder
    from platform_site.metrics import measure
    from platform_site.server.server import Server
    from platform_site.tracing import begin_spans

    if schema_is_behind():
        raise SystemExit(BEHIND)
    code = None if is_set_up() else issue_code()
    end_spans = begin_spans(process="web")

    async def on_start() -> None:
        limit_transactions(statement_seconds=settings.STATEMENT_SECONDS)
        repeats.start()
        measure(process="web")
        await connect_processes()
        if settings.SERVE_WORKER:
            register_audit_jobs()
            await start_embedded(settings.DATA_DIR)
        else:
            send_to_workers()

    def on_listening(bound_port: int) -> None:
        note_holder(lock, bound_port)
        if code is not None:
            say(f"Set up: {_address(host, bound_port)}/setup/#code={code}")
        say(f"Ready: {_address(host, bound_port)}")
        collector.settle()
        asyncio.get_event_loop().create_task(_after_listening())

    async def on_stop() -> None:
        if settings.SERVE_WORKER:
            await stop_embedded()
        await disconnect_processes()
        await asyncio.to_thread(repeats.close)
        await end_spans()

    server = Server(application, host=host, port=port, on_start=on_start, on_listening=on_listening, on_stop=on_stop)
    server.run()
    return server.failed


def _address(host: str, bound_port: int) -> str:
    """What to open. A server that others reach, as out of a container, is where AAP_PUBLIC_URL says, if it says so."""
    unsaid = f"http://localhost:{settings.PORT}"
    if unsaid != settings.PUBLIC_URL and host not in ("127.0.0.1", "::1", "localhost"):
        return str(settings.PUBLIC_URL)
    return f"http://localhost:{bound_port}"


async def _after_listening() -> None:
    """What may come after the first answer: importing the SDKs of the configured providers, tidying."""
    from audit.idempotency import forget_old_keys
    from audit.retention import cut_by_policy
    from limits.stores import forget_full_buckets
    from llm_providers.warm import warm_configured

    try:
        await warm_configured()
        while True:
            await in_db(forget_old_keys)
            await in_db(cut_by_policy)
            await in_db(forget_full_buckets)
            await asyncio.sleep(3600)
    except Exception:
        log.exception("housekeeping stopped")
