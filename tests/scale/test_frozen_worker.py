"""A worker that freezes in the middle of a transaction holds locks in the database; the others go on all the same."""

from __future__ import annotations

import signal
import time

import psycopg
import pytest

from core.db import POOL_SIZE
from tests.crash.test_many_processes import start
from tests.fixtures.fleet import Fleet, Worker
from tests.fixtures.viewer import sound

LEASE_SECONDS = 10
ENDED = ("succeeded", "failed", "cancelled")

pytestmark = [pytest.mark.full, pytest.mark.one_database, pytest.mark.timeout(240)]


@pytest.mark.full
def test_incident_3_29_runs_go_on_while_a_worker_is_frozen_in_a_transaction(fleet: Fleet) -> None:
    frozen, web = fleet.workers[0], fleet.webs[0]
    runs: list[str] = []
    with psycopg.connect(fleet.environment["DATABASE_URL"], autocommit=True) as database:
        caught = False
        while not caught:
            assert len(runs) < 40, "it was never caught in a transaction that had changed a run"
            runs.append(start(fleet, f"Freeze {len(runs)} [[tokens:300 gap:20]]"))
            caught = freeze_in_transaction(frozen, database)
        try:
            begun = time.monotonic()
            while any(web.call("GET", f"runs/{run}/")["status"] not in ENDED for run in runs):
                assert time.monotonic() - begun < 4 * LEASE_SECONDS, "the others wait for the frozen one"
                time.sleep(0.1)
        finally:
            frozen.send(signal.SIGCONT)
    for run in runs:
        assert sound(web, run)[-1]["type"] == "run.succeeded"


def freeze_in_transaction(worker: Worker, database: psycopg.Connection) -> bool:
    """Stop the worker for good if that leaves a lock on a row of a run behind; else let it go on."""
    for _ in range(20):
        worker.send(signal.SIGSTOP)
        # Those of living processes are over within milliseconds.
        time.sleep(0.2)
        locked = database.execute(
            "SELECT 1 FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE state = 'idle in transaction'"
            " AND state_change < clock_timestamp() - interval '0.1 s' AND relation = 'agents_run'::regclass"
            " AND mode = 'RowExclusiveLock' LIMIT 1"
        ).fetchone()
        if locked is not None:
            return True
        worker.send(signal.SIGCONT)
        time.sleep(0.013)
    return False


def test_runs_whose_rows_stay_locked_hold_up_no_other(fleet: Fleet) -> None:
    """As by a worker that froze between two messages of one statement, which the database does not count as idle."""
    web, text = fleet.webs[0], "Beside it [[tokens:20 gap:5]]"
    with psycopg.connect(fleet.environment["DATABASE_URL"]) as frozen:
        for worker in fleet.workers:
            worker.send(signal.SIGSTOP)
        try:
            # More than the workers have threads for the database: if each waited for one, none would be left.
            locked = [start(fleet, text) for _ in range(2 * len(fleet.workers) * POOL_SIZE)]
            frozen.execute("SELECT 1 FROM agents_run WHERE id = ANY(%s) FOR UPDATE", [locked])
        finally:
            for worker in fleet.workers:
                worker.send(signal.SIGCONT)
        others = [start(fleet, text) for _ in range(30)]
        for run in others:
            assert web.wait_for_end(run, LEASE_SECONDS)["status"] == "succeeded"
        assert {web.call("GET", f"runs/{run}/")["status"] for run in locked} == {"queued"}
    for run in locked:
        assert web.wait_for_end(run, LEASE_SECONDS)["status"] == "succeeded"
    for run in (*locked, *others):
        sound(web, run)
