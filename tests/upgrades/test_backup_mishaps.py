"""Backups of careless and unlucky operators on SQLite: nothing that was there goes, and nothing half-made stays."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT, Product
from tests.fixtures.schema import copy_schema

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
DATABASE, MANIFEST, DIGESTS = "database/platform.sqlite3.gz", "manifest.json", "digests.json"


class Installation:
    """One that nobody serves."""

    def __init__(self, data: Path) -> None:
        data.mkdir()
        copy_schema(ROOT, data)
        self.data, self.file = data, data / "platform.sqlite3"
        self._environment = Product(data).whole_environment()

    def manage(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self._environment, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def done(self, *words: str | Path) -> str:
        ended = self.manage(*words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def refused(self, *words: str | Path) -> str:
        ended = self.manage(*words)
        assert ended.returncode == 1 and not ended.stdout, ended.stdout + ended.stderr
        (line,) = ended.stderr.strip().splitlines()
        return line

    def files(self) -> set[str]:
        return {path.name for path in self.data.iterdir() if path.name not in ("keys", "serve.lock")}


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "data? 1%41#")  # a folder's name may hold what means something in an address


def test_what_was_set_aside_stays_and_a_damaged_database_is_no_hindrance(here: Installation, tmp_path: Path) -> None:
    """The moment when a restore is needed most; and the first of several may have been of the wrong file."""
    backup = tmp_path / "b.tar"
    here.done("backup", backup)
    here.file.write_bytes(b"no longer a database" * 1000)
    assert "--replace" in here.refused("restore", backup)
    assert "is damaged" in here.refused("prune_runs")
    for name in ("platform.sqlite3.before-restore", "platform.sqlite3.before-restore-2"):
        assert name in here.done("restore", backup, "--replace")
    assert (here.data / "platform.sqlite3.before-restore").read_bytes().startswith(b"no longer a database")
    with closing(sqlite3.connect(here.data / "platform.sqlite3.before-restore-2")) as database:
        assert database.execute("SELECT count(*) FROM django_migrations").fetchone()[0]
    assert "Nothing is to be done" in here.done("upgrade", "--check")


@pytest.mark.full
def test_a_database_that_somebody_has_open_is_not_taken_away(here: Installation, tmp_path: Path) -> None:
    backup = tmp_path / "b.tar"
    here.done("backup", backup)
    before = here.files()
    with closing(sqlite3.connect(here.file)) as other:
        other.execute("SELECT count(*) FROM django_migrations").fetchone()
        assert "open in another process" in here.refused("restore", backup, "--replace")
        other.execute("CREATE TABLE still_there (id)")
    assert {name for name in here.files() if not name.endswith(("-wal", "-shm"))} == before
    here.done("restore", backup, "--replace")


def test_files_that_nobody_but_a_stranger_makes_are_refused_and_leave_nothing(
    here: Installation, tmp_path: Path
) -> None:
    """Their digests fit: whoever made them could make those, too."""
    good = tmp_path / "good.tar"
    here.done("backup", good)
    with tarfile.open(good) as tar:
        parts = {name: tar.extractfile(name).read() for name in (DATABASE, MANIFEST)}  # type: ignore[union-attr]
    told = json.loads(parts[MANIFEST])
    link = tarfile.TarInfo(DATABASE)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    strange = {
        "cut": written((DATABASE, parts[DATABASE][:3000]), (MANIFEST, parts[MANIFEST])),
        "text": written((DATABASE, gzip.compress(b"text" * 999)), (MANIFEST, parts[MANIFEST])),
        "empty": written((DATABASE, gzip.compress(b"")), (MANIFEST, parts[MANIFEST])),
        "missing": written((MANIFEST, parts[MANIFEST])),
        "twice": written((DATABASE, b"other"), *parts.items()),
        "list": written((DATABASE, parts[DATABASE]), (MANIFEST, b"[1]")),
        "deep": written((DATABASE, parts[DATABASE]), (MANIFEST, b"[" * 99_999)),
        "odd": written((DATABASE, parts[DATABASE]), (MANIFEST, json.dumps({**told, "migrations": 7}).encode())),
        "link": written((MANIFEST, parts[MANIFEST]), member=link),
        "digests": written(*parts.items(), digests=b"null"),
    }
    other = Installation(tmp_path / "other")
    other.file.unlink()
    for name, made in strange.items():
        bad = tmp_path / f"{name}.tar"
        bad.write_bytes(made)
        assert str(bad) in other.refused("restore", bad), name
        assert not other.files(), name
    other.done("restore", "--other-keys", written_to(tmp_path / "again.tar", written(*parts.items())))


def written(*parts: tuple[str, bytes], digests: bytes | None = None, member: tarfile.TarInfo | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        found: dict[str, str] = {}
        if member:
            tar.addfile(member)
            found[member.name] = hashlib.sha256(b"").hexdigest()
        for name, content in parts:
            found[name] = hashlib.sha256(content).hexdigest()
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
        last = json.dumps(found).encode() if digests is None else digests
        about = tarfile.TarInfo(DIGESTS)
        about.size = len(last)
        tar.addfile(about, io.BytesIO(last))
    return out.getvalue()


def written_to(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.full
def test_a_backup_makes_what_was_asked_for_or_says_that_it_does_not(here: Installation, tmp_path: Path) -> None:
    backup, keys = tmp_path / "b.tar", tmp_path / "keys"
    assert "nothing else" in here.refused("backup", backup, "--keys", keys)
    assert "nothing else" in here.refused("backup", "--keep", "2", "--keys", keys)
    away = tmp_path / "latest.tar"
    away.symlink_to("/nowhere/disk/b.tar")
    assert "there already" in here.refused("backup", away)
    assert "is a folder" in here.refused("backup", tmp_path)
    assert "wants a name" in here.refused("backup", "-")
    assert f"{away}: File exists" in here.refused("backup", away / "b.tar")
    assert away.is_symlink() and not backup.exists() and not keys.exists()


def test_the_newest_is_kept_whatever_the_clock_says(here: Installation) -> None:
    """A clock that was put right has left a backup whose name is of a day to come."""
    folder = here.data / "backups"
    folder.mkdir()
    for day in ("20900101", "20900102"):
        (folder / f"platform-{day}-000000.tar").write_bytes(b"")
    made = Path(here.done("backup", "--keep", "2").partition(" (")[0])
    assert {path.name for path in folder.iterdir()} == {made.name, "platform-20900102-000000.tar"}


def test_what_one_that_was_killed_left_goes_with_the_next(here: Installation, tmp_path: Path) -> None:
    left = tmp_path / ".platform-backup-abc"
    left.mkdir()
    (left / "copy.sqlite3").write_bytes(b"x" * 1000)
    here.done("backup", tmp_path / "b.tar")
    assert not left.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def small_files(limit: int) -> Callable[[], None]:
    def set_limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return set_limit


def test_a_file_that_may_not_grow_is_told_and_nothing_stays(here: Installation, tmp_path: Path) -> None:
    """A quota, or a disk that fills meanwhile."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "backup", tmp_path / "b.tar"], cwd=ROOT, env=Product(here.data).whole_environment(),
        capture_output=True, text=True, preexec_fn=small_files(300_000), check=False,
    )  # fmt: skip
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} == {here.data.name}
