"""G7: PostgreSQL is stopped without a word and started anew, again and again, under a hundred runs: none is lost or wrong.

`RESTARTS=n` for another number.
"""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fixtures.fleet import Fleet
from tests.fixtures.product import Product, Refused
from tests.fixtures.viewer import Viewer, sound, view
from tests.scale.amounts import SEED, amount

RESTARTS = amount("RESTARTS", sample=2, full=20)
#: Some have just ended at any moment, and the next is not yet taken.
AT_ONCE = 115

pytestmark = [pytest.mark.full, pytest.mark.one_database, pytest.mark.timeout(300 + 60 * RESTARTS)]


def start(fleet: Fleet, web: Product, key: str) -> str:
    """The run, once somebody takes it: with the same key as often as it needs, as a client does it that lost the answer."""
    body = {"agent": fleet.agent, "input": {"text": f"{key} [[tokens:120 gap:100]]"}}  # type: ignore[attr-defined]
    for _ in range(600):
        try:
            return str(web.call("POST", "runs/", body, {"Idempotency-Key": key})["id"])
        except Refused as refused:
            if refused.status != 503:
                raise
        time.sleep(0.1)
    raise AssertionError(f"nobody took {key}")


def test_g7_the_database_stops_again_and_again_under_a_hundred_runs(fleet: Fleet) -> None:
    draw, begun = random.Random(SEED), time.monotonic()
    watched: dict[str, Viewer] = {}
    asked, open_ones, over = 0, 0, asyncio.Event()
    under: list[int] = []

    async def keep_running(number: int) -> None:
        nonlocal asked, open_ones
        web = fleet.webs[number % 2]
        while not over.is_set():
            asked += 1
            run = await asyncio.to_thread(start, fleet, web, f"g7-{asked}")
            open_ones += 1
            watched[run] = await view(web, run)
            open_ones -= 1

    async def campaign() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
        async with asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(keep_running(number))
            for _ in range(RESTARTS):
                await asyncio.sleep(draw.uniform(5, 40))
                under.append(open_ones)
                await asyncio.to_thread(fleet.postgres.stop_at_once)
                await asyncio.to_thread(fleet.postgres.start)
            over.set()

    asyncio.run(campaign())
    took = time.monotonic() - begun
    web = fleet.webs[0].sign_in()
    for run, viewer in watched.items():
        assert viewer.events == sound(web, run) and viewer.events[-1]["type"] == "run.succeeded", run
    assert len(watched) == asked, "each question is one run"
    print(
        f"\nG7: PostgreSQL stopped {RESTARTS} times under {min(under)} to {max(under)} runs; {len(watched)} runs, 0 lost, "
        f"0 wrong; {took:.0f} s"
    )
