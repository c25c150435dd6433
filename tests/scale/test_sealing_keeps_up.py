"""Entries get their seal in time while several processes write, on PostgreSQL: one worker seals at a time.

RATE=0 WRITE_SECONDS=30 .venv/bin/pytest -s tests/scale/test_sealing_keeps_up.py      # as fast as four can write
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from audit.standing import LATE_SECONDS
from tests.fixtures.fleet import Fleet, wait_until
from tests.fixtures.product import ROOT, Product
from tests.scale.amounts import amount

pytestmark = [pytest.mark.full, pytest.mark.one_database, pytest.mark.timeout(240)]

WRITERS = 4
RATE = float(os.environ.get("RATE", "10"))


def test_four_processes_write_and_no_entry_waits_long_for_its_seal(fleet: Fleet) -> None:
    web = fleet.webs[0]
    seconds = amount("WRITE_SECONDS", sample=6, full=60)
    with psycopg.connect(fleet.postgres.address, autocommit=True) as database:
        (workspace,) = database.execute("SELECT id FROM accounts_workspace").fetchone() or ("",)
        wait_until(lambda: web.call("GET", "audit/verify/")["unsealed_seconds"] == 0, "nobody seals at all", 30)
        writers = [start(fleet, workspace, seconds) for _ in range(WRITERS)]
        sealed, after = {}, end_of(database, workspace)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        load, over, ended = os.getloadavg()[0], time.time() + seconds, float("inf")
        with ThreadPoolExecutor(WRITERS) as readers, badge_watched(web) as badges:
            texts = [readers.submit(writer.communicate, timeout=seconds + 60) for writer in writers]
            while True:
                if ended == float("inf") and all(text.done() for text in texts):
                    ended = time.time()
                # Before the seals are read: what was sealed when nothing was left to seal is among them.
                all_sealed = any(asked > ended and badge["unsealed_seconds"] == 0 for asked, badge in badges)
                rows = database.execute(
                    "SELECT number, entry_id FROM audit_auditseal WHERE chain = %s AND number > %s ORDER BY number",
                    [workspace, after],
                ).fetchall()
                moment = time.time()
                sealed.update({entry: moment for _, entry in rows})
                after = rows[-1][0] if rows else after
                if all_sealed or moment > over + 60:
                    break
                time.sleep(0.02)
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    lines = [line.split() for text in texts for line in text.result()[0].split("\n") if line]
    committed = {entry: float(moment) for entry, moment in lines}
    assert set(committed) <= set(sealed), "some were never sealed"
    waits = sorted(sealed[entry] - moment for entry, moment in committed.items())
    worst = max(float(badge["unsealed_seconds"]) for _, badge in badges)
    red = sum(badge["state"] == "bad" for _, badge in badges)
    print(
        f"\n{len(waits)} entries in {seconds} s by {WRITERS} processes ({len(waits) / seconds:.0f}/s), load {load:.1f}: "
        f"commit to seal min {waits[0]:.2f}, median {statistics.median(waits):.2f}, "
        f"p99 {waits[int(len(waits) * 0.99)]:.2f}, max {waits[-1]:.2f} s; "
        f"the badge said at most {worst:.1f} s, red {red} of {len(badges)} times"
    )
    assert len(waits) >= WRITERS * min(RATE or 10, 10) * seconds * 0.3, "they hardly wrote"
    assert worst <= LATE_SECONDS and not red
    assert waits[-1] <= LATE_SECONDS


@contextmanager
def badge_watched(web: Product) -> Iterator[list[tuple[float, dict[str, Any]]]]:
    """(when it was asked, what it said), twice a second until the block ends; so that no slow answer delays others."""
    badges: list[tuple[float, dict[str, Any]]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            asked = time.time()
            badges.append((asked, web.call("GET", "audit/verify/")))
            over.wait(0.5)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield badges
        finally:
            over.set()
        watching.result()


def start(fleet: Fleet, workspace: str, seconds: int) -> subprocess.Popen[str]:
    data = fleet.folder / "writer"
    data.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(data), "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "platform_site.settings.local", **fleet.environment,
    }  # fmt: skip
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.scale.entry_writer", workspace, str(seconds), str(RATE)],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    return writer


def end_of(database: psycopg.Connection, chain: str) -> int:
    row = database.execute("SELECT coalesce(max(number), 0) FROM audit_auditseal WHERE chain = %s", [chain]).fetchone()
    return int(row[0]) if row else 0
