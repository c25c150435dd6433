"""Where the keys come from: the environment, or files in DATA_DIR that the quickstart makes once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from platform_site import env


def secret_key(data_dir: Path) -> str:
    """AAP_SECRET_KEY, or the one kept in DATA_DIR/keys."""
    return env.read("AAP_SECRET_KEY") or _kept(data_dir, "secret_key", lambda: secrets.token_urlsafe(48))


def encryption_keys(data_dir: Path) -> dict[str, bytes]:
    """The keys for secrets at rest by id, the first one is used to encrypt.

    AAP_ENCRYPTION_KEYS looks like `k2:<base64 of 32 bytes>,k1:<base64 of 32 bytes>`.
    """
    return _key_list(data_dir, "AAP_ENCRYPTION_KEYS", "encryption_keys", "k1")


def audit_keys(data_dir: Path) -> dict[str, bytes]:
    """The keys that the audit log is sealed with, by id; the first one seals, all of them verify. Never in the database.

    AAP_AUDIT_KEYS looks like AAP_ENCRYPTION_KEYS.
    """
    return _key_list(data_dir, "AAP_AUDIT_KEYS", "audit_keys", "a1")


def _key_list(data_dir: Path, variable: str, file: str, first: str) -> dict[str, bytes]:
    raw = env.read(variable) or _kept(
        data_dir, file, lambda: f"{first}:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    )
    keys: dict[str, bytes] = {}
    for item in raw.split(","):
        name, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32 or not name.isalnum() or len(name) > 16:
            raise env.BadEnvironment(
                f"{variable} must be a list of id:key pairs, each key 32 random bytes in base64, for example "
                f"{first}:$(head -c 32 /dev/urandom | base64)."
            )
        keys[name] = key
    return keys


def derived(secret: str, purpose: str) -> str:
    """A key for one purpose from the secret key, so that no key serves two."""
    return hmac.new(secret.encode(), f"aap:{purpose}".encode(), hashlib.sha256).hexdigest()


def _kept(data_dir: Path, name: str, make: object) -> str:
    """The content of DATA_DIR/keys/<name>, written on first use; two starts at once agree on one."""
    path = data_dir / "keys" / name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = path.with_name(f".{name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())  # type: ignore[operator]
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
