"""Signing in, staying signed in, signing out."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.attempts import count_wrong, refuse_guessing
from accounts.models import LoginSession, User, clean_email
from accounts.tokens import (
    Principal,
    TokenPair,
    actor_without_workspace,
    anonymous_actor,
    mint_tokens,
    read_refresh_token,
)
from audit import kinds, record
from core.authz import Actor
from core.clock import now
from core.errors import NotAuthenticated
from core.ids import new_id
from core.request_context import current_request_id

LIFETIMES = {LoginSession.Client.WEB: timedelta(days=30), LoginSession.Client.API: timedelta(days=7)}
# A second tab may come with the token that the first one has just used up.
SECOND_TAB = timedelta(seconds=30)


def sign_in(*, email: str, password: str, client: str, ip: str | None, user_agent: str = "") -> LoginSession:
    """A new sign-in; NotAuthenticated, with one text for every reason, if the pair is not right.

    TooManyRequests after too many wrong ones.
    """
    refuse_guessing(email=clean_email(email), ip=ip)
    user = authenticate(None, username=clean_email(email), password=password) if password.strip() else None
    if not isinstance(user, User):
        if not password.strip():
            make_password("the time that a real check takes")
        count_wrong(email=clean_email(email), ip=ip)
        known = User.objects.filter(email=clean_email(email)).values_list("id", flat=True).first()
        record.record_refusal(
            anonymous_actor(ip=ip), kind=kinds.SIGN_IN, target=("user", known or ""), data={"client": client}
        )
        raise NotAuthenticated("The e-mail address or the password is not right.", code="wrong_credentials")
    return open_session(user, client=client, ip=ip, user_agent=user_agent)


def open_session(user: User, *, client: str, ip: str | None, user_agent: str = "") -> LoginSession:
    """Open a session for a person whose identity is proven."""
    moment = now()
    with transaction.atomic():
        session = LoginSession.objects.create(
            user=user,
            client=client,
            refresh_id=new_id("rft"),
            last_used_at=moment,
            expires_at=moment + LIFETIMES[LoginSession.Client(client)],
            user_agent="".join(c if c.isprintable() else "?" for c in user_agent[:300]),
            ip=ip,
        )
        actor = Actor("user", user.id, user.email, None, request_id=current_request_id(), ip=ip, session_id=session.id)
        record.write_entry(actor, kind=kinds.SIGN_IN, target=("user", user.id), data={"client": client})
    return session


def refresh_session(token: str, *, client: str, ip: str | None) -> TokenPair:
    """Fresh tokens for a refresh token, which is used up by it.

    A token that was used before ends the whole session (somebody else may hold it), except that the web client's other
    tab may come a moment late: it gets the tokens that the first tab got.
    """
    session_id, refresh_id = read_refresh_token(token)
    reused = False
    with transaction.atomic():
        session = LoginSession.objects.select_for_update().select_related("user").filter(pk=session_id).first()
        moment = now()
        if session is None or session.client != client or not is_live(session):
            raise NotAuthenticated("This sign-in has ended. Sign in again.")
        if refresh_id == session.refresh_id:
            session.previous_refresh_id, session.refresh_id = session.refresh_id, new_id("rft")
            session.rotated_at = session.last_used_at = moment
            session.expires_at = moment + LIFETIMES[LoginSession.Client(client)]
            session.save()
        elif not (
            client == LoginSession.Client.WEB
            and refresh_id == session.previous_refresh_id
            and session.rotated_at is not None
            and moment - session.rotated_at <= SECOND_TAB
        ):
            reused = True
            session.ended_at = moment
            session.save(update_fields=["ended_at"])
            actor = actor_without_workspace(Principal(session.user_id, session.user.email, session.id, ip))
            record.write_entry(actor, kind=kinds.REFRESH_REUSED, outcome="denied", target=("user", session.user_id))
    if reused:
        raise NotAuthenticated("This sign-in has ended. Sign in again.")
    return mint_tokens(session)


def is_live(session: LoginSession) -> bool:
    return session.ended_at is None and session.expires_at > now() and session.user.is_active


def sign_out(*, session_id: str, ip: str | None) -> None:
    """End one session; nothing happens if it has ended already."""
    with transaction.atomic():
        session = LoginSession.objects.select_for_update().select_related("user").filter(pk=session_id).first()
        if session is None or session.ended_at is not None:
            return
        session.ended_at = now()
        session.save(update_fields=["ended_at"])
        actor = actor_without_workspace(Principal(session.user_id, session.user.email, session.id, ip))
        record.write_entry(actor, kind=kinds.SIGN_OUT, target=("user", session.user_id))


def session_of_refresh_token(token: str) -> str:
    """The id of the session that a refresh token belongs to, "" if it is no token of ours."""
    try:
        return read_refresh_token(token)[0]
    except NotAuthenticated:
        return ""


def end_other_sessions(user: User, *, keep: str | None) -> int:
    """End all of a person's sessions but `keep`; returns how many."""
    return LoginSession.objects.filter(user=user, ended_at=None).exclude(pk=keep).update(ended_at=now())
