"""The only encryption of the product: secrets at rest, AES-256-GCM with key ids. Imported by gateway and services only.

A stored value reads `enc:v1:<key id>:<nonce and ciphertext in base64>`. The associated data names the model, the field
and the row, so that a value copied into another row or field does not open.
"""

from __future__ import annotations

import base64
import binascii
import os

from core.errors import DomainError

PREFIX = "enc:v1:"
_NONCE = 12
HINT_MIN_LENGTH = 12


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


def open_sealed(stored: str, *, model: str, field: str, row: str) -> str:
    """Decrypt; raises SecretUnreadable, whose text says what to do and holds nothing secret."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not stored.startswith(PREFIX):
        raise SecretUnreadable("A stored key is damaged. Enter the key again in the provider's settings.")
    kid, _, encoded = stored[len(PREFIX) :].partition(":")
    key = _keys().get(kid)
    if key is None:
        raise SecretUnreadable(
            f"A stored key was encrypted with the key {kid!r}, which AAP_ENCRYPTION_KEYS no longer holds. "
            "Put it back, or enter the provider's key again."
        )
    try:
        sealed = base64.b64decode(encoded, validate=True)
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound_to(model, field, row))
        return plain.decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise SecretUnreadable("A stored key is damaged. Enter the key again in the provider's settings.") from None


def needs_rotation(stored: str) -> bool:
    """True when the value is not encrypted with the first key."""
    return not stored.startswith(f"{PREFIX}{next(iter(_keys()))}:")


def hint_of(secret: str) -> str:
    """The last four characters, for people to tell keys apart; nothing of a short key."""
    return secret[-4:] if len(secret) >= HINT_MIN_LENGTH else ""


def _bound_to(model: str, field: str, row: str) -> bytes:
    return f"{model}\x1f{field}\x1f{row}".encode()


def _keys() -> dict[str, bytes]:
    from django.conf import settings

    keys: dict[str, bytes] = settings.ENCRYPTION_KEYS
    return keys
