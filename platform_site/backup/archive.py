"""The file of a backup: a tar with what it is (manifest.json), the data, and the digests of both, which come last.

A file without its digests was cut off; one that does not match them was damaged. Both are found before anything is
restored.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

FORMAT = 1
MANIFEST, DIGESTS = "manifest.json", "digests.json"
CHUNK = 1024 * 1024


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


class Writer:
    """Adds parts to a backup that is being made. Each is compressed on disk first: a tar wants sizes beforehand."""

    def __init__(self, tar: tarfile.TarFile, scratch: Path) -> None:
        self._tar, self._scratch = tar, scratch
        self.digests: dict[str, str] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(dir=self._scratch) as file:
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
    """The file appears under its name when it is whole; a draft that was cut off does not look like a backup."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = Writer(tar, target.parent)
                yield writer
                content = json.dumps(writer.digests, indent=1).encode()
                about = tarfile.TarInfo(DIGESTS)
                about.size, about.mode = len(content), 0o600
                tar.addfile(about, io.BytesIO(content))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


class Reader:
    """A backup whose every part was looked at. `manifest` says what it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115  # until `close`
            names = self._tar.getnames()
            if not names or names[-1] != DIGESTS or MANIFEST not in names:
                raise BadBackup(f"{path} was cut off, or is no backup of this product.")
            digests = json.loads(self._read(DIGESTS))
            for name in names[:-1]:
                if digests.get(name) != self._digest(name):
                    raise BadBackup(f"{path} is damaged: {name} is not what was written. Use another backup.")
            if set(digests) != set(names[:-1]):
                raise BadBackup(f"{path} is damaged: parts are missing. Use another backup.")
            told: dict[str, Any] = json.loads(self._read(MANIFEST))
            if told.get("format") != FORMAT:
                raise BadBackup(f"{path} was made by another version, in a form that this one does not know.")
            self.manifest = Manifest(**told)
        except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
            raise BadBackup(f"{path} cannot be read as a backup: {error}") from None

    def _member(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(name)
        if file is None:
            raise BadBackup(f"{self.path} is damaged: {name} is no file.")
        return file

    def _read(self, name: str) -> bytes:
        return self._member(name).read()

    def _digest(self, name: str) -> str:
        digest, file = hashlib.sha256(), self._member(name)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        return digest.hexdigest()

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        """The content of a part, unpacked as it is read."""
        with gzip.GzipFile(fileobj=self._member(name), mode="rb") as file:
            yield file  # type: ignore[misc]

    def close(self) -> None:
        self._tar.close()
