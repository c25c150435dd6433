"""Access and refresh tokens (JWT), and from a token back to the person.

An access token names its sign-in (`sid`), and the sign-in's row is read on every use: when it ends, the token is dead at
once, long before it expires.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.models import LoginSession, Membership, User, Workspace
from accounts.roles import ROLE_PERMISSIONS, Role
from core.authz import Actor
from core.clock import now
from core.errors import NotAuthenticated, NotFound
from core.request_context import current_request_id

ACCESS_LIFETIME: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person who proved who they are, by a sign-in that has not ended."""

    user: User
    session: LoginSession
    ip: str | None = None

    @property
    def key(self) -> str:
        return self.user.id


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    expires_in: int


def mint_tokens(session: LoginSession) -> TokenPair:
    """A fresh access token and the session's present refresh token."""
    access = AccessToken()
    access["sub"], access["sid"] = session.user_id, session.id
    access.set_exp(lifetime=ACCESS_LIFETIME)
    refresh = RefreshToken()
    refresh["sub"], refresh["sid"], refresh["jti"] = session.user_id, session.id, session.refresh_id
    refresh.set_exp(lifetime=max(session.expires_at - now(), timedelta(seconds=1)))
    return TokenPair(str(access), str(refresh), int(ACCESS_LIFETIME.total_seconds()))


def read_refresh_token(text: str) -> tuple[str, str]:
    """(session id, refresh id) of a refresh token with a good signature; NotAuthenticated otherwise."""
    claims = _verified(RefreshToken, text)
    return str(claims.get("sid", "")), str(claims.get("jti", ""))


def principal_from_access_token(text: str, *, ip: str | None = None) -> Principal:
    """Who holds this access token; NotAuthenticated if it is bad, expired, or its sign-in has ended."""
    claims = _verified(AccessToken, text)
    session = (
        LoginSession.objects.select_related("user")
        .filter(pk=str(claims.get("sid", "")), user_id=str(claims.get("sub", "")))
        .first()
    )
    if session is None or session.ended_at is not None or session.expires_at <= now() or not session.user.is_active:
        raise NotAuthenticated("This sign-in has ended. Sign in again.")
    return Principal(session.user, session, ip)


def seconds_left(text: str) -> int:
    """For how many seconds an access token is still good; 0 if it is not."""
    try:
        return max(0, int(_verified(AccessToken, text)["exp"] - now().timestamp()))
    except NotAuthenticated:
        return 0


def actor_for(principal: Principal, workspace: str) -> tuple[Actor, Workspace]:
    """The person as an Actor in a workspace named by id or slug; NotFound unless they are a member of it.

    One query; the role is read now, so a demotion holds from the next call on.
    """
    named = {"workspace_id": workspace} if workspace.startswith("wsp_") else {"workspace__slug": workspace}
    member = Membership.objects.select_related("workspace").filter(user_id=principal.user.id, **named).first()
    if member is None:
        raise NotFound()
    return make_actor(principal, member), member.workspace


def make_actor(principal: Principal, member: Membership) -> Actor:
    return Actor(
        kind="user",
        user_id=principal.user.id,
        label=principal.user.email,
        workspace_id=member.workspace_id,
        role=member.role,
        permissions=ROLE_PERMISSIONS[Role(member.role)],
        request_id=current_request_id(),
        ip=principal.ip,
        session_id=principal.session.id,
    )


def actor_without_workspace(principal: Principal) -> Actor:
    """The person as an Actor for what concerns only themselves."""
    return Actor(
        kind="user",
        user_id=principal.user.id,
        label=principal.user.email,
        workspace_id=None,
        request_id=current_request_id(),
        ip=principal.ip,
        session_id=principal.session.id,
    )


def anonymous_actor(*, ip: str | None) -> Actor:
    """Somebody who has not proved who they are, for the audit entries of failed sign-ins."""
    return Actor(kind="user", user_id=None, label="nobody", workspace_id=None, request_id=current_request_id(), ip=ip)


@lru_cache(maxsize=1)
def _longest() -> int:
    return int(getattr(settings, "MAX_TOKEN_LENGTH", 4096))


def _verified(kind: type[Token], text: str) -> Token:
    if not text or len(text) > _longest() or not text.isascii():
        raise NotAuthenticated("The token is malformed. Sign in again.")
    try:
        return kind(text)  # type: ignore[arg-type]
    except (TokenError, ValueError, TypeError, KeyError):
        raise NotAuthenticated("The token is not valid (any more). Sign in again.") from None
