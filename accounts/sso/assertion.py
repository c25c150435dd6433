"""What another house says of somebody, once it has been proven that it says so. The same for OIDC and SAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import clean_email
from accounts.models.sso import SUBJECT_LENGTH
from accounts.sso.errors import refused
from core.text_policy import BadText, clean_json, refuse_bad

MAX_GROUPS = 2_000
#: So much of the claims is shown after a test.
SHOWN = 60_000


@dataclass(frozen=True, slots=True)
class Assertion:
    """`authenticated_at`: when they last proved themselves there, in seconds since 1970, where that was said.

    `groups_left_out`: there are groups, but too many to name; then `groups` says nothing about them.
    """

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    groups: tuple[str, ...] = ()
    groups_left_out: bool = False
    authenticated_at: float | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_stored(cls, stored: dict[str, Any]) -> Assertion:
        return cls(**{**stored, "groups": tuple(stored["groups"])})


def read_subject(value: Any) -> str:
    """The subject to the letter, or a refusal. Nothing is trimmed or folded: it is a name to compare, not to show."""
    if not isinstance(value, str) or not value.strip() or len(value) > SUBJECT_LENGTH:
        raise refused("The subject is missing or too long.")
    try:
        return refuse_bad(value)
    except BadText:
        raise refused("The subject holds characters that cannot be stored.") from None


def read_email(value: Any) -> str:
    """An e-mail address in our spelling; "" for what is none."""
    if not isinstance(value, str) or not value.isascii() or len(value) > 254:
        return ""
    address = clean_email(value)
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address


def read_name(value: Any) -> str:
    """What to call somebody who is new; nothing depends on it."""
    if not isinstance(value, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in clean_json(value)).split())[:120]


def read_groups(value: Any) -> tuple[str, ...]:
    """Names of groups, to the letter. One name alone is a list of one."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    names = [one for one in given if isinstance(one, str) and 0 < len(one) <= 300 and _can_be_stored(one)]
    return tuple(dict.fromkeys(names[:MAX_GROUPS]))


def _can_be_stored(text: str) -> bool:
    try:
        return bool(refuse_bad(text))
    except BadText:
        return False


def shown_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The claims for whoever tests a connection, cut to what a page can show."""
    clean: dict[str, Any] = clean_json(dict(claims))
    if len(json.dumps(clean, default=str)) <= SHOWN:
        return clean
    return {name: value for name, value in clean.items() if len(json.dumps(value, default=str)) <= 1_000}
