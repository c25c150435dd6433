"""What is put under a key, byte for byte: stamps of entries, seals of chains, and the ends of chains.

Pure: knows the keys, not the database. The forms are versioned by their first word and never change once released.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.conf import settings

from core.ids import ALPHABET

#: What a stamp covers, in this order.
STAMPED = (
    "id", "workspace_id", "at", "kind", "outcome", "actor_kind", "actor_id", "target_type", "target_id", "request_id",
    "source", "first", "count", "data",
)  # fmt: skip


def sealing_key() -> str:
    """The id of the key that seals now."""
    return next(iter(settings.AUDIT_KEYS))


def has_key(key: str) -> bool:
    return key in settings.AUDIT_KEYS


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def proof(key: str, form: str, values: Sequence[Any]) -> str:
    """Keyed digest of `values` under the key with this id. KeyError for a key that is not there."""
    text = json.dumps([form, *values], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hmac.new(settings.AUDIT_KEYS[key], text.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def is_proof(offered: Any, key: Any, form: str, values: Sequence[Any]) -> bool:
    """Whether `offered` is that digest; False with an unknown key, too."""
    if not isinstance(offered, str) or not isinstance(key, str) or not has_key(key):
        return False
    return hmac.compare_digest(offered.encode(), proof(key, form, values).encode())


def stamp_of(values: Sequence[Any]) -> str:
    """`key:digest` over an entry's values in the order of STAMPED."""
    key = sealing_key()
    return f"{key}:{proof(key, 'entry.1', _stamped(values))}"


def is_stamp(stamp: Any, values: Sequence[Any]) -> bool:
    """Whether the product wrote these values."""
    key, _, digest = str(stamp).partition(":")
    return is_proof(digest, key, "entry.1", _stamped(values))


def _stamped(values: Sequence[Any]) -> list[Any]:
    return [moment_text(value) if isinstance(value, datetime) else _as_stored(value) for value in values]


def _as_stored(value: Any) -> Any:
    """Numbers as both databases give them back: a whole one is an int."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_stored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_stored(item) for item in value]
    return value


def seal_digest(key: str, *, chain: str, number: int, before: str, at: str, entry: Sequence[Any]) -> str:
    """`entry`: the entry's columns as they lie in the database (audit.rows)."""
    return proof(key, "seal.1", [chain, number, before, at, key, list(entry)])


def source_id(subject: str, ip: str, salt: str) -> str:
    """An id that commits to the rest of the row, and tells nothing once the salt is gone."""
    number = int.from_bytes(sha256(f"source.1|{salt}|{subject}|{ip}".encode()).digest()[:16], "big")
    characters = []
    for _ in range(26):
        characters.append(ALPHABET[number & 31])
        number >>= 5
    return f"src_{''.join(characters)}"


def new_salt() -> str:
    return secrets.token_hex(16)
