"""The same on PostgreSQL, where a transaction's death is the server's business and not the file's.

`<date>.postgresql.sql.gz` is what `pg_dump --inserts` gave of the database of that day's version, with the same in it as in
the SQLite ones. It stays as it is; a version that is released adds its own.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.deaths import count_death
from tests.fixtures.fleet import Postgres
from tests.fixtures.product import ROOT, Product
from tests.upgrades.test_backups import done, manage, refused
from tests.upgrades.test_upgrades import HERE, KEYS, check_data

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(600)]
DUMPS = sorted(path.name for path in HERE.glob("*.postgresql.sql.gz"))
#: What two databases must have alike, in words of their catalogues.
SCHEMA = """
SELECT 'column', table_name || '.' || column_name, data_type || ' ' || coalesce(character_maximum_length::text, '') || ' '
    || is_nullable || ' ' || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
UNION SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION SELECT 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION SELECT 'trigger', tgrelid::regclass::text || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
"""
_CASTS = re.compile(r"::(text|character varying)(\[\])?|[()]")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()  # its own database is one that was made at once by all migrations
    yield server
    server.close()


def as_it_was(dump: str, postgres: Postgres, folder: Path) -> Product:
    address = postgres.address.replace("/postgres?", "/golden?")
    with psycopg.connect(postgres.address, autocommit=True) as server:
        server.execute("CREATE DATABASE golden TEMPLATE template0")
    with psycopg.connect(address, autocommit=True) as database:
        database.execute(gzip.decompress((HERE / dump).read_bytes()))
        database.execute("UPDATE public.agents_run SET started_at = now() WHERE status = 'running'")
    folder.mkdir()
    return Product(folder, environment={"AAP_RATE_LIMITS": "off", "DATABASE_URL": address, **KEYS}, migrated=True)


def ask(product: Product, question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(product.environment["DATABASE_URL"], autocommit=True) as database:
        return database.execute(question.encode()).fetchall()


def applied(product: Product) -> int:
    return int(ask(product, "SELECT count(*) FROM django_migrations")[0][0])


def schema(address: str) -> set[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as database:
        rows = database.execute(SCHEMA).fetchall()
    # A condition that went through a dump says the same with its casts in other places.
    return {(kind, name, _CASTS.sub("", definition)) for kind, name, definition in rows}


@pytest.mark.full
@pytest.mark.parametrize("dump", DUMPS)
def test_g10_killed_at_every_migration_on_postgresql(dump: str, postgres: Postgres, tmp_path: Path) -> None:
    """Nothing is left half, a half schema is not served, the next attempt goes on; the end is that of a new database."""
    product = as_it_was(dump, postgres, tmp_path / "data")
    begun = applied(product)
    with psycopg.connect(postgres.address) as made:
        row = made.execute("SELECT count(*) FROM django_migrations").fetchone()
    last = int(row[0]) if row else 0
    assert begun < last
    for count in range(begun, last):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "upgrade", "--no-backup"], cwd=ROOT, env=product.whole_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        with psycopg.connect(product.environment["DATABASE_URL"], autocommit=True) as watch:
            while process.poll() is None:
                row = watch.execute("SELECT count(*) FROM django_migrations").fetchone()
                if row is not None and row[0] >= count:
                    break
                assert time.monotonic() < deadline, "no migration came"
                time.sleep(0.002)
        process.kill()
        process.wait()
        count_death()
        if count % 8 == 0 and applied(product) < last:
            assert refused(manage(product, "serve")), "a half schema is not served"
    done(manage(product, "upgrade", "--no-backup"))
    assert applied(product) == last
    assert schema(product.environment["DATABASE_URL"]) == schema(postgres.address)
    states = sorted(status for (status,) in ask(product, "SELECT status FROM agents_run"))
    assert states == ["failed", "running", "succeeded"], "its data is there"
    assert ask(product, "SELECT count(*) FROM agents_runevent WHERE event->>'type' = type")[0][0] > 20
    check_data(product)


@pytest.mark.full
def test_g10_from_an_earlier_version_with_its_data_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    product = as_it_was(DUMPS[-1], postgres, tmp_path / "data")
    assert refused(manage(product, "serve"))
    said = done(manage(product, "upgrade"))
    (backup,) = (tmp_path / "data" / "backups").glob("*.tar")
    assert str(backup) in said
    assert "Whole" in done(manage(product, "restore", "--check", str(backup)))
    check_data(product)
