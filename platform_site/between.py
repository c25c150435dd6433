"""What binds the processes of one installation together: the queue on PostgreSQL, the bus on Redis."""

from __future__ import annotations

from django.conf import settings

from core.db import in_db


async def connect_processes() -> None:
    """On the event loop at start; nothing to do for the one process of the quickstart."""
    from accounts.setup import installation
    from agents.runtime.relay import relay
    from limits.stores import use_redis

    if settings.REDIS_URL:
        name = (await in_db(installation)).name_id
        use_redis(settings.REDIS_URL, f"aap:{name}:limit:")
        relay.start(settings.REDIS_URL, name)


async def disconnect_processes() -> None:
    from agents.runtime.relay import relay

    if settings.REDIS_URL:
        await relay.stop()


def send_to_workers() -> None:
    """This process does none of the work: what is due goes to the workers, in the transaction that makes it due."""
    from jobs.bells import send_through
    from jobs.queue import QueueSender

    send_through(QueueSender())
