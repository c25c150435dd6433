"""A statement that hangs and a lock that nobody lets go of end as a clear 503 and hold nobody else up; commands that may
take long are not ended. And the same product through PgBouncer, which makes sessions everybody's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.fleet import Postgres, running_fleet
from tests.fixtures.pooler import Pooler
from tests.fixtures.product import ROOT, Product, Refused
from tests.fixtures.viewer import sound

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
HANG = """
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
CREATE TRIGGER hang BEFORE INSERT ON agents_agent FOR EACH ROW EXECUTE FUNCTION hang()
"""


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def product(tmp_path: Path, postgres: Postgres) -> Iterator[Product]:
    address = f"{postgres.address}&options=-c%20lock_timeout%3D700ms"
    environment = {"DATABASE_URL": address, "AAP_STATEMENT_SECONDS": "1", "AAP_RATE_LIMITS": "off"}
    product = Product(data=tmp_path / "data", environment=environment, migrated=True)
    try:
        yield product.start().set_up()
    finally:
        product.stop()


def refusal(product: Product, method: str, path: str, body: object = None) -> tuple[int, float]:
    """The status and the seconds of a request that is refused."""
    begun = time.monotonic()
    with pytest.raises(Refused) as caught:
        product.call(method, path, body)
    assert "busy" in str(caught.value.body) and caught.value.retry_after, caught.value.body
    return caught.value.status, time.monotonic() - begun


def test_what_hangs_in_the_database_is_a_503_and_holds_nobody_up(product: Product, postgres: Postgres) -> None:
    with psycopg.connect(postgres.address, autocommit=True) as server:
        server.execute(HANG)
        with ThreadPoolExecutor(4) as people:
            hanging = [people.submit(refusal, product, "POST", "agents/", {"name": f"A {n}"}) for n in range(4)]
            assert product.call("GET", "agents/")["results"] == [], "others are answered meanwhile"
            answers = [one.result() for one in hanging]
        assert {status for status, _ in answers} == {503}
        assert max(seconds for _, seconds in answers) < 10
        server.execute("DROP TRIGGER hang ON agents_agent")
        assert product.call("POST", "agents/", {"name": "Now"})["name"] == "Now"
        with psycopg.connect(postgres.address) as other:
            other.execute("LOCK TABLE agents_agent IN ACCESS EXCLUSIVE MODE")
            status, seconds = refusal(product, "GET", "agents/")
            assert status == 503 and seconds < 10
            other.rollback()
        assert [agent["name"] for agent in product.call("GET", "agents/")["results"]] == ["Now"]
        ended = server.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
        )
        assert ended.fetchone() == (1,), "this question alone"
    # Backups, migrations and the like are no requests: with a limit of a second their slow statement still ends well.
    words = "from django.db import connection; connection.cursor().execute('SELECT pg_sleep(1.5)'); print('slept')"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", words],
        cwd=ROOT, env=product.whole_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "slept" in done.stdout, done.stderr


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
def test_the_fleet_through_pgbouncer_in_transaction_mode(tmp_path: Path) -> None:
    """Two sessions for everybody: bells by LISTEN go past it, and nothing else needs a session of its own."""
    poolers: list[Pooler] = []

    def way(postgres: Postgres) -> dict[str, str]:
        poolers.append(Pooler(postgres))
        return {"DATABASE_URL": poolers[0].address, "DATABASE_DIRECT_URL": poolers[0].direct}

    try:
        with running_fleet(tmp_path / "fleet", workers=1, way=way) as fleet:
            web = fleet.webs[0]
            agent = web.demo_agent()
            text = 'Behind it [[tool:calculator {"expression":"6*7"}]] [[tokens:20 gap:0]]'
            with ThreadPoolExecutor(4) as people:
                started = people.map(
                    lambda _: web.call("POST", "runs/", {"agent": agent, "input": {"text": text}})["id"], range(8)
                )
                runs = list(started)
                ends = list(people.map(web.wait_for_end, runs))
            assert {run["status"] for run in ends} == {"succeeded"}
            for run in runs:
                sound(web, run)
            assert web.call("GET", "audit/?limit=5")["results"]
            with psycopg.connect(poolers[0].direct, autocommit=True) as server:
                rows = server.execute(
                    "SELECT application_name, client_addr IS NOT NULL, query FROM pg_stat_activity WHERE usename = 'pooled'"
                ).fetchall()
                assert any("LISTEN" in query for _, _, query in rows), "the worker listens past the pooler"
            with psycopg.connect(poolers[0].address, autocommit=True) as pooled:
                for name, limit in (("statement_timeout", "10s"), ("lock_timeout", "5s")):
                    assert pooled.execute(f"SHOW {name}").fetchone() == (limit,)  # type: ignore[arg-type]
            done = subprocess.run(
                [sys.executable, "manage.py", "doctor"],
                cwd=ROOT,
                env=web.whole_environment(),
                capture_output=True,
                text=True,
            )
            assert "Time limits" in done.stdout and "have none" not in done.stdout, done.stdout
            logs = fleet.logs()
        assert '"level": "error"' not in logs and "Traceback" not in logs, logs
    finally:
        for pooler in poolers:
            pooler.close()


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize(
    ("limited", "told"),
    [
        (False, "idle_in_transaction_session_timeout, lock_timeout"),
        pytest.param(True, "", marks=pytest.mark.full),
    ],
)
def test_limits_that_a_pooler_leaves_out_are_missed_by_doctor(limited: bool, told: str, tmp_path: Path) -> None:
    """In session mode we set them as we connect, and PgBouncer drops that, told to ignore it."""
    postgres = Postgres()
    pooler = Pooler(postgres, sessions=4, mode="session", limited=limited)
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--offline"], cwd=ROOT, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DATABASE_URL": pooler.address},
        )  # fmt: skip
        (line,) = [line for line in done.stdout.splitlines() if "Time limits" in line]
        assert line.startswith("ok" if limited else "warning") and told in line, done.stdout + done.stderr
    finally:
        pooler.close()
        postgres.close()
