"""Where the keys come from: the environment, or files in DATA_DIR that the quickstart makes once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from platform_site import env

log = logging.getLogger("platform.keys")


def secret_key(data_dir: Path) -> str:
    """AAP_SECRET_KEY, or the one kept in DATA_DIR/keys."""
    given = env.read("AAP_SECRET_KEY") or env.read_from_command("AAP_SECRET_KEY")
    return given or _kept(data_dir, "secret_key", lambda: secrets.token_urlsafe(48))


class KeyRing(Mapping[str, bytes]):
    """The keys for one purpose by id, in their order; the first one writes, all of them read.

    A running process takes up a changed file by itself: it looks at it every few seconds when it writes, and when it meets
    an id that it does not know. So keys are rotated without a restart, and no process fails to read what another has
    written with a newer key. Keys from the environment itself change with a restart only.
    """

    LOOK_SECONDS = 2.0

    def __init__(self, variable: str, *, kept: Path, first: str) -> None:
        self._variable, self._kept, self._first = variable, kept, first
        self._keys = self._read()
        self._state, self._looked_at = self._state_of_file(), time.monotonic()

    def __getitem__(self, name: str) -> bytes:
        if name not in self._keys:
            self._look(force=True)
        return self._keys[name]

    def __iter__(self) -> Iterator[str]:
        self._look()
        return iter(dict(self._keys))

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def file(self) -> Path | None:
        """The file that holds the keys; None when they come from the environment or a command."""
        return None if env.is_fixed(self._variable) else env.file_of(self._variable) or self._kept

    def add_first(self) -> str:
        """Make a new key, write it to the file as the first one, and return its id; BadEnvironment without a file."""
        name = f"{self._first[0]}{1 + max((int(key[1:]) for key in self._keys if key[1:].isdigit()), default=0)}"
        self._write({name: secrets.token_bytes(32), **self._keys})
        return name

    def keep_only(self, names: Collection[str]) -> list[str]:
        """Take all other keys out of the file; returns the ids that went."""
        gone = [name for name in self._keys if name not in names]
        if gone:
            self._write({name: key for name, key in self._keys.items() if name in names})
        return gone

    def _write(self, keys: dict[str, bytes]) -> None:
        file = self.file
        if file is None:
            raise env.BadEnvironment(
                f"The keys come from {self._variable} itself, so this command cannot change them. Put a new key first in "
                f"it, start all processes anew, then run rotate_keys; or keep them in a file ({self._variable}_FILE)."
            )
        text = as_text(keys)
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
            _as_before(draft, file)
            os.replace(draft, file)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise env.BadEnvironment(f"{file} cannot be written: {error}. Nothing was changed.") from error
        self._look(force=True)

    def _look(self, *, force: bool = False) -> None:
        moment = time.monotonic()
        if not force and moment - self._looked_at < self.LOOK_SECONDS:
            return
        self._looked_at = moment
        state = self._state_of_file()
        if state is None or state == self._state:
            return
        try:
            self._keys = self._read()
        except (env.BadEnvironment, OSError) as error:
            log.error("the changed file of %s cannot be read; the keys of before stay: %s", self._variable, error)
        self._state = state

    def _state_of_file(self) -> tuple[int, int, int] | None:
        try:
            found = self.file.stat() if self.file is not None else None
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None

    def _read(self) -> dict[str, bytes]:
        raw = (
            env.read(self._variable)
            or env.read_from_command(self._variable)
            or _kept(
                self._kept.parent.parent,
                self._kept.name,
                lambda: f"{self._first}:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            )
        )
        return _parse(raw, self._variable, self._first)


def encryption_keys(data_dir: Path) -> KeyRing:
    """The keys for secrets at rest by id, the first one is used to encrypt.

    AAP_ENCRYPTION_KEYS looks like `k2:<base64 of 32 bytes>,k1:<base64 of 32 bytes>`.
    """
    return KeyRing("AAP_ENCRYPTION_KEYS", kept=data_dir / "keys" / "encryption_keys", first="k1")


def audit_keys(data_dir: Path) -> KeyRing:
    """The keys that the audit log is sealed with, by id; the first one seals, all of them verify. Never in the database.

    AAP_AUDIT_KEYS looks like AAP_ENCRYPTION_KEYS.
    """
    return KeyRing("AAP_AUDIT_KEYS", kept=data_dir / "keys" / "audit_keys", first="a1")


def _parse(raw: str, variable: str, first: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for item in raw.split(","):
        name, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32 or not name.isalnum() or len(name) > 16 or name in keys:
            raise env.BadEnvironment(
                f"{variable} must be a list of id:key pairs, each id once and each key 32 random bytes in base64, "
                f"for example {first}:$(head -c 32 /dev/urandom | base64)."
            )
        keys[name] = key
    return keys


def as_text(keys: Mapping[str, bytes]) -> str:
    """`k2:…,k1:…`, as a variable or a file holds them; what `_parse` reads."""
    return ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items())


def _as_before(draft: Path, file: Path) -> None:
    """Whoever may read the file now may read it then: the processes often run as another user than the command."""
    before = file.stat()
    os.chmod(draft, before.st_mode & 0o777)
    if (before.st_uid, before.st_gid) != (draft.stat().st_uid, draft.stat().st_gid):
        os.chown(draft, before.st_uid, before.st_gid)


def derived(secret: str, purpose: str) -> str:
    """A key for one purpose from the secret key, so that no key serves two."""
    return hmac.new(secret.encode(), f"aap:{purpose}".encode(), hashlib.sha256).hexdigest()


def _kept(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    """The content of DATA_DIR/keys/<name>, written on first use; two starts at once agree on one."""
    path = data_dir / "keys" / name
    try:
        kept = _read_or_make(path, make)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it holds something else than a key"
        raise env.BadEnvironment(
            f"The key in {path} cannot be read, or made: {why}. Start this as the user that the product runs as, with the "
            "keys that belong to this data."
        ) from None
    if not kept:
        raise env.BadEnvironment(f"{path} is empty. Put back the key that was in it: this data cannot be read without.")
    return kept


def _read_or_make(path: Path, make: Callable[[], str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(make())
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
