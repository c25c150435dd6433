"""`manage.py chaos`, as an operator calls it: a few deaths with a fixed seed, all guarantees held, nothing left behind."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from django.core.management import CommandError, call_command

from tests.fixtures.fleet import Postgres, Redis, wait_until
from tests.fixtures.product import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
SCRATCH = "SELECT datname FROM pg_database WHERE datname LIKE 'aap\\_chaos\\_%'"


def begin(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    whole = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder / "mine"), "TMPDIR": str(folder),
        **environment,
    }  # fmt: skip
    command = [sys.executable, "manage.py", "chaos", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        # What was started in the background hands down a SIGINT that does nothing; a person at a terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def end(chaos: subprocess.Popen[str]) -> tuple[int, str, str]:
    """(exit code, stdout, stderr); nothing of it is at work any more."""
    try:
        out, err = chaos.communicate(timeout=200)
    finally:
        chaos.kill()
    return chaos.returncode, out, err


def run(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    return end(begin(folder, *words, **environment))


def held(out: str) -> int:
    return sum(line.startswith("held ") for line in out.splitlines())


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain LOGIN")
        connection.execute("CREATE ROLE maker LOGIN CREATEDB")
        connection.execute("CREATE TABLE theirs AS SELECT 'as it was' AS said")
    yield server
    server.close()


@pytest.fixture
def their_redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path).start()
    yield server
    server.stop()


def ask(server: Postgres, question: str) -> list[Any]:
    with psycopg.connect(server.address, autocommit=True) as connection:
        return [row[0] for row in connection.execute(question)]


def of_role(server: Postgres, role: str) -> str:
    return server.address.replace("postgres@", f"{role}@")


def test_one_process_on_sqlite(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "--kills", "3", "--seed", "7")
    assert code == 0, out + err
    assert out.startswith("SQLite 3.") and "1 web server that carries the runs itself\n" in out
    assert held(out) == 7 and "BROKEN" not in out and "3 deaths" in out and "seed 7" in out
    assert not list(tmp_path.glob("chaos-*")), "the scratch folder is gone"
    assert not list((tmp_path / "mine").glob("*.sqlite3")), "the caller's own data folder is not touched"


class Listener(threading.Thread):
    """Hears every channel of a Redis, and speaks on the channel of an installation that is not the campaign's."""

    THEIRS = "aap:product0:bells"

    def __init__(self, server: Redis) -> None:
        super().__init__(daemon=True)
        self.channels: set[str] = set()
        self.receivers: set[int] = set()
        self.left = threading.Event()
        self._redis: Any = redis.Redis.from_url(server.url)

    def run(self) -> None:
        every = self._redis.pubsub()
        every.psubscribe("*")
        while not self.left.is_set():
            message = every.get_message(timeout=0.2)
            if message is None or message["type"] != "pmessage" or message["channel"].decode() == self.THEIRS:
                continue
            channel = message["channel"].decode()
            if channel not in self.channels:
                self.channels.add(channel)
                self.receivers.add(self._redis.publish(self.THEIRS, b"for them only"))


@pytest.mark.full
def test_two_web_servers_and_two_workers_beside_a_product(
    tmp_path: Path, postgres: Postgres, their_redis: Redis
) -> None:
    """On the servers that a product uses: it has its database, its channels and its keys to itself."""
    databases = ask(postgres, "SELECT datname FROM pg_database ORDER BY 1")
    tables = ask(postgres, f"{TABLES} ORDER BY 1")
    theirs: Any = redis.Redis.from_url(their_redis.url)
    theirs.set("theirs", "as it was")
    listener = Listener(their_redis)
    listener.start()
    settings = {"DATABASE_URL": of_role(postgres, "maker"), "REDIS_URL": their_redis.url}
    code, out, err = run(tmp_path, "--kills", "3", "--seed", "123", **settings)
    listener.left.set()
    listener.join(5)
    assert code == 0, out + err
    assert out.startswith("PostgreSQL 1") and ", 2 web servers, 2 workers, Redis\n" in out.splitlines(True)[0]
    assert held(out) == 7 and "BROKEN" not in out and "3 deaths" in out and "1 put to sleep" in out
    assert ask(postgres, "SELECT datname FROM pg_database ORDER BY 1") == databases
    assert ask(postgres, f"{TABLES} ORDER BY 1") == tables and "theirs" in tables
    assert ask(postgres, "SELECT said FROM theirs") == ["as it was"]
    assert theirs.keys() == [b"theirs"] and theirs.get("theirs") == b"as it was"
    spoken = {channel.split(":")[1] for channel in listener.channels}
    assert len(spoken) == 1 and all(channel.startswith("aap:") for channel in listener.channels)
    assert listener.receivers == {1}, "nobody but this test heard what was said to the product"


def wait_for_scratch(server: Postgres, chaos: subprocess.Popen[str]) -> str:
    """The scratch database's name once processes work on it."""
    working = "SELECT datname FROM pg_stat_activity WHERE datname LIKE 'aap\\_chaos\\_%' AND query LIKE '%agents_run%'"
    return str(wait_until(lambda: chaos.poll() is None and ask(server, working), "no campaign began", 60)[0])


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.full)])
def test_stopped_in_the_middle_it_leaves_nothing(tmp_path: Path, postgres: Postgres, number: int) -> None:
    chaos = begin(tmp_path, "--minutes", "5", DATABASE_URL=of_role(postgres, "maker"))
    wait_for_scratch(postgres, chaos)
    processes = psutil.Process(chaos.pid).children(recursive=True)
    chaos.send_signal(number)
    code, _, err = end(chaos)
    assert code == 130 and err.strip() == "Stopped before its end: nothing was judged."
    assert ask(postgres, SCRATCH) == []
    assert processes and not any(process.is_running() for process in processes)
    assert not list(tmp_path.glob("chaos-*"))


@pytest.mark.full
def test_a_scratch_database_that_cannot_be_dropped_is_named(tmp_path: Path, postgres: Postgres) -> None:
    chaos = begin(tmp_path, "--minutes", "5", DATABASE_URL=of_role(postgres, "maker"))
    name = wait_for_scratch(postgres, chaos)
    # The campaign's role may not send an administrator's connection away.
    with psycopg.connect(postgres.address.replace("/postgres?", f"/{name}?")):
        chaos.send_signal(signal.SIGINT)
        code, _, err = end(chaos)
    assert code == 130 and f"Drop it by hand: DROP DATABASE {name} WITH (FORCE);" in err and "Traceback" not in err
    with psycopg.connect(of_role(postgres, "maker"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


def refused(result: tuple[int, str, str]) -> str:
    """What it said, in one sentence or two, without having begun."""
    code, out, err = result
    assert code == 2 and not out and len(err.strip().splitlines()) == 1, out + err
    return err


def test_what_cannot_be_tried_is_said_in_a_sentence(tmp_path: Path, postgres: Postgres, their_redis: Redis) -> None:
    on_sqlite = "On SQLite the product is one process"
    assert on_sqlite in refused(run(tmp_path, "--webs", "2"))
    assert on_sqlite in refused(run(tmp_path, "--workers", "1"))
    may_not = refused(run(tmp_path, DATABASE_URL=of_role(postgres, "plain")))
    assert 'The role "plain" may make no databases' in may_not and 'ALTER ROLE "plain" CREATEDB' in may_not
    nobody = refused(run(tmp_path, DATABASE_URL="postgresql://me@127.0.0.1:9/mine"))
    assert nobody.startswith("The PostgreSQL server that DATABASE_URL names does not let us in: ")
    many = refused(run(tmp_path, "--webs", "8", "--workers", "8", DATABASE_URL=postgres.address))
    assert "connections left and the campaign may need 224" in many
    their_redis.stop()
    gone = {"DATABASE_URL": postgres.address, "REDIS_URL": their_redis.url}
    assert "REDIS_URL is set, but Redis does not answer" in refused(run(tmp_path, **gone))
    assert ask(postgres, SCRATCH) == []


def test_chaos_takes_only_sensible_numbers(tmp_path: Path) -> None:
    assert run(tmp_path, KILLS="many")[0] == 2
    for words in (["--kills", "0"], ["--kills", "1.5"], ["--minutes", "nan"], ["--kills", "1", "--minutes", "1"]):
        with pytest.raises(CommandError, match=r"not allowed with|a whole number from 1|from 0\.5 to 1440"):
            call_command("chaos", *words)


@pytest.mark.full
def test_a_journal_that_loses_an_event_is_a_broken_promise(tmp_path: Path) -> None:
    """The judge sees what happened to the data, whoever did it: here it is this test, behind the product's back."""
    chaos = begin(tmp_path, "--kills", "3", "--seed", "7")
    wait_until(lambda: chaos.poll() is None and damage(tmp_path), "no run ended", 60)
    code, out, err = end(chaos)
    assert code == 1, out + err
    broken = [line.removeprefix("BROKEN").strip() for line in out.splitlines() if line.startswith("BROKEN")]
    assert len(broken) == 2, out
    assert broken[0].startswith("Each journal is whole") and broken[1].startswith("Each viewer saw every word once")
    assert "has a hole" in out and "its viewer saw another history" in out and held(out) == 5
    (logs,) = tmp_path.glob("aap-chaos-logs-*")
    assert str(logs) in out and list(logs.glob("*.log"))


def damage(folder: Path) -> bool:
    """Takes an event out of the journal of the first run that has ended; whether there was one."""
    for file in folder.glob("chaos-*/*/platform.sqlite3"):
        with sqlite3.connect(file, timeout=20) as database:
            try:
                row = database.execute("SELECT id FROM agents_run WHERE status = 'succeeded' ORDER BY id").fetchone()
            except sqlite3.OperationalError:  # its tables are not there yet
                return False
            if row is not None:
                event = "run_id = ? AND type = 'usage.recorded'"
                return database.execute(f"DELETE FROM agents_runevent WHERE {event}", row).rowcount > 0
    return False
