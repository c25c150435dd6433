"""A command that cannot go on says why in a sentence, and its exit code says it to programs."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT, Product
from tests.fixtures.schema import copy_schema

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
#: Each is a start of Python and Django: the others of a kind are asked every night.
nightly = pytest.mark.full


def manage(data: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env={**Product(data).whole_environment(), **environment},
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def sentence(ended: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert ended.returncode == code, ended.stdout + ended.stderr
    (line,) = ended.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("audit_verify", 2),
        pytest.param("audit_cut", 1, marks=nightly),
        pytest.param("prune_runs", 1, marks=nightly),
        ("rotate_keys", 1),
        pytest.param("sso_operators somewhere", 1, marks=nightly),
        pytest.param("sso_release somewhere", 1, marks=nightly),
        pytest.param("createsuperuser --noinput --email me@example.com", 1, marks=nightly),
        ("changepassword me@example.com", 1),
    ],
)
def test_a_database_without_tables(tmp_path: Path, words: str, code: int) -> None:
    """2 of `audit_verify`: a log that nobody looked at is not a log that somebody changed."""
    assert sentence(manage(tmp_path, *words.split()), code).endswith("Run `python manage.py upgrade`.")


@pytest.mark.parametrize(
    "words", ["audit_verify", "backup", *(pytest.param(one, marks=nightly) for one in ("upgrade", "serve"))]
)
def test_a_database_that_is_none(tmp_path: Path, words: str) -> None:
    (tmp_path / "platform.sqlite3").write_bytes(b"something else" * 1000)
    (tmp_path / "static").mkdir()
    said = sentence(manage(tmp_path, words), 2 if words == "audit_verify" else 1)
    assert "is damaged: file is not a database" in said and "manage.py restore" in said
    assert (tmp_path / "platform.sqlite3").read_bytes() == b"something else" * 1000
    if words == "backup":
        assert said in manage(tmp_path, "doctor").stdout


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    copy_schema(ROOT, tmp_path)
    with closing(sqlite3.connect(tmp_path / "platform.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield tmp_path


@nightly  # it waits for as long as any of us waits for a lock
def test_a_database_that_another_process_holds(held: Path) -> None:
    assert "held by another process" in sentence(manage(held, "backup", str(held / "b.tar")))
    assert not (held / "b.tar").exists()


def test_a_data_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "file/below", "loop", "x" * 300):
        said = sentence(manage(tmp_path, "doctor", DATA_DIR=str(tmp_path / name)))
        assert said.startswith(f"DATA_DIR is {tmp_path / name}, which cannot be used as a folder: ")


@pytest.mark.parametrize("name", ["secret_key", "encryption_keys", "audit_keys"])
def test_keys_that_are_none(tmp_path: Path, name: str) -> None:
    key = tmp_path / "keys" / name
    key.parent.mkdir()
    key.write_bytes(b"\xff\xfe")
    said = sentence(manage(tmp_path, "doctor"))
    assert str(key) in said and "something else than a key" in said
    key.write_bytes(b"\n")
    assert f"{key} is empty. Put back the key" in sentence(manage(tmp_path, "doctor"))
    key.unlink()
    key.mkdir()
    assert str(key) in sentence(manage(tmp_path, "doctor"))


def test_a_reader_that_goes_and_a_full_disk_behind_the_output(tmp_path: Path) -> None:
    command = [sys.executable, "manage.py", "permission_table"]
    environment = Product(tmp_path).whole_environment()
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert gone.returncode == 128 + signal.SIGPIPE and not gone.stderr
    closed = f"exec {sys.executable} manage.py permission_table >&- 2>&-"
    assert subprocess.run(["sh", "-c", closed], cwd=ROOT, env=environment, check=False).returncode == 0
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1 and "what this says, could not be written: No space left" in ended.stderr


def test_a_mistake_of_ours_is_not_told_as_a_file(tmp_path: Path) -> None:
    """A connection's error is of the same family as a file's."""
    broken = "raise ConnectionRefusedError(111, 'Connection refused')"
    ended = manage(tmp_path, "shell", "--no-imports", "-c", broken)
    assert ended.returncode == 1 and "Traceback" in ended.stderr and "could not be written" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_takes_its_drafts_away(held: Path, number: signal.Signals) -> None:
    """`shell` tells when it is there; the others end in the same place."""
    busy = "import sys, time; print('under way', flush=True); time.sleep(100)"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", busy], cwd=ROOT,
        env=Product(held).whole_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Whoever runs the tests in the background of a shell has them ignore Ctrl+C, and what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "under way\n"
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == ((130, "\nStopped.\n") if number == signal.SIGINT else (-number, ""))


@pytest.mark.parametrize("words", [pytest.param("changepassword owner@example.com", marks=nightly), "createsuperuser"])
def test_questions_want_a_terminal(tmp_path: Path, words: str) -> None:
    """An installation whose set-up was not done would otherwise be told that all is well."""
    copy_schema(ROOT, tmp_path)
    made = manage(tmp_path, "createsuperuser", "--noinput", "--email", "owner@example.com")
    assert made.returncode == 0, made.stderr
    asked = manage(tmp_path, *words.split())
    assert asked.returncode == 1 and "Traceback" not in asked.stderr
    assert "terminal" in asked.stderr.strip().splitlines()[-1]


def test_a_checkout_that_cannot_be_written(tmp_path: Path) -> None:
    """The set-up's own words, by whatever Python there is."""
    script = tmp_path / "deploy" / "quickstart" / "prepare.py"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "quickstart" / "prepare.py", script)
    asked = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, timeout=60, check=False)
    assert sentence(asked).startswith("--help means nothing here.") and not (tmp_path / ".stamps").exists()
    (tmp_path / ".stamps").write_text("")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert f"{tmp_path / '.stamps'}: File exists. Put that right" in sentence(ended)
