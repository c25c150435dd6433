"""The only encryption of the product: secrets at rest, AES-256-GCM with key ids. Must not know what it encrypts.

A stored value reads `enc:v1:<key id>:<nonce and ciphertext in base64>`. The associated data names the model, the field
and the row, so that a value copied into another row or field does not open. Each column that holds such values is
registered here, so that a rotation of the keys finds them all.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import DomainError

PREFIX = "enc:v1:"
_NONCE = 12


class SecretUnreadable(DomainError):
    """The encryption key that this secret was written with is gone, or the row was changed: enter it again."""

    code, status, title = "secret_unreadable", 409, "A stored key cannot be read"


def seal(plain: str, *, model: str, field: str, row: str) -> str:
    """Encrypt with the first of ENCRYPTION_KEYS."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    keys = _keys()
    kid = next(iter(keys))
    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(keys[kid]).encrypt(nonce, plain.encode(), _bound_to(model, field, row))
    return f"{PREFIX}{kid}:{base64.b64encode(sealed).decode()}"


def open_sealed(stored: str, *, model: str, field: str, row: str, mend: str = "Enter it again.") -> str:
    """Decrypt; raises SecretUnreadable, whose text ends with `mend` (what to do) and holds nothing secret."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    damaged = f"A stored key is damaged. {mend}"
    if not stored.startswith(PREFIX):
        raise SecretUnreadable(damaged)
    kid, _, encoded = stored[len(PREFIX) :].partition(":")
    try:
        key = _keys()[kid]
    except KeyError:
        raise SecretUnreadable(
            f"A stored key was encrypted with the key {kid!r}, which AAP_ENCRYPTION_KEYS no longer holds. "
            f"The operator can put it back. Otherwise: {mend}"
        ) from None
    try:
        sealed = base64.b64decode(encoded, validate=True)
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(model, field, row))
        return plain.decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise SecretUnreadable(damaged) from None


def needs_rotation(stored: str) -> bool:
    """True when the value is not encrypted with the first key."""
    return key_of(stored) != next(iter(_keys()))


def key_of(stored: str) -> str:
    """The id of the key that a sealed value was written with."""
    return stored.removeprefix(PREFIX).partition(":")[0]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column with sealed values. `bound_to` gives the (model, field, row) that a row's values were sealed with.

    Where the column holds a JSON object, `keys` names those of its keys that are sealed (any of them may be absent); an
    empty text is no value.
    """

    model: str
    field: str
    bound_to: Callable[[Any], tuple[str, str, str]]
    keys: tuple[str, ...] = ()


_columns: dict[tuple[str, str], SealedColumn] = {}


def register_sealed_column(column: SealedColumn) -> None:
    """Make a column known to the rotation of the keys; when its app starts. `model` reads `app_label.ModelName`."""
    _columns[column.model, column.field] = column


def sealed_columns() -> Sequence[SealedColumn]:
    return tuple(_columns.values())


def _bound_to(model: str, field: str, row: str) -> bytes:
    return f"{model}\x1f{field}\x1f{row}".encode()


def _keys() -> Mapping[str, bytes]:
    from django.conf import settings

    keys: Mapping[str, bytes] = settings.ENCRYPTION_KEYS
    return keys
