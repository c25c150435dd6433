"""Proving once more who one is, before something dangerous: the password, and the second factor of those who have one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.attempts import attempt
from accounts.models import FactorChallenge, LoginSession, User
from accounts.second_factor.challenges import answer, ask
from accounts.second_factor.proofs import has_factor
from accounts.sessions import FRESH_FOR, mark_fresh
from accounts.sso.enforcement import refuse_where_enforced
from audit.action import Action, action
from core.authz import Actor
from core.clock import now
from core.errors import ValidationFailed


def reauthenticate(actor: Actor, *, user: User, session: LoginSession, password: str) -> datetime:
    """Until when the proof stands; SecondFactorRequired for those who have a second factor.

    Who has no password (they sign in elsewhere) proves themselves by the second factor alone. SsoRequired for those whose
    workspace wants its own provider asked.
    """
    refuse_where_enforced(user)
    if user.has_usable_password() or not has_factor(user.pk):
        with attempt(name=user.email, ip=actor.ip) as tried:
            if not password.strip() or not user.check_password(password):
                raise ValidationFailed.on("password", "wrong_password", "This is not your password.")
            tried.was_right()
    if has_factor(user.pk):
        raise ask(
            user, purpose=FactorChallenge.Purpose.REAUTHENTICATE, client=session.client, session_id=session.pk
        ).as_error()
    return note_proof(actor, user=user, second_factor=None)


def reauthenticate_with_factor(
    actor: Actor, *, user: User, session: LoginSession, challenge: str, method: str, response: Any
) -> datetime:
    """The second half, for those who have a second factor."""
    answer(
        challenge,
        method=method,
        response=response,
        purpose=FactorChallenge.Purpose.REAUTHENTICATE,
        client=session.client,
        session_id=session.pk,
        ip=actor.ip,
    )
    return note_proof(actor, user=user, second_factor=True)


@action("session.reauthenticate", requires=None)
def note_proof(act: Action, *, user: User, second_factor: bool | None) -> datetime:
    """A person proved once more who they are."""
    mark_fresh(act.actor.session_id or "", second_factor=second_factor)
    act.target(user)
    return now() + FRESH_FOR
