"""G6: Redis is flushed, killed and started anew, again and again, while runs go on and people watch: nothing is lost.

`RESTARTS=n` for another number.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.crash.test_many_processes import start
from tests.fixtures.fleet import Fleet, wait_until
from tests.fixtures.viewer import Viewer, sound, view
from tests.scale.amounts import amount

RESTARTS = amount("RESTARTS", sample=5, full=100)
AT_ONCE = 8

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120 + 10 * RESTARTS)]


def test_g6_incident_3_8_redis_flushed_and_restarted_while_runs_go_on(fleet: Fleet) -> None:
    begun = time.monotonic()
    watched: dict[str, Viewer] = {}
    over = asyncio.Event()

    async def keep_running(number: int) -> None:
        """One run after the other, each watched at one of the web servers."""
        while not over.is_set():
            run = await asyncio.to_thread(start, fleet, f"Redis {number} {len(watched)} [[tokens:60 gap:20]]")
            watched[run] = await view(fleet.webs[number % 2], run)

    async def restart(number: int) -> None:
        """Once every process hears it: what was never connected cannot be cut off."""
        await asyncio.to_thread(wait_until, lambda: fleet.redis.listeners() == 4, f"{number}: not all came back")
        ended = len(watched)
        fleet.redis.flush()
        await asyncio.to_thread(fleet.redis.stop)
        if number % 4 == 3:  # every now and then it stays away until runs have begun and ended without it
            while len(watched) < ended + 2 * AT_ONCE:
                await asyncio.sleep(0.05)
        await asyncio.to_thread(fleet.redis.start)

    async def campaign() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(keep_running(number))
            for number in range(RESTARTS):
                await restart(number)
            over.set()

    asyncio.run(campaign())
    took = time.monotonic() - begun
    for run, viewer in watched.items():
        assert viewer.events == sound(fleet.webs[0], run) and viewer.events[-1]["type"] == "run.succeeded", run
        assert "step.restarted" not in [event["type"] for event in viewer.events], "a run was disturbed"
    assert len(watched) >= max(AT_ONCE, RESTARTS)
    print(f"\nG6: Redis flushed, killed and restarted {RESTARTS} times; {len(watched)} runs, 0 lost; {took:.0f} s")
