"""What text may hold: anything but U+0000 and lone surrogates, which no database here stores alike.

People are told (400); what models and tools send is mended, so that one bad character never costs an answer.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from core.secret import Secret

_BAD = re.compile("[\x00\ud800-\udfff]")


class BadText(ValueError):
    """The text holds U+0000 or half a surrogate pair."""


def replace_bad(text: str) -> str:
    """`text` with every character that cannot be stored replaced by U+FFFD (same length in code points)."""
    return _BAD.sub("\ufffd", text)


def refuse_bad(text: str) -> str:
    """`text` itself, or BadText when it holds a character that cannot be stored."""
    if _BAD.search(text):
        raise BadText("Null characters and half surrogate pairs cannot be stored. Remove them and try again.")
    return text


def normal_name(text: str) -> str:
    """A name as it is stored: NFC, outer white space gone."""
    return unicodedata.normalize("NFC", text).strip()


def clean_json(value: Any) -> Any:
    """`value` (anything JSON can hold) with `replace_bad` applied to every string and key in it. TypeError for a secret."""
    if isinstance(value, Secret):
        raise TypeError("A secret is not written down.")
    if isinstance(value, str):
        return replace_bad(value)
    if isinstance(value, dict):
        return {replace_bad(str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean_json(item) for item in value]
    return value
