"""Access and refresh tokens (JWT), and from a token back to the person.

An access token names its sign-in (`sid`), and the sign-in's row is read on every use: when it ends, the token is dead at
once, long before it expires.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import connection
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.models import LoginSession, User
from accounts.roles import NOT_FOR_TOKENS, known, permissions_held
from accounts.second_factor.rules import refuse_without_factor
from accounts.selectors import live_tokens
from audit import kinds, record
from core.authz import Actor, Permission
from core.clock import now
from core.errors import NotAuthenticated, NotFound
from core.request_context import belongs_to, current_request_id
from limits.rules import PERSON, TOKEN, Rule

ACCESS_LIFETIME: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class TokenRight:
    """What an API token leaves of its holder's rights. `proof`: the digest of the secret that was shown."""

    id: str
    workspace_id: str
    scopes: frozenset[Permission]
    limited: bool
    per_minute: int | None
    expires_at: datetime | None
    proof: str

    @property
    def rate(self) -> Rule:
        if self.per_minute is None:
            return TOKEN
        burst = max(1, self.per_minute // 4)
        return replace(TOKEN, per_second=self.per_minute / 60, burst=burst, lease=min(TOKEN.lease, burst))


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who proved who they are, by a sign-in that has not ended or a token. Ids, no rows: most requests need no
    more.
    """

    user_id: str
    email: str
    session_id: str
    ip: str | None = None
    token: TokenRight | None = None
    second_factor: bool | None = None
    """Whether they signed in with a second factor; None where nobody signed in."""

    @property
    def key(self) -> str:
        """Whose limits, keys and sockets these are: a person's, however often they signed in, or a token's."""
        return self.user_id if self.token is None else self.token.id

    @property
    def credential_id(self) -> str:
        """The one credential that was shown; a rotated token is another one."""
        return self.session_id if self.token is None else f"{self.token.id}:{self.token.proof}"

    @property
    def rates(self) -> list[tuple[Rule, str]]:
        """What each of their requests is counted for. A person's tokens count for the person too."""
        own = [] if self.token is None else [(self.token.rate, self.token.id)]
        return [*own, (PERSON, self.user_id)]

    def load_user(self) -> User:
        """The person's row, for what changes it."""
        return User.objects.get(pk=self.user_id)


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
    try:
        user_id, session_id, _ = _access_claims(text)
    except ExpiredCredential as expired:
        raise refused_credential(expired.user_id, "expired", ip) from None
    moment = connection.ops.adapt_datetimefield_value(now())
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_SESSION, [session_id, user_id, moment])
        found = cursor.fetchone()
    if found is None or not found[1]:
        raise refused_credential(user_id, "ended", ip)
    return Principal(user_id, found[0], session_id, ip, second_factor=bool(found[2]))


def principals_from_access_tokens(asked: Sequence[tuple[str, str | None]]) -> list[Principal | NotAuthenticated]:
    """The same for many (token, ip) with one query: those who come back together are let in together."""
    claims: list[tuple[str, str] | NotAuthenticated] = []
    for text, ip in asked:
        try:
            claims.append(_access_claims(text)[:2])
        except ExpiredCredential as expired:
            claims.append(refused_credential(expired.user_id, "expired", ip))
        except NotAuthenticated as error:
            claims.append(error)
    sessions = {one[1] for one in claims if isinstance(one, tuple)}
    live = LoginSession.objects.filter(pk__in=sessions, ended_at=None, expires_at__gt=now(), user__is_active=True)
    people = {
        (user, session): (email, factor)
        for session, user, email, factor in live.values_list("pk", "user_id", "user__email", "second_factor")
    }
    found: list[Principal | NotAuthenticated] = []
    for one, (_, ip) in zip(claims, asked, strict=True):
        if isinstance(one, NotAuthenticated):
            found.append(one)
        elif one in people:
            email, factor = people[one]
            found.append(Principal(one[0], email, one[1], ip, second_factor=factor))
        else:
            found.append(refused_credential(one[0], "ended", ip))
    return found


class ExpiredCredential(NotAuthenticated):
    """The token was good and is over."""

    def __init__(self, detail: str, user_id: str) -> None:
        super().__init__(detail)
        self.user_id = user_id


def refused_credential(user_id: str, reason: str, ip: str | None) -> NotAuthenticated:
    """The refusal of a credential that was once good, which is on record; one that never was leaves nothing."""
    actor = Actor("user", user_id, "", None, request_id=current_request_id(), ip=ip)
    record.record_refusal(actor, kind=kinds.CREDENTIAL_REFUSED, target=("user", user_id), data={"reason": reason})
    if reason == "expired":
        return NotAuthenticated("The token is not valid (any more). Sign in again.")
    return NotAuthenticated("This sign-in has ended. Sign in again.")


# Asked on every request and every frame of a socket, so not built by the ORM each time.
_LIVE_SESSION = """
SELECT person.email, person.is_active, session.second_factor
FROM accounts_loginsession AS session JOIN accounts_user AS person ON person.id = session.user_id
WHERE session.id = %s AND session.user_id = %s AND session.ended_at IS NULL AND session.expires_at > %s
"""
_MEMBER = """
SELECT member.role, space.id, space.slug, space.name, own.id, own.permissions, space.require_second_factor
FROM accounts_membership AS member JOIN accounts_workspace AS space ON space.id = member.workspace_id
LEFT JOIN accounts_customrole AS own ON own.id = member.custom_role_id
WHERE member.user_id = %s AND {} = %s
"""
_MEMBER_BY_ID, _MEMBER_BY_SLUG = _MEMBER.format("space.id"), _MEMBER.format("space.slug")


def seconds_left(text: str) -> int:
    """For how many seconds an access token is still good; 0 if it is not."""
    try:
        return max(0, int(_access_claims(text)[2] - time.time()))
    except NotAuthenticated:
        return 0


@dataclass(frozen=True, slots=True)
class WorkspaceName:
    """A workspace as far as requests need it."""

    id: str
    slug: str
    name: str


def actor_for(principal: Principal, workspace: str) -> tuple[Actor, WorkspaceName]:
    """The person as an Actor in a workspace named by id or slug; NotFound unless they are a member of it, EnrolmentRequired
    while they lack the second factor that it asks for.

    One query; the role is read now, so a demotion holds from the next call on.
    """
    with connection.cursor() as cursor:
        by_id = workspace.startswith("wsp_")
        cursor.execute(_MEMBER_BY_ID if by_id else _MEMBER_BY_SLUG, [principal.user_id, workspace])
        found = cursor.fetchone()
    if found is None:
        raise NotFound()
    role, workspace_id, slug, name, custom_id, custom, asks_for_factor = found
    held, token = permissions_held(role, custom), principal.token
    if token is not None:
        if token.workspace_id != workspace_id:
            raise NotFound()
        held = carried(held, principal)
    refuse_without_factor(principal.second_factor, workspace_requires=bool(asks_for_factor))
    belongs_to(workspace=workspace_id)
    actor = Actor(
        kind="token" if token else "user",
        user_id=principal.user_id,
        label=principal.email,
        workspace_id=workspace_id,
        role=custom_id or role,
        permissions=held,
        request_id=current_request_id(),
        ip=principal.ip,
        session_id=principal.session_id or None,
        token_id=token.id if token else None,
        limited=token is not None and token.limited,
    )
    return actor, WorkspaceName(workspace_id, slug, name)


@lru_cache(maxsize=1_000)
def _carried(held: frozenset[Permission], scopes: frozenset[Permission]) -> frozenset[Permission]:
    """What a token with these scopes may do for who holds these permissions now."""
    return (held & scopes) - NOT_FOR_TOKENS


def carried(held: frozenset[Permission], principal: Principal) -> frozenset[Permission]:
    """What is left of a role's permissions for this credential."""
    return held if principal.token is None else _carried(held, principal.token.scopes)


def actor_of_member(user_id: str, workspace: str, *, token_id: str = "") -> Actor:
    """Somebody as they would act now, for work that goes on without them; NotFound once they are disabled or gone.

    Work that was begun with an API token names it: the actor has what that token leaves of its holder's rights now, and
    there is none once it is revoked or over.
    """
    person = User.objects.filter(pk=user_id, is_active=True).first()
    if person is None:
        raise NotFound()
    right = _standing_right(user_id, token_id) if token_id else None
    return actor_for(Principal(person.pk, person.label, "", token=right), workspace)[0]


def _standing_right(user_id: str, token_id: str) -> TokenRight:
    token = live_tokens().filter(pk=token_id, user_id=user_id).first()
    if token is None:
        raise NotFound()
    return TokenRight(
        id=token.pk,
        workspace_id=token.workspace_id,
        scopes=known(token.scopes),
        limited=token.limited,
        per_minute=token.per_minute,
        expires_at=token.expires_at,
        proof="",
    )


def actor_without_workspace(principal: Principal) -> Actor:
    """The person as an Actor for what concerns only themselves."""
    return Actor(
        kind="token" if principal.token else "user",
        user_id=principal.user_id,
        label=principal.email,
        workspace_id=None,
        request_id=current_request_id(),
        ip=principal.ip,
        session_id=principal.session_id or None,
        token_id=principal.token.id if principal.token else None,
    )


def anonymous_actor(*, ip: str | None) -> Actor:
    """Somebody who has not proved who they are, for the audit entries of failed sign-ins."""
    return Actor(kind="user", user_id=None, label="nobody", workspace_id=None, request_id=current_request_id(), ip=ip)


@lru_cache(maxsize=1)
def _longest() -> int:
    return int(getattr(settings, "MAX_TOKEN_LENGTH", 4096))


# Checking a signature gives the same answer each time, so it is done once a token: {digest: (sub, sid, exp)}. Whether the
# sign-in still lives is another question, asked of the database on every use.
_checked: dict[bytes, tuple[str, str, float]] = {}
_MOST_CHECKED = 10_000


def _access_claims(text: str) -> tuple[str, str, float]:
    """(user id, session id, end as Unix time) of a good access token; NotAuthenticated otherwise."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    seen = _checked.get(digest)
    if seen is None or seen[2] <= time.time():
        claims = _verified(AccessToken, text)
        seen = str(claims.get("sub", "")), str(claims.get("sid", "")), float(claims["exp"])
        if len(_checked) >= _MOST_CHECKED:
            _checked.clear()
        _checked[digest] = seen
    return seen


def _verified(kind: type[Token], text: str) -> Token:
    if not text or len(text) > _longest() or not text.isascii():
        raise NotAuthenticated("The token is malformed. Sign in again.")
    try:
        return kind(text)  # type: ignore[arg-type]
    except ExpiredTokenError:
        # Its signature is good: that is looked at before the time.
        user_id = str(kind(text, verify=False).get("sub", ""))  # type: ignore[arg-type]
        raise ExpiredCredential("The token is not valid (any more). Sign in again.", user_id) from None
    except (TokenError, ValueError, TypeError, KeyError):
        raise NotAuthenticated("The token is not valid (any more). Sign in again.") from None
