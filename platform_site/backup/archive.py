"""The file of a backup: a tar with what it is (manifest.json), the data, and the digests of both, which come last.

A file without its digests was cut off; one that does not match them was damaged. Both are found before anything is
restored.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
SCRATCH, DRAFT = ".platform-backup-", "draft.tar"
MANIFEST, DIGESTS = "manifest.json", "digests.json"
CHUNK = 1024 * 1024
#: Bytes that the manifest and the digests may have.
MOST_WORDS = 16 * CHUNK


class BadBackup(Exception):
    """The file is no backup, is damaged, or is not for this installation. The message is for people."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `migrations` are the names that its database had applied, by app; `rows` counts, by table.

    `keys` are marks of the keys that it was made under, by their names: enough to know them again, and nothing more.
    """

    version: str
    created_at: str
    engine: str
    installation: str
    migrations: dict[str, list[str]]
    rows: dict[str, int]
    format: int = FORMAT
    parts: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def read(cls, told: dict[str, Any]) -> Manifest:
        """ValueError for what this product does not write."""
        found = cls(**told)
        texts = (found.version, found.created_at, found.engine, found.installation, *found.keys, *found.keys.values())
        names = [[app, *applied] for app, applied in found.migrations.items() if applied]
        if len(names) < len(found.migrations) or not all(
            type(text) is str for text in sum(names, [*texts, *found.rows])
        ):
            raise ValueError("its manifest is of another form")
        if not found.rows or not all(type(count) is int and count >= 0 for count in found.rows.values()):
            raise ValueError("its manifest counts no rows")
        return found


class Writer:
    """Adds parts to a backup that is being made. Each is compressed on disk first: a tar wants sizes beforehand."""

    def __init__(self, tar: tarfile.TarFile, scratch: Path) -> None:
        self._tar, self.scratch = tar, scratch
        self.digests: dict[str, str] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(dir=self.scratch) as file:
            with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=5, mtime=0) as packed:
                yield packed  # type: ignore[misc]
            size = file.tell()
            file.seek(0)
            self._add(name, file, size)

    def plain(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        self.digests[name] = digest.hexdigest()
        file.seek(0)
        about = tarfile.TarInfo(name)
        about.size, about.mode = size, 0o600
        self._tar.addfile(about, file)


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """The file appears under its name when it is whole; what was cut off lies in a folder that the next one removes."""
    with scratch_folder(target.parent) as scratch:
        draft = scratch / DRAFT
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = Writer(tar, scratch)
                yield writer
                content = json.dumps(writer.digests, indent=1).encode()
                about = tarfile.TarInfo(DIGESTS)
                about.size, about.mode = len(content), 0o600
                tar.addfile(about, io.BytesIO(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)


@contextmanager
def scratch_folder(place: Path) -> Iterator[Path]:
    """A folder for drafts, on the disk where the backup will be. One that was killed could not remove its own; whose lock
    is free is nobody's any more."""
    for old in place.glob(f"{SCRATCH}*"):
        with _locked(old) as free:
            if free:
                shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=SCRATCH) as made, _locked(Path(made)):
        yield Path(made)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(handle)


class Reader:
    """A backup whose every part was looked at. `manifest` says what it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tar: tarfile.TarFile | None = None
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115  # until `close`
            self._read_all(self._tar)
        except OSError as error:
            self.close()
            raise BadBackup(f"{path} cannot be read: {error.strerror or error}.") from None
        except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.close()
            raise BadBackup(f"{path} cannot be read as a backup: {error}. Use another backup.") from None
        except BadBackup:
            self.close()
            raise

    def _read_all(self, tar: tarfile.TarFile) -> None:
        members = tar.getmembers()
        names = [member.name for member in members]
        if not names or names[-1] != DIGESTS or MANIFEST not in names:
            raise BadBackup(f"{self.path} was cut off, or is no backup of this product.")
        if len(set(names)) < len(names) or not all(member.isreg() for member in members):
            raise BadBackup(f"{self.path} holds what no backup of this product does: links, folders, or a part twice.")
        if any(member.size > MOST_WORDS for member in members if member.name in (MANIFEST, DIGESTS)):
            raise BadBackup(f"{self.path} is no backup of this product: what it says of itself is too long.")
        digests = json.loads(self._member(DIGESTS).read())
        for name in names[:-1]:
            if digests.get(name) != self._digest(name):
                raise BadBackup(f"{self.path} is damaged: {name} is not what was written. Use another backup.")
        if set(digests) != set(names[:-1]):
            raise BadBackup(f"{self.path} is damaged: parts are missing. Use another backup.")
        told: dict[str, Any] = json.loads(self._member(MANIFEST).read())
        if told.get("format") != FORMAT:
            raise BadBackup(f"{self.path} was made by another version, in a form that this one does not know.")
        self.manifest = Manifest.read(told)

    def _member(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(name) if self._tar else None
        if file is None:
            raise BadBackup(f"{self.path} is damaged: {name} is no file.")
        return file

    def _digest(self, name: str) -> str:
        digest, file = hashlib.sha256(), self._member(name)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return digest.hexdigest()

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        """The content of a part, unpacked as it is read. BadBackup when it does not unpack."""
        try:
            with gzip.GzipFile(fileobj=self._member(name), mode="rb") as file:
                yield file  # type: ignore[misc]
        except (gzip.BadGzipFile, EOFError, zlib.error, KeyError) as error:
            raise BadBackup(f"{self.path} is damaged: {name} does not unpack ({error}). Use another backup.") from None

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
