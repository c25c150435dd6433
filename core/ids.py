"""Public ids: opaque, sortable by time, with a prefix that says what they name (`run_…`, `agt_…`)."""

from __future__ import annotations

import re

import uuid_utils

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case: sorts like the number it writes
ID_LENGTH = 40
ID_PATTERN = re.compile(r"^[a-z]{2,5}_[0-9a-hjkmnp-tv-z]{26}$")


def new_id(prefix: str) -> str:
    """A fresh id, `<prefix>_<26 characters>`, from a UUIDv7: later ids sort after earlier ones."""
    number = uuid_utils.uuid7().int
    characters = []
    for _ in range(26):
        characters.append(ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(characters))}"
