"""A second factor that is due: asked for once, answered within minutes, a handful of tries, used once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.attempts import attempt
from accounts.models import FactorChallenge, User
from accounts.second_factor.proofs import WEBAUTHN, begin_security_key, methods_of, prove
from accounts.secret_links import digest_of, new_secret
from core.clock import now
from core.errors import NotAuthenticated, TooManyRequests

LIFETIME = timedelta(minutes=5)
TRIES = 5
#: So many unanswered ones within an hour are no forgetfulness: somebody has the password and guesses, from wherever.
MANY_UNANSWERED = 30
Purpose = FactorChallenge.Purpose


class SecondFactorRequired(NotAuthenticated):
    """The password was right; send the answer of a second factor together with `challenge` to go on."""

    code, title = "second_factor_required", "A second factor is needed"
    asked: Asked


@dataclass(frozen=True, slots=True)
class Asked:
    """What whoever asked for a challenge is told."""

    challenge: str
    methods: list[str]
    webauthn: dict[str, Any] | None

    @property
    def webauthn_json(self) -> str:
        """The options for a security key, for a page's script; "" without one."""
        return json.dumps(self.webauthn) if self.webauthn else ""

    def as_error(self) -> SecondFactorRequired:
        error = SecondFactorRequired(
            "Your password is right. Now prove yourself with a second factor.",
            extra={
                "challenge": self.challenge,
                "methods": self.methods,
                "webauthn": self.webauthn,
                "expires_in": int(LIFETIME.total_seconds()),
            },
        )
        error.asked = self
        return error


def ask(user: User, *, purpose: Purpose, client: str, how: str = "", session_id: str | None = None) -> Asked:
    """Make a challenge. Those of the person that are over are swept away."""
    moment = now()
    FactorChallenge.objects.filter(user=user, expires_at__lt=moment - timedelta(days=1)).delete()
    unanswered = FactorChallenge.objects.filter(user=user, used_at=None, created_at__gt=moment - timedelta(hours=1))
    if unanswered.exclude(attempts=0).count() >= MANY_UNANSWERED:
        raise TooManyRequests(
            "Too many wrong codes in the last hour. Wait an hour, or choose a new password.",
            code="too_many_attempts",
            headers={"Retry-After": "3600"},
        )
    methods = methods_of(user.pk)
    secret, digest = new_secret()
    state: dict[str, Any] = {}
    options = begin_security_key(user, state) if WEBAUTHN in methods else None
    FactorChallenge.objects.create(
        user=user,
        purpose=purpose,
        client=client,
        how=how,
        session_id=session_id,
        digest=digest,
        state=state,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )
    return Asked(secret, methods, options)


def answer(
    challenge: str,
    *,
    method: str,
    response: Any,
    purpose: Purpose,
    client: str,
    ip: str | None,
    session_id: str | None = None,
) -> FactorChallenge:
    """The challenge, used up, with its person; NotAuthenticated when it is over or the answer is not right."""
    row = find_open(challenge, purpose=purpose, client=client, session_id=session_id)
    if row is None:
        with attempt(name="", ip=ip):
            raise challenge_over()
    with attempt(name=f"second-factor:{row.user_id}", ip=ip) as tried:
        if not _take_a_try(row):
            raise challenge_over()
        if not prove(row.user, method, response, dict(row.state)):
            raise NotAuthenticated("That was not right. Try again.", code="wrong_second_factor")
        if not use_up(row):
            raise challenge_over()
        tried.was_right()
    return row


def find_open(challenge: str, *, purpose: Purpose, client: str, session_id: str | None) -> FactorChallenge | None:
    """The challenge with this secret, as long as it can be answered, and by whom it was made for."""
    rows = FactorChallenge.objects.select_related("user").filter(
        digest=digest_of(challenge),
        purpose=purpose,
        client=client,
        used_at=None,
        expires_at__gt=now(),
        attempts__lt=TRIES,
    )
    row = rows.filter(user__is_active=True).first()
    return row if row is not None and row.session_id == session_id else None


def use_up(row: FactorChallenge) -> bool:
    """Whether this was the first time."""
    return bool(FactorChallenge.objects.filter(pk=row.pk, used_at=None).update(used_at=now(), state={}))


def challenge_over() -> NotAuthenticated:
    return NotAuthenticated("This took too long, or was tried too often. Sign in again.", code="challenge_over")


def _take_a_try(row: FactorChallenge) -> bool:
    with transaction.atomic():
        open_rows = FactorChallenge.objects.filter(pk=row.pk, used_at=None, attempts__lt=TRIES)
        return bool(open_rows.update(attempts=F("attempts") + 1))
