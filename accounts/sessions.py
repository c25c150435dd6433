"""Sessions: opened for whoever was admitted (accounts.sign_in), kept up, listed, ended. Knows no passwords."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import LoginSession, SsoConnection, User
from accounts.new_device import tell_of_new_device
from accounts.sso.enforcement import connection_in
from accounts.sso.errors import SsoFailed
from accounts.tokens import (
    ExpiredCredential,
    Principal,
    TokenPair,
    actor_without_workspace,
    mint_tokens,
    read_refresh_token,
    refused_credential,
)
from audit import kinds, record
from core.authz import Actor
from core.clock import now
from core.errors import NotAuthenticated, PermissionDenied
from core.ids import new_id
from core.request_context import current_request_id

LIFETIMES = {
    LoginSession.Client.WEB: timedelta(days=30),
    LoginSession.Client.API: timedelta(days=7),
    LoginSession.Client.ADMIN: timedelta(hours=12),  # from the sign-in on, however much it is used
}
#: After so long a person proves who they are again, however often the sign-in was used meanwhile.
LONGEST = timedelta(days=90)
# A second tab may come with the token that the first one has just used up.
SECOND_TAB = timedelta(seconds=30)
#: For how long a proof of who one is stands for dangerous actions.
FRESH_FOR = timedelta(minutes=10)


class ReauthenticationRequired(PermissionDenied):
    """This needs a fresh proof of who you are: POST me/reauthenticate/, then send it again."""

    code, title = "reauthentication_required", "Prove that it is you"


def open_session(
    user: User,
    *,
    client: str,
    ip: str | None,
    user_agent: str = "",
    how: str = "",
    second_factor: bool = False,
) -> LoginSession:
    """Open a session for a person who was admitted. For accounts.sign_in and for those who have just been made."""
    if user.kind != User.Kind.PERSON:
        raise NotAuthenticated("Service accounts cannot sign in. They use API tokens.")
    moment = now()
    with transaction.atomic():
        session = LoginSession.objects.create(
            user=user,
            client=client,
            refresh_id=new_id("rft"),
            last_used_at=moment,
            proved_at=moment,
            second_factor=second_factor,
            expires_at=moment + LIFETIMES[LoginSession.Client(client)],
            how=how,
            user_agent="".join(c if c.isprintable() else "?" for c in user_agent[:300]),
            ip=ip,
        )
        actor = Actor("user", user.id, user.email, None, request_id=current_request_id(), ip=ip, session_id=session.id)
        data = {"client": client, **({"how": how} if how else {})}
        record.write_entry(actor, kind=kinds.SIGN_IN, target=("user", user.id), data=data)
        tell_of_new_device(session, actor=actor)
    _refuse_closed_way(session)
    return session


def _refuse_closed_way(session: LoginSession) -> None:
    """Asked once the session is there: who closes a connection ends the sessions through it, and this one may not have been
    among them. A second factor may be long in coming, too.
    """
    way = connection_in(session.how)
    if way is None:
        return
    with transaction.atomic():
        # Whoever is closing it is waited for: they may have looked for sessions before this one was there.
        there = SsoConnection.objects.select_for_update().filter(pk=way, enabled=True).first()
    if there is None or (session.client == LoginSession.Client.ADMIN and not there.opens_admin):
        LoginSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now())
        raise SsoFailed("connection_off")


def refresh_session(token: str, *, client: str, ip: str | None) -> TokenPair:
    """Fresh tokens for a refresh token, which is used up by it.

    A token that was used before ends the whole session (somebody else may hold it). A browser has many tabs with one
    cookie: those that come within a moment of the first get the tokens that it got, with the old cookie or the new one,
    so that no order in which their requests arrive looks like a theft.
    """
    try:
        session_id, refresh_id = read_refresh_token(token)
    except ExpiredCredential as expired:
        raise refused_credential(expired.user_id, "expired", ip) from None
    reused, over = False, False
    with transaction.atomic():
        session = LoginSession.objects.select_for_update().select_related("user").filter(pk=session_id).first()
        moment = now()
        if session is None or session.client != client or not is_live(session):
            over = True
        elif _comes_just_after(session, refresh_id, moment):
            pass
        elif refresh_id == session.refresh_id:
            session.previous_refresh_id, session.refresh_id = session.refresh_id, new_id("rft")
            session.rotated_at = session.last_used_at = moment
            longest = session.created_at + LONGEST
            session.expires_at = min(moment + LIFETIMES[LoginSession.Client(client)], longest)
            session.save()
        else:
            reused = True
            session.ended_at = moment
            session.save(update_fields=["ended_at"])
            actor = actor_without_workspace(Principal(session.user_id, session.user.email, session.id, ip))
            record.write_entry(actor, kind=kinds.REFRESH_REUSED, outcome="denied", target=("user", session.user_id))
    if over and session is not None:
        raise refused_credential(session.user_id, "ended", ip)
    if reused or session is None:
        raise NotAuthenticated("This sign-in has ended. Sign in again.")
    return mint_tokens(session)


def _comes_just_after(session: LoginSession, refresh_id: str, moment: datetime) -> bool:
    """Whether this is another tab of the browser that has just got fresh tokens."""
    return (
        session.client == LoginSession.Client.WEB
        and session.rotated_at is not None
        and moment - session.rotated_at <= SECOND_TAB
        and refresh_id in (session.refresh_id, session.previous_refresh_id)
    )


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
    """End all of a person's sessions but `keep`, those of the operator admin too; returns how many."""
    return LoginSession.objects.filter(user=user, ended_at=None).exclude(pk=keep).update(ended_at=now())


def live_sessions(user_id: str) -> QuerySet[LoginSession]:
    """A person's sessions that give access now."""
    return LoginSession.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now())


def require_fresh(session_id: str | None) -> None:
    """ReauthenticationRequired unless the person proved who they are a moment ago."""
    proved = LoginSession.objects.filter(pk=session_id, proved_at__gt=now() - FRESH_FOR)
    if not proved.exists():
        raise ReauthenticationRequired("Confirm first that it is you: enter your password once more.")


def mark_fresh(session_id: str, *, second_factor: bool | None = None) -> None:
    """The person has just proved who they are; `second_factor`: also whether with one."""
    changes: dict[str, object] = {"proved_at": now()}
    if second_factor is not None:
        changes["second_factor"] = second_factor
    LoginSession.objects.filter(pk=session_id).update(**changes)
