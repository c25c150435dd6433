"""What a password must be: long enough, not one that everybody tries first, not made of what everybody knows about us.

Nothing else is asked: no digits, no signs, no change after a while. Everything may be typed or pasted, spaces too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError as DjangoValidationError

from accounts.breached import is_breached
from accounts.models import User
from core.errors import FieldError, ValidationFailed

#: How many letters and digits a password needs besides words that anybody would guess.
OWN_CHARACTERS = 6
BREACHED = "This password is in a known breach of another service, so it is tried everywhere. Take one of your own."
_SHORTEST_WORD = 3


def check_password_rules(password: str, user: User, *, field: str = "password") -> None:
    """ValidationFailed on `field` if the password is too short, too common, too like the person or the product, or (where
    the operator has such a service asked) one of a known breach. That is asked last, and of a server elsewhere: never call
    this inside a transaction.
    """
    check_own_rules(password, user, field=field)
    if is_breached(password):
        raise ValidationFailed.on(field, "breached_password", BREACHED)


def check_own_rules(password: str, user: User, *, field: str = "password") -> None:
    """The same without the question to a server elsewhere."""
    try:
        validate_password(password, user)
    except DjangoValidationError as error:
        raise ValidationFailed(
            " ".join(error.messages), errors=[FieldError(field, "weak_password", text) for text in error.messages]
        ) from None


def is_refused_elsewhere(password: str, user: User) -> bool:
    """Whether a password that is good by our own rules is one of a known breach; others are asked about nowhere."""
    try:
        check_own_rules(password, user)
    except ValidationFailed:
        return False
    return is_breached(password)


class GuessedFirstValidator(CommonPasswordValidator):
    """Refuses the passwords that are tried first: those of Django's list, and what people make of them to get past a rule.

    The list is mostly of short ones. A few digits or signs around one of them, or the same one twice, are as well known.
    """

    def validate(self, password: str, user: Any = None) -> None:
        known = set(_cores(password.casefold().strip()))
        known |= {form[: len(form) // times] for form in known for times in (2, 3) if _repeats(form, times)}
        if known & self.passwords:
            raise DjangoValidationError(
                "This password is among those that are tried first, perhaps with a few characters around it. "
                "Take a few words that belong together for nobody but you.",
                code="password_too_common",
            )


def _cores(text: str) -> Iterator[str]:
    """The text without up to a few digits and signs at its ends, in every way."""
    front = next((at for at, character in enumerate(text) if character.isalpha()), len(text))
    back = next((at for at, character in enumerate(reversed(text)) if character.isalpha()), len(text))
    for left in range(min(front, OWN_CHARACTERS - 1) + 1):
        for right in range(min(back, OWN_CHARACTERS - 1 - left) + 1):
            yield text[left : len(text) - right]


def _repeats(text: str, times: int) -> bool:
    part = text[: len(text) // times]
    return bool(part) and text == part * times


class KnownWordsValidator:
    """Refuses a password that is hardly more than the product's and the person's names."""

    def validate(self, password: str, user: Any = None) -> None:
        own = password.casefold()
        for word in sorted(self._words(user), key=len, reverse=True):
            own = own.replace(word, "")
        if own != password.casefold() and len(re.sub(r"[\W_]", "", own)) < OWN_CHARACTERS:
            raise DjangoValidationError(
                "This password is hardly more than names that anybody would try. Add a few words of your own.",
                code="password_known_words",
            )

    def get_help_text(self) -> str:
        return "Your password is more than your name, your address or the name of this product."

    def _words(self, user: Any) -> set[str]:
        known = " ".join(
            (*settings.PASSWORD_KNOWN_WORDS, str(getattr(user, "email", "")), str(getattr(user, "name", "")))
        )
        return {word for word in re.split(r"[\W_]+", known.casefold()) if len(word) >= _SHORTEST_WORD}
