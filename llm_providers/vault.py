"""The providers' keys at rest: core.cipher, with what a person does about a key of a provider that cannot be read.

Imported by gateway and services only.
"""

from __future__ import annotations

from core import cipher
from core.cipher import SealedColumn, SecretUnreadable, seal

__all__ = ["SEALED", "SecretUnreadable", "hint_of", "open_sealed", "seal"]

HINT_MIN_LENGTH = 12
SEALED = SealedColumn(
    "llm_providers.ProviderCredential", "secret", lambda row: ("ProviderCredential", "secret", str(row.pk))
)


def open_sealed(stored: str, *, model: str, field: str, row: str) -> str:
    """Decrypt; raises SecretUnreadable, whose text says what to do and holds nothing secret."""
    return cipher.open_sealed(
        stored, model=model, field=field, row=row, mend="Enter the key again in the provider's settings."
    )


def hint_of(secret: str) -> str:
    """The last four characters, for people to tell keys apart; nothing of a short key."""
    return secret[-4:] if len(secret) >= HINT_MIN_LENGTH else ""
