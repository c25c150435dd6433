"""`manage.py backup` and `restore` as an operator gives them: both databases, under load, and files that are not whole."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.disk import small_disk
from tests.fixtures.fleet import Postgres
from tests.fixtures.product import ROOT, Product
from tests.fixtures.viewer import sound

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]
TEXT = 'Kept: Grüße 🌍 [[tool:calculator {"expression":"6*7"}]] [[tokens:40 gap:5]]'


def manage(product: Product, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=product.whole_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def refused(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode not in (0, -signal.SIGKILL), result.stdout
    assert "Traceback" not in result.stderr, result.stderr
    return result.stderr


@dataclass
class House:
    """An installation that was used, and how to make an empty one beside it."""

    product: Product
    agent: str
    folder: Path
    postgres: Postgres | None

    def start_run(self) -> str:
        return str(self.product.call("POST", "runs/", {"agent": self.agent, "input": {"text": TEXT}})["id"])

    def keys(self) -> dict[str, str]:
        file = self.folder / f"keys-{time.monotonic_ns()}"
        done(manage(self.product, "backup", "--keys", str(file)))
        assert file.stat().st_mode & 0o077 == 0
        assert done(manage(self.product, "backup", "--keys", "-")) == file.read_text(), "as out of a container"
        return dict(line.split("=", 1) for line in file.read_text().splitlines())

    def empty(self, name: str, keys: dict[str, str]) -> Product:
        environment = {"AAP_RATE_LIMITS": "off", **keys}
        if self.postgres is not None:
            with psycopg.connect(self.postgres.address, autocommit=True) as server:
                server.execute(f"CREATE DATABASE {name}".encode())
            environment["DATABASE_URL"] = self.postgres.address.replace("/postgres?", f"/{name}?")
        (self.folder / name).mkdir()
        return Product(self.folder / name, environment=environment, migrated=True)


@pytest.hookimpl
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On SQLite in `make test`; on PostgreSQL in full only."""
    if "house" in metafunc.fixturenames:
        houses = ["sqlite", pytest.param("postgres", marks=pytest.mark.full)]
        metafunc.parametrize("house", houses, indirect=True, scope="module")


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = Path(tmp_path_factory.mktemp("house"))
    postgres = Postgres() if request.param == "postgres" else None
    address = {"DATABASE_URL": postgres.address} if postgres else {}
    product = Product(
        folder / "first", environment={"AAP_RATE_LIMITS": "off", **address}, migrated=postgres is not None
    )
    try:
        product.start().set_up()
        yield House(product, product.demo_agent(), folder, postgres)
    finally:
        product.stop()
        if postgres is not None:
            postgres.close()


def test_what_was_kept_under_load_goes_on_elsewhere(house: House) -> None:
    """Runs that ended are as they were; those that were cut by the copy are carried on and end right."""
    ended = house.start_run()
    house.product.wait_for_end(ended)
    before = house.product.events(ended)
    going = [house.start_run() for _ in range(12)]
    file = house.folder / "load.tar"
    done(manage(house.product, "backup", str(file)))
    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as tar:
        assert not [name for name in tar.getnames() if "key" in name and not name.startswith("tables/")]
    other = house.empty("second", house.keys())
    assert "Whole, and fits here" in done(manage(other, "restore", "--check", str(file)))
    done(manage(other, "restore", str(file)))
    assert "Good" in done(manage(other, "audit_verify"))
    try:
        other.start().sign_in()
        assert other.events(ended) == before
        known = {row["id"] for row in other.call("GET", "runs/?limit=100")["results"]}
        for run in set(going) & known:
            assert other.wait_for_end(run)["status"] == "succeeded"
            sound(other, run)
        kinds = [row["kind"] for row in other.call("GET", "audit/?limit=100")["results"]]
        assert "agent.publish" in kinds
        body = {"agent": house.agent, "input": {"text": TEXT}}
        assert other.wait_for_end(other.call("POST", "runs/", body)["id"])["status"] == "succeeded"
    finally:
        other.stop()
    for run in going:
        assert house.product.wait_for_end(run)["status"] == "succeeded", "the one that was copied was not disturbed"


def test_files_that_are_not_whole_or_not_for_here_are_refused_in_words(house: House, tmp_path: Path) -> None:
    file = tmp_path / "good.tar"
    done(manage(house.product, "backup", str(file)))
    assert "there already" in refused(manage(house.product, "backup", str(file)))
    other = house.empty(f"third{time.monotonic_ns()}", house.keys())
    whole = file.read_bytes()
    wrong: dict[str, bytes] = {
        "empty": b"",
        "text": b"not a backup at all",
        "cut": whole[: len(whole) // 2],
        "damaged": whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :],
        "newer": changed(file, tmp_path, b'"0001_initial"', b'"9999_initial"'),
    }
    for name, content in wrong.items():
        bad = tmp_path / f"{name}.tar"
        bad.write_bytes(content)
        said = refused(manage(other, "restore", str(bad)))
        assert str(bad) in said, (name, said)
    assert "No such file" in refused(manage(other, "restore", str(tmp_path / "nothing.tar")))
    done(manage(other, "restore", str(file)))


def test_keys_that_are_not_those_of_the_backup_are_named_before_anything_is_written(
    house: House, tmp_path: Path
) -> None:
    """With others the log would be sealed on under them, and what is broken then is broken for good."""
    file = tmp_path / "good.tar"
    keys = house.keys()
    done(manage(house.product, "backup", str(file)))
    stranger = house.empty(f"stranger{time.monotonic_ns()}", {})
    for words in (["--check"], []):
        said = refused(manage(stranger, "restore", *words, str(file)))
        assert "AAP_SECRET_KEY, AAP_ENCRYPTION_KEYS k1, AAP_AUDIT_KEYS a1" in said and "--other-keys" in said
        assert not any(value.removeprefix("k1:") in said for value in keys.values())
    newer = {
        name: f"{name[4].lower()}9:{value.split(':')[1]},{value}" if ":" in value else value
        for name, value in keys.items()
    }
    rotated = house.empty(f"rotated{time.monotonic_ns()}", newer)
    assert "fits here" in done(manage(rotated, "restore", "--check", str(file))), (
        "a newer key before them is no other key"
    )
    taken = done(manage(stranger, "restore", "--other-keys", str(file)))  # it was left empty, or this would be refused
    assert "Restored" in taken
    assert manage(stranger, "audit_verify").returncode == 1


def changed(file: Path, folder: Path, old: bytes, new: bytes) -> bytes:
    """A backup with other words in its manifest, and digests that fit."""
    import hashlib
    import io
    import json

    target = folder / "changed"
    with tarfile.open(file) as source, tarfile.open(target, "w") as out:
        digests: dict[str, str] = {}
        for member in source.getmembers():
            data: Any = source.extractfile(member)
            content = data.read()
            if member.name == "manifest.json":
                assert old in content
                content = content.replace(old, new)
            if member.name == "digests.json":
                content = json.dumps(digests).encode()
            digests[member.name] = hashlib.sha256(content).hexdigest()
            about = tarfile.TarInfo(member.name)
            about.size = len(content)
            out.addfile(about, io.BytesIO(content))
    return target.read_bytes()


def test_a_disk_without_room_is_told_before_anything_is_written(house: House, tmp_path: Path) -> None:
    """The same words for a backup and for a restore, and neither leaves anything lying about."""
    file = tmp_path / "b.tar"
    done(manage(house.product, "backup", str(file)))
    with small_disk(tmp_path / "disk", megabytes=40) as disk:
        said = refused(manage(house.product, "backup", str(disk / "b.tar")))
        assert "MB free and a backup may need" in said and "on another disk" in said
        assert list(disk.iterdir()) == []
        if house.postgres is None:  # where PostgreSQL puts what is restored is not for us to see
            other = Product(disk, environment=house.keys(), migrated=True)
            said = refused(manage(other, "restore", str(file)))
            assert "MB free and what is restored may need" in said and "Make room first" in said
            assert not (disk / ".restored.sqlite3").exists()
    with small_disk(tmp_path / "disk", megabytes=400) as disk:
        done(manage(house.product, "backup", str(disk / "b.tar")))


def test_a_running_product_is_not_overwritten(house: House, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    done(manage(house.product, "backup", str(file)))
    assert "Stop it first" in refused(manage(house.product, "restore", str(file), "--replace"))


@pytest.mark.full
def test_only_the_newest_are_kept_when_asked(house: House) -> None:
    for _ in range(3):
        said = done(manage(house.product, "backup", "--keep", "2"))
        time.sleep(1.1)  # their names tell the second
    assert "Removed" in said
    assert len(list((house.product.data / "backups").glob("*.tar"))) == 2
    assert "1 or more" in refused(manage(house.product, "backup", "--keep", "0"))


def content(path: Path) -> list[str]:
    """What the database says, however it lies on the disk."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return list(database.iterdump())


def test_a_restore_that_is_killed_leaves_what_was_there(tmp_path: Path) -> None:
    """SQLite: before the last rename the old database is the one that counts."""
    product = Product(tmp_path / "data", environment={"AAP_RATE_LIMITS": "off"}).start().set_up()
    agent = product.demo_agent()
    file = tmp_path / "b.tar"
    done(manage(product, "backup", str(file)))
    product.call("PATCH", f"agents/{agent}/", {"description": "Newer"}, {"If-Match": "*"})
    product.stop()
    there = content(tmp_path / "data" / "platform.sqlite3")
    for delay in (0.6, 0.9, 1.1):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "restore", str(file)], cwd=ROOT, env=product.whole_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        process.kill()
        process.wait()
    assert content(tmp_path / "data" / "platform.sqlite3") == there
    assert "--replace" in refused(manage(product, "restore", str(file)))
    done(manage(product, "restore", str(file), "--replace"))
    aside = tmp_path / "data" / "platform.sqlite3.before-restore"
    assert aside.exists()
    product.start().sign_in()
    try:
        assert product.call("GET", f"agents/{agent}/")["description"] == ""
    finally:
        product.stop()
    shutil.rmtree(tmp_path / "data")
