"""Whether an answer proves a factor: each code once, each key only for our own address. Knows nothing of sign-ins.

What a factor remembers about its last use stands in its row and is changed under its lock, so that two who come with the
same code at once are told apart on every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.second_factor.adapter import factors_of
from core.clock import now

TOTP, WEBAUTHN, RECOVERY = "totp", "webauthn", "recovery_code"
_TYPES = {TOTP: Authenticator.Type.TOTP, WEBAUTHN: Authenticator.Type.WEBAUTHN}
_LAST_STEP, _COUNTER = "last_step", "counter"


def methods_of(user_id: str) -> list[str]:
    """By what a person can prove themselves beside their password; none at all without a real factor."""
    rows = Authenticator.objects.filter(user_id=user_id)
    types = {str(row.type): row for row in rows}
    found = [method for method, kind in _TYPES.items() if kind.value in types]
    codes = types.get(Authenticator.Type.RECOVERY_CODES.value)
    if found and codes is not None and codes.data["used_mask"] != _all_used():
        found.append(RECOVERY)
    return found


def has_factor(user_id: str) -> bool:
    """Whether a person has a factor of their own; recovery codes alone are none."""
    return Authenticator.objects.filter(user_id=user_id, type__in=[kind.value for kind in _TYPES.values()]).exists()


def begin_security_key(user: User, state: dict[str, Any]) -> dict[str, Any]:
    """The options for the browser's `navigator.credentials.get`; `state` takes what is to be remembered."""
    from allauth.mfa.webauthn.internal.auth import begin_authentication

    with factors_of(user, state):
        options: dict[str, Any] = begin_authentication(user)
    return _public_key(options)


def begin_new_security_key(user: User, state: dict[str, Any]) -> dict[str, Any]:
    """The options for the browser's `navigator.credentials.create`; `state` takes what is to be remembered."""
    from allauth.mfa.webauthn.internal.auth import begin_registration

    with factors_of(user, state):
        options: dict[str, Any] = begin_registration(user, passwordless=False)
    return _public_key(options)


def accept_new_security_key(user: User, state: dict[str, Any], answer: Any) -> bool:
    """Whether a browser's answer to `begin_new_security_key` is right."""
    from allauth.mfa.webauthn.internal.auth import complete_registration, parse_registration_response

    return _holds(user, state, answer, parse_registration_response, complete_registration) is not None


def prove(user: User, method: str, answer: Any, state: dict[str, Any]) -> bool:
    """Whether `answer` proves that this is `user`; if so, it is used up."""
    if method == WEBAUTHN:
        return isinstance(answer, dict) and _prove_security_key(user, answer, state)
    if not isinstance(answer, str):
        return False
    if method == TOTP:
        return _prove_code(user, answer)
    return method == RECOVERY and _prove_recovery_code(user, answer)


def step_of(secret: str, code: str) -> int | None:
    """The step of time that a code of this secret belongs to, None if it is none of now."""
    from allauth.core.internal.cryptokit import compare_user_code
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    if not code.isascii():
        return None
    for step in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def _prove_code(user: User, code: str) -> bool:
    with transaction.atomic():
        row = _locked(user, Authenticator.Type.TOTP)
        if row is None:
            return False
        with factors_of(user):
            from allauth.mfa.utils import decrypt

            step = step_of(decrypt(row.data["secret"]), code)
        if step is None or step <= row.data.get(_LAST_STEP, -1):
            return False
        row.data[_LAST_STEP] = step
        _used(row)
    return True


def _prove_recovery_code(user: User, code: str) -> bool:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    with transaction.atomic():
        row = _locked(user, Authenticator.Type.RECOVERY_CODES)
        if row is None or not code.isascii():
            return False
        with factors_of(user):
            codes = RecoveryCodes(row)
            if not codes.validate_code(code):
                return False
            _used(codes.instance)
    return True


def _prove_security_key(user: User, answer: dict[str, Any], state: dict[str, Any]) -> bool:
    from allauth.mfa.webauthn.internal.auth import complete_authentication, parse_authentication_response

    found = _holds(
        user, state, answer, parse_authentication_response, lambda right: complete_authentication(user, right)
    )
    if found is None:
        return False
    authenticator, parsed = found
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(pk=authenticator.pk).first()
        if row is None:
            return False
        counter = parsed.response.authenticator_data.counter
        if counter and counter <= row.data.get(_COUNTER, 0):
            return False  # a copy of the key has been ahead of it
        row.data[_COUNTER] = counter
        _used(row)
    return True


def _holds(user: User, state: dict[str, Any], answer: Any, parse: Any, complete: Any) -> tuple[Any, Any] | None:
    """(what `complete` found, the parsed answer); None for anything that is not right, however malformed."""
    from django.core.exceptions import ValidationError as DjangoValidationError

    try:
        parsed = parse(answer)
        if _origin(parsed.response.client_data.origin) not in _our_origins():
            return None
        with factors_of(user, state):
            return complete(answer), parsed
    # What comes from outside is CBOR, JSON and base64 nested in each other; the parsers raise whatever they stumble over.
    except (DjangoValidationError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        return None


def _our_origins() -> set[str]:
    return {_origin(settings.PUBLIC_URL), *(_origin(origin) for origin in settings.ALLOWED_ORIGINS)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or default}"


def _public_key(options: dict[str, Any]) -> dict[str, Any]:
    from core.text_policy import clean_json

    plain: dict[str, Any] = clean_json(dict(options["publicKey"]))
    return plain


def _locked(user: User, kind: Authenticator.Type) -> Authenticator | None:
    return Authenticator.objects.select_for_update().filter(user_id=user.pk, type=kind.value).first()


def _used(row: Authenticator) -> None:
    row.last_used_at = now()
    row.save(update_fields=["data", "last_used_at"])


def _all_used() -> int:
    from allauth.mfa import app_settings

    return (1 << app_settings.RECOVERY_CODE_COUNT) - 1


def unused_codes(row: Authenticator, user: User) -> Sequence[str]:
    """The recovery codes that are left, in the clear."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    with factors_of(user):
        return list(RecoveryCodes(row).get_unused_codes())
