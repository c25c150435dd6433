"""From a proven identity to a session: the one way in, with the same rules at every door.

Each door proves in its own way who somebody is (a password, an invitation, another house's word for it) and then calls
`admit`. What it raises is the answer of the door: SecondFactorRequired with a challenge, NotAuthenticated.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password

from accounts.attempts import attempt
from accounts.models import FactorChallenge, LoginSession, User, clean_email
from accounts.second_factor.challenges import answer, ask
from accounts.second_factor.proofs import has_factor
from accounts.sessions import open_session
from accounts.sso.enforcement import refuse_where_enforced
from accounts.tokens import anonymous_actor
from audit import kinds, record
from core.errors import NotAuthenticated, PermissionDenied

PASSWORD = "password"  # noqa: S105  # the name of a way to prove oneself


def sign_in(*, email: str, password: str, client: str, ip: str | None, user_agent: str = "") -> LoginSession:
    """A new sign-in by password; NotAuthenticated, with one text for every reason, if the pair is not right.

    SecondFactorRequired when it is right and a second factor is due; TooManyRequests after too many wrong ones.
    """
    user = prove_password(email=email, password=password, client=client, ip=ip)
    return admit(user, how=PASSWORD, client=client, ip=ip, user_agent=user_agent)


def prove_password(*, email: str, password: str, client: str, ip: str | None) -> User:
    """The person whose pair this is. The same answer, after the same work, for every pair that is nobody's."""
    name = clean_email(email)
    with attempt(name=name, ip=ip) as tried:
        user = authenticate(None, username=name, password=password) if password.strip() else None
        if not isinstance(user, User):
            if not password.strip():
                make_password("the time that a real check takes")
            _record_refusal(name, client=client, ip=ip)
            raise NotAuthenticated("The e-mail address or the password is not right.", code="wrong_credentials")
        tried.was_right()
    return user


def admit(user: User, *, how: str, client: str, ip: str | None, user_agent: str = "") -> LoginSession:
    """Open a session for a person who proved who they are by `how`.

    SsoRequired, if their workspace lets them in through its own identity provider only. SecondFactorRequired, with a
    challenge, if they have a second factor; nobody gets past it by another door. Whoever lacks one where it is asked for
    gets in, but only as far as setting one up (second_factor.rules).
    """
    refuse_inactive(user)
    refuse_other_ways(user, how, client=client, ip=ip)
    if has_factor(user.pk):
        raise ask(user, purpose=FactorChallenge.Purpose.SIGN_IN, client=client, how=how).as_error()
    return open_session(user, client=client, ip=ip, user_agent=user_agent, how=how)


def admit_with_factor(
    *, challenge: str, method: str, response: Any, client: str, ip: str | None, user_agent: str = ""
) -> LoginSession:
    """The second half of `admit`: the answer to its challenge opens the session."""
    try:
        row = answer(
            challenge, method=method, response=response, purpose=FactorChallenge.Purpose.SIGN_IN, client=client, ip=ip
        )
    except NotAuthenticated as error:
        record_refused_factor(client=client, ip=ip, why=error.code)
        raise
    refuse_other_ways(row.user, row.how, client=client, ip=ip)
    return open_session(
        row.user, client=client, ip=ip, user_agent=user_agent, how=f"{row.how} {method}", second_factor=True
    )


def record_refused_factor(*, client: str, ip: str | None, why: str) -> None:
    """A second factor was not right, or came too late."""
    record.record_refusal(anonymous_actor(ip=ip), kind=kinds.SIGN_IN, data={"client": client, "why": why})


def refuse_inactive(user: User) -> None:
    if not User.objects.filter(pk=user.pk, is_active=True, kind=User.Kind.PERSON).exists():
        raise NotAuthenticated("The e-mail address or the password is not right.", code="wrong_credentials")


def refuse_other_ways(user: User, how: str, *, client: str, ip: str | None) -> None:
    """SsoRequired, on record, for whoever has to come another way. Asked after the proof: it tells nothing to others."""
    try:
        refuse_where_enforced(user, how)
    except PermissionDenied as refusal:
        record.record_refusal(
            anonymous_actor(ip=ip),
            kind=kinds.SIGN_IN,
            target=("user", user.pk),
            data={"client": client, "why": refusal.code},
        )
        raise


def _record_refusal(email: str, *, client: str, ip: str | None) -> None:
    known = User.objects.filter(email=email).values_list("id", flat=True).first()
    record.record_refusal(
        anonymous_actor(ip=ip), kind=kinds.SIGN_IN, target=("user", known or ""), data={"client": client}
    )
