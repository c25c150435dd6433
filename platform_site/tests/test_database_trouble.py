"""A database that is away, damaged or closed to us: whoever typed a command reads what happened and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.fleet import Postgres
from tests.fixtures.product import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
#: Nobody listens on the port of `discard`.
AWAY = "postgresql://me:hush-hush@127.0.0.1:9/name"


def manage(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(data), "DATA_DIR": str(data), "PORT": "0", **environment},
    )  # fmt: skip


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """What it said beside its log."""
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert "hush-hush" not in done.stderr
    return line


@pytest.mark.parametrize(
    ("command", "code"),
    [("audit_verify", 2), *(pytest.param(one, 1, marks=pytest.mark.full) for one in ("serve", "upgrade"))],
)
def test_a_database_that_is_away_is_said_in_one_line(command: str, code: int, tmp_path: Path) -> None:
    refused = manage(tmp_path, command, DATABASE_URL=AWAY, REDIS_URL="redis://127.0.0.1:9/0")
    line = only_line(refused)
    assert line.startswith("The database does not answer: ") and "DATABASE_URL" in line
    assert "refused" in line, "the server's own reason"
    assert refused.returncode == code


@pytest.mark.full
def test_the_traceback_is_there_for_those_who_ask(tmp_path: Path) -> None:
    assert "Traceback" in manage(tmp_path, "audit_verify", "--traceback", DATABASE_URL=AWAY).stderr


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a database with its tables, for a role that was given nothing: so it is after a restore."""
    postgres = Postgres()
    try:
        with psycopg.connect(postgres.address, autocommit=True) as server:
            server.execute("CREATE ROLE stranger LOGIN")
        yield postgres.address.replace("://postgres@", "://stranger@")
    finally:
        postgres.close()


def test_a_role_without_rights_is_told_who_gives_them(stranger: str, tmp_path: Path) -> None:
    for command in ("worker", "audit_verify"):
        line = only_line(manage(tmp_path, command, DATABASE_URL=stranger, REDIS_URL="redis://127.0.0.1:9/0"))
        assert "permission denied" in line and "upgrade --app-role" in line, command
    looked = manage(tmp_path, "doctor", "--offline", DATABASE_URL=stranger)
    assert looked.returncode == 1 and "Traceback" not in looked.stderr
    assert "upgrade --app-role" in looked.stdout
