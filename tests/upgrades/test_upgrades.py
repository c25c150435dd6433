"""From earlier versions to this one with their data; cut off at every migration; and what is refused.

`<date>.sql.gz` are databases as the versions of those days left them: a run that ended, one that failed, one cut off in mid
answer. They stay as they are; a version that is released adds its own.
"""

from __future__ import annotations

import gzip
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.fleet import Postgres
from tests.fixtures.product import ROOT, Product
from tests.fixtures.schema import copy_schema
from tests.fixtures.viewer import sound
from tests.upgrades.test_backups import done, manage, refused

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(300)]
HERE = Path(__file__).parent
VERSIONS = sorted(path.name.removesuffix(".sql.gz") for path in HERE.glob("????-??-??.sql.gz"))
FULL = bool(os.environ.get("FULL"))
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEYS = {
    "AAP_SECRET_KEY": "golden-database-of-the-tests-0123456789abcdef",
    "AAP_ENCRYPTION_KEYS": f"k1:{KEY}",
    "AAP_AUDIT_KEYS": f"a1:{KEY}",
}


def as_it_was(version: str, data: Path) -> Product:
    data.mkdir()
    with closing(sqlite3.connect(data / "platform.sqlite3")) as database:
        database.executescript(gzip.decompress((HERE / f"{version}.sql.gz").read_bytes()).decode())
        # As if that had been a moment ago: a run's time does not stand still while nobody carries it on.
        database.execute("UPDATE agents_run SET started_at = datetime('now') WHERE status = 'running'")
        database.commit()
    return Product(data, environment={"AAP_RATE_LIMITS": "off", **KEYS}, migrated=True)


def schema(data: Path) -> list[str]:
    with closing(sqlite3.connect(data / "platform.sqlite3")) as database:
        return sorted(row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))


def applied(data: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{data / 'platform.sqlite3'}?mode=ro", uri=True, timeout=0.01)) as database:
            return int(database.execute("SELECT COUNT(*) FROM django_migrations").fetchone()[0])
    except sqlite3.Error:
        return 0


def check_data(product: Product) -> None:
    """Everything is there, what was cut off goes on, and new work works."""
    product.start().sign_in()
    try:
        runs = {row["id"]: row["status"] for row in product.call("GET", "runs/?limit=100")["results"]}
        assert len(runs) == 3
        ends = sorted(product.wait_for_end(run)["status"] for run in runs)
        assert ends == ["failed", "succeeded", "succeeded"]
        for run in runs:
            sound(product, run)
        names = {agent["name"] for agent in product.call("GET", "agents/")["results"]}
        assert names == {"Helper", "Draft only"}
        agent = next(one["id"] for one in product.call("GET", "agents/")["results"] if one["name"] == "Helper")
        body = {"agent": agent, "input": {"text": "After [[tokens:20 gap:0]]"}}
        assert product.wait_for_end(product.call("POST", "runs/", body)["id"])["status"] == "succeeded"
    finally:
        product.stop()
    assert "Good" in done(manage(product, "audit_verify"))


@pytest.mark.parametrize("version", VERSIONS if FULL else VERSIONS[-1:])
def test_g10_from_an_earlier_version_with_its_data(version: str, tmp_path: Path) -> None:
    product = as_it_was(version, tmp_path / "data")
    refusal = refused(manage(product, "serve"))
    assert "manage.py upgrade" in refusal, "a database that is behind is not served"
    assert "migrations wait" in done(manage(product, "upgrade", "--check"))
    said = done(manage(product, "upgrade"))
    (backup,) = (tmp_path / "data" / "backups").glob("*.tar")
    assert str(backup) in said
    assert "Whole" in done(manage(product, "restore", "--check", str(backup)))
    with closing(sqlite3.connect(tmp_path / "data" / "platform.sqlite3")) as database:
        told = (
            "SELECT COUNT(*), SUM(run.owner_id = thread.owner_id) FROM agents_run run JOIN agents_conversation thread "
        )
        assert database.execute(told + "ON thread.id = run.conversation_id").fetchone() == (3, 3)
    check_data(product)


@pytest.mark.parametrize("version", VERSIONS if FULL else VERSIONS[:1])
def test_g10_killed_at_every_migration(version: str, tmp_path: Path) -> None:
    """Each time it is as if it had stopped between two migrations: nothing half, and the next attempt goes on."""
    product = as_it_was(version, tmp_path / "data")
    begun = applied(tmp_path / "data")
    whole = as_it_was(version, tmp_path / "whole")
    done(manage(whole, "upgrade"))
    last = applied(tmp_path / "whole")
    counts = list(range(begun, last))
    if not FULL:
        counts = sorted(random.Random(os.environ.get("SEED", "7")).sample(counts, 1))
    for count in counts:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "upgrade", "--no-backup"], cwd=ROOT, env=product.whole_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while applied(tmp_path / "data") < count and process.poll() is None:
            assert time.monotonic() < deadline, "no migration came"
            time.sleep(0.002)
        process.kill()
        process.wait()
        if applied(tmp_path / "data") < last:
            assert refused(manage(product, "serve")), "a half schema is not served"
    done(manage(product, "upgrade", "--no-backup"))
    assert schema(tmp_path / "data") == schema(tmp_path / "whole")
    check_data(product)


@pytest.mark.full
def test_two_upgrades_at_once_are_one(tmp_path: Path) -> None:
    product = as_it_was(VERSIONS[0], tmp_path / "data")
    both = [
        subprocess.Popen(
            [sys.executable, "manage.py", "upgrade"], cwd=ROOT, env=product.whole_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    told = [process.communicate(timeout=120) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes in ([0, 0], [0, 2]), told
    assert applied(tmp_path / "data") > 30
    assert "Nothing is to be done" in done(manage(product, "upgrade", "--check"))


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    copy_schema(ROOT, data)
    with closing(sqlite3.connect(data / "platform.sqlite3")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('agents', '9999_later', '2030-01-01')"
        )
    product = Product(data, environment={"AAP_RATE_LIMITS": "off", **KEYS}, migrated=True)
    said = refused(manage(product, "upgrade"))
    assert "newer version" in said and "agents.9999_later" in said


def test_whoever_waits_for_the_schema_is_told_when_it_is_there(tmp_path: Path) -> None:
    product = as_it_was(VERSIONS[0], tmp_path / "data")
    assert "in time" in refused(manage(product, "upgrade", "--wait", "0"))
    done(manage(product, "upgrade"))
    done(manage(product, "upgrade", "--wait", "0"))


def test_the_owner_upgrades_and_the_granted_role_serves(tmp_path: Path) -> None:
    """As compose and Kubernetes do it: the owner grants, and everything else is a role that cannot alter the log."""
    postgres = Postgres()
    try:
        owner = Product(tmp_path / "owner", environment={**KEYS, "DATABASE_URL": postgres.address}, migrated=True)
        owner.data.mkdir()
        assert "no role" in refused(manage(owner, "upgrade", "--app-role", "aap_app"))
        with psycopg.connect(postgres.address, autocommit=True) as server:
            server.execute("CREATE ROLE aap_app LOGIN")
        done(manage(owner, "upgrade", "--app-role", "aap_app"))
        address = postgres.address.replace("://postgres@", "://aap_app@")
        product = Product(
            tmp_path / "app", environment={**KEYS, "AAP_RATE_LIMITS": "off", "DATABASE_URL": address}, migrated=True
        )
        try:
            product.start().set_up()
            body = {"agent": product.demo_agent(), "input": {"text": "Served [[tokens:10 gap:0]]"}}
            assert product.wait_for_end(product.call("POST", "runs/", body)["id"])["status"] == "succeeded"
        finally:
            product.stop()
        assert "owner" in refused(manage(product, "upgrade"))
        with psycopg.connect(address, autocommit=True) as server, pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.execute("DELETE FROM audit_auditentry")
    finally:
        postgres.close()
