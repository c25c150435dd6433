"""A worker process: carries runs on, takes no requests."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable

from django.conf import settings

from core import collector
from core.db import limit_transactions

log = logging.getLogger("platform.worker")


def work(*, concurrency: int, say: Callable[[str], None]) -> None:
    """Work until a signal comes; what is at work by then gets WORKER_PATIENCE seconds, the rest is handed over."""
    from platform_site.health import BEHIND, schema_is_behind

    if schema_is_behind():
        raise SystemExit(BEHIND)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_work(concurrency, say))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _work(concurrency: int, say: Callable[[str], None]) -> None:
    from agents.runtime import lease
    from agents.runtime.host import host, register_jobs
    from audit.jobs import register_jobs as register_audit_jobs
    from jobs.bells import listen_with
    from jobs.queue import QueueWorker
    from llm_providers.warm import warm_configured
    from platform_site.between import connect_processes, disconnect_processes
    from platform_site.metrics import measure
    from platform_site.tracing import begin_spans
    from platform_site.worker_door import WorkerDoor

    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    limit_transactions(statement_seconds=settings.STATEMENT_SECONDS)
    end_spans = begin_spans(process="worker")
    await connect_processes()
    register_jobs()
    register_audit_jobs()
    host.start()
    measure(process="worker")
    door = WorkerDoor(settings.METRICS_BIND, settings.METRICS_PORT).open() if settings.METRICS_PORT else None
    worker = QueueWorker(name=lease.HOLDER, concurrency=concurrency)
    listen_with(worker)
    working = loop.create_task(worker.run(), name="queue")
    warming = loop.create_task(_warm(warm_configured), name="warm")
    collector.settle()
    say(f"Working: process {os.getpid()}, up to {concurrency} runs at once.")
    await stopping.wait()
    warming.cancel()
    if door is not None:
        door.draining = True
    await worker.drain(patience=settings.WORKER_PATIENCE)
    await asyncio.wait({working}, timeout=10)
    listen_with(None)
    await host.stop()
    await disconnect_processes()
    await end_spans()
    if door is not None:
        await asyncio.to_thread(door.close)
    say("Stopped.")


async def _warm(warm: Callable[[], object]) -> None:
    try:
        await warm()  # type: ignore[misc]
    except Exception:
        log.exception("the providers' libraries could not be loaded ahead")
