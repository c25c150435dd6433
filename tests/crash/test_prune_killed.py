"""`manage.py prune_runs` killed in the middle: no run is half gone, and the same command again finishes it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.deaths import count_death
from tests.fixtures.fleet import Postgres
from tests.fixtures.product import ROOT, Product
from tests.fixtures.schema import copy_schema

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
RUNS = 1_500
OLD = f"""
from datetime import timedelta
from accounts.models import User, Workspace
from agents.models import Agent, AgentVersion, Conversation, Run, RunEvent
from core.clock import now
space, user, at = Workspace.objects.create(name="W", slug="w"), User.objects.create(email="a@example.com"), now()
agent = Agent.objects.create(workspace=space, name="A", owner=user)
version = AgentVersion.objects.create(workspace=space, agent=agent, number=1, content_hash="0", model_name="m")
thread = Conversation.objects.create(workspace=space, owner=user, agent=agent, active_at=at)
common = dict(workspace=space, agent=agent, version=version, conversation=thread, started_by=user, status="succeeded")
runs = [Run(**common, ended_at=at - timedelta(days=40), last_seq=8) for _ in range({RUNS})]
Run.objects.bulk_create(runs)
Run.objects.update(created_at=at - timedelta(days=41))
RunEvent.objects.bulk_create(
    [RunEvent(run=run, seq=seq, type="t", at=at, event={{}}) for run in runs for seq in range(1, 9)], batch_size=2000
)
"""


def connect(product: Product) -> Any:
    if "DATABASE_URL" in product.environment:
        import psycopg

        return psycopg.connect(product.environment["DATABASE_URL"], autocommit=True)
    import sqlite3

    return sqlite3.connect(product.data / "platform.sqlite3", timeout=20)


def look(database: Any) -> tuple[int, int]:
    """(runs that are left, events of theirs); events without a run the database itself refuses."""
    row = database.execute(
        "SELECT (SELECT count(*) FROM agents_run), (SELECT count(*) FROM agents_runevent)"
    ).fetchone()
    return int(row[0]), int(row[1])


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.full)])
def test_killed_half_way(database: str, tmp_path: Path) -> None:
    postgres = Postgres() if database == "postgresql" else None
    environment = {"DATABASE_URL": postgres.address} if postgres else {}
    product = Product(tmp_path / "data", environment=environment, migrated=True)
    try:
        product.data.mkdir()
        if postgres is None:
            copy_schema(ROOT, product.data)
        manage(product, "shell", "-c", OLD)
        with closing(connect(product)) as seen:
            assert look(seen) == (RUNS, RUNS * 8)
            process = subprocess.Popen(
                [sys.executable, "manage.py", "prune_runs", "--older-than", "30"],
                cwd=ROOT, env=product.whole_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            deadline = time.monotonic() + 60
            while look(seen)[0] == RUNS:
                assert process.poll() is None and time.monotonic() < deadline, "nothing was deleted"
                time.sleep(0.001)
            process.kill()
            process.wait()
            count_death()
            runs, events = look(seen)
            assert 0 < runs < RUNS, "it was killed in the middle"
            assert events == runs * 8, "no run is half gone"
            assert f"{runs} runs with {events} events are gone" in manage(product, "prune_runs", "--older-than", "30")
            assert look(seen) == (0, 0)
    finally:
        if postgres is not None:
            postgres.close()


def manage(product: Product, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=product.whole_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
