"""Entries get their seal in time while several processes write, on PostgreSQL: one worker seals at a time.

RATE=0 WRITE_SECONDS=30 .venv/bin/pytest -s tests/scale/test_sealing_keeps_up.py      # as fast as four can write
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import psycopg
import pytest

from audit.standing import LATE_SECONDS
from tests.fixtures.fleet import Fleet, wait_until
from tests.fixtures.product import ROOT
from tests.scale.amounts import amount

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]

WRITERS = 4
RATE = float(os.environ.get("RATE", "10"))


def test_four_processes_write_and_no_entry_waits_long_for_its_seal(fleet: Fleet) -> None:
    web = fleet.webs[0]
    seconds = amount("WRITE_SECONDS", sample=6, full=60)
    with psycopg.connect(fleet.postgres.address, autocommit=True) as database:
        (workspace,) = database.execute("SELECT id FROM accounts_workspace").fetchone() or ("",)
        wait_until(lambda: web.call("GET", "audit/verify/")["unsealed_seconds"] == 0, "nobody seals at all", 30)
        writers = [start(fleet, workspace, seconds) for _ in range(WRITERS)]
        sealed, badges, after = {}, [], end_of(database, workspace)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        load, over, looked = os.getloadavg()[0], time.time() + seconds, 0.0
        while time.time() < over + 60:
            rows = database.execute(
                "SELECT number, entry_id FROM audit_auditseal WHERE chain = %s AND number > %s ORDER BY number",
                [workspace, after],
            ).fetchall()
            moment = time.time()
            sealed.update({entry: moment for _, entry in rows})
            after = rows[-1][0] if rows else after
            if moment - looked >= 0.5:
                badges.append(web.call("GET", "audit/verify/"))
                looked = moment
                if moment > over and badges[-1]["unsealed_seconds"] == 0:
                    break
            time.sleep(0.02)
    committed: dict[str, float] = {}
    for writer in writers:
        text, _ = writer.communicate(timeout=30)
        assert writer.returncode == 0
        committed.update(
            {entry: float(moment) for entry, moment in (line.split() for line in text.split("\n") if line)}
        )
    assert set(committed) <= set(sealed), "some were never sealed"
    waits = sorted(sealed[entry] - moment for entry, moment in committed.items())
    worst = max(float(badge["unsealed_seconds"]) for badge in badges)
    red = sum(badge["state"] == "bad" for badge in badges)
    print(
        f"\n{len(waits)} entries in {seconds} s by {WRITERS} processes ({len(waits) / seconds:.0f}/s), load {load:.1f}: "
        f"commit to seal min {waits[0]:.2f}, median {statistics.median(waits):.2f}, "
        f"p99 {waits[int(len(waits) * 0.99)]:.2f}, max {waits[-1]:.2f} s; "
        f"the badge said at most {worst:.1f} s, red {red} of {len(badges)} times"
    )
    assert len(waits) >= WRITERS * min(RATE or 10, 10) * seconds * 0.3, "they hardly wrote"
    assert worst <= LATE_SECONDS and not red
    assert waits[-1] <= LATE_SECONDS


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
