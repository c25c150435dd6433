"""What allauth.mfa asks its surroundings: where we live, what a person is called, how secrets are kept.

allauth reads the ceremony of a security key from a request's session. Ours are rows, so it is given a stand-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from accounts.models import User
from core.cipher import SealedColumn, open_sealed, seal

PRODUCT = "AI Agentic Platform"
_MEND = "Sign in with another factor, or ask an operator to reset yours."

#: Whose secrets are at hand. A sealed secret is bound to its person, so that it opens for nobody else.
_owner: ContextVar[str] = ContextVar("owner_of_factors")


def _bound_to(user_id: str) -> tuple[str, str, str]:
    return "Authenticator", "data", user_id


SEALED = SealedColumn("mfa.Authenticator", "data", lambda row: _bound_to(str(row.user_id)), keys=("secret", "seed"))


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        model, field, row = _bound_to(_owner.get())
        return seal(text, model=model, field=field, row=row)

    def decrypt(self, encrypted_text: str) -> str:
        model, field, row = _bound_to(_owner.get())
        return open_sealed(encrypted_text, model=model, field=field, row=row, mend=_MEND)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "", "name": PRODUCT}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        return {"id": user.pk.encode(), "name": user.email, "display_name": user.name or user.email}

    def get_totp_label(self, user: Any) -> str:
        return str(user.email)


class Ceremony:
    """What allauth takes for the request: it keeps the state of the ceremony in `session`."""

    def __init__(self, session: dict[str, Any]) -> None:
        self.session = session


@contextmanager
def factors_of(user: User, session: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Around every call into allauth.mfa: for whom, and with which state, which it may change."""
    ceremony = Ceremony({} if session is None else session)
    token = _owner.set(user.pk)
    try:
        with context.request_context(ceremony):  # type: ignore[arg-type]
            yield ceremony.session
    finally:
        _owner.reset(token)
