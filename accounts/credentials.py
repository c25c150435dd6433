"""From what somebody shows (`Authorization: Bearer …`, a socket's first frame) to a Principal, and whether it still holds.

The one place that knows both forms: the access token of a person's sign-in and an API token. Every door asks here.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from accounts import tokens
from accounts.models import ApiToken, User
from accounts.roles import known
from accounts.selectors import ended_sessions, live_tokens, session_has_ended
from accounts.token_secrets import START, digest_of, prefix_in, same
from accounts.tokens import Principal, TokenRight
from audit import kinds, record
from core.authz import Actor
from core.clock import now
from core.errors import NotAuthenticated
from core.prepared import Prepared
from core.request_context import current_request_id

log = logging.getLogger(__name__)

#: Sockets of tokens without an end sign in again after this long.
LONGEST = timedelta(days=1)
_USED_EVERY = timedelta(minutes=1)


def principal_from(text: str, *, ip: str | None = None) -> Principal:
    """Who holds this credential; NotAuthenticated if it is bad, expired, revoked, or not for this address."""
    if text.startswith(START):
        return _principal_from_token(text, ip)
    return tokens.principal_from_access_token(text, ip=ip)


def principals_from(asked: Sequence[tuple[str, str | None]]) -> list[Principal | NotAuthenticated]:
    """The same for many (text, ip), in their order; the sign-ins among them with one query."""
    places = [number for number, (text, _) in enumerate(asked) if not text.startswith(START)]
    found: list[Any] = [None] * len(asked)
    for number, one in zip(
        places, tokens.principals_from_access_tokens([asked[number] for number in places]), strict=True
    ):
        found[number] = one
    for number, (text, ip) in enumerate(asked):
        if found[number] is None:
            try:
                found[number] = _principal_from_token(text, ip)
            except NotAuthenticated as refusal:
                found[number] = refusal
    return found


def seconds_left(text: str, principal: Principal) -> int:
    """For how many seconds this credential is good, as far as that is known now."""
    if principal.token is None:
        return tokens.seconds_left(text)
    ends = now() + LONGEST
    if principal.token.expires_at is not None:
        ends = min(ends, principal.token.expires_at)
    return max(0, int((ends - now()).total_seconds()))


def require_live(principal: Principal) -> None:
    """NotAuthenticated once the credential holds no more."""
    ended = session_has_ended(principal.session_id) if principal.token is None else ended_among([principal])
    if ended:
        raise NotAuthenticated("This sign-in has ended. Sign in again.")


def ended_among(principals: Iterable[Principal]) -> set[str]:
    """The `credential_id` of those whose credential holds no more; one query for each of the two forms."""
    signed_in, by_token = set(), {}
    for one in principals:
        if one.token is None:
            signed_in.add(one.session_id)
        else:
            by_token[one.credential_id] = one.token
    ended = ended_sessions(signed_in) if signed_in else set()
    if by_token:
        live = {
            row[0]: row[1:]
            for row in live_tokens()
            .filter(pk__in={right.id for right in by_token.values()})
            .values_list("pk", "digest", "previous_digest", "previous_until")
        }
        ended |= {
            name for name, right in by_token.items() if not _proves(right.proof, *live.get(right.id, ("", "", None)))
        }
    return ended


_COLUMNS = (
    "pk",
    "workspace_id",
    "user_id",
    "user__email",
    "user__name",
    "user__kind",
    "user__is_active",
    "digest",
    "previous_digest",
    "previous_until",
    "scopes",
    "limited",
    "networks",
    "per_minute",
    "expires_at",
    "revoked_at",
    "last_used_at",
)
_TOKEN = Prepared(lambda value: ApiToken.objects.filter(prefix=value("prefix")).values_list(*_COLUMNS))
_REFUSED = "This token is not valid (any more), or not from here. Ask whoever gave it to you for another."


def _principal_from_token(text: str, ip: str | None) -> Principal:
    prefix = prefix_in(text)
    row = _TOKEN.row(prefix=prefix) if prefix is not None else None
    if row is None:
        raise NotAuthenticated(_REFUSED)
    token = dict(zip(_COLUMNS, row, strict=True))
    proof = digest_of(text)
    problem = _problem(token, proof, ip)
    if problem:
        actor = Actor("token", token["user_id"], "", token["workspace_id"], request_id=current_request_id(), ip=ip)
        record.record_refusal(
            actor, kind=kinds.CREDENTIAL_REFUSED, target=("apitoken", token["pk"]), data={"reason": problem}
        )
        raise NotAuthenticated(_REFUSED)
    _note_use(token["pk"], token["last_used_at"], ip)
    service = token["user__kind"] == User.Kind.SERVICE
    right = TokenRight(
        id=token["pk"],
        workspace_id=token["workspace_id"],
        scopes=known(token["scopes"]),
        limited=token["limited"],
        per_minute=token["per_minute"],
        expires_at=token["expires_at"],
        proof=proof,
    )
    return Principal(token["user_id"], token["user__name"] if service else token["user__email"], "", ip, token=right)


def _problem(token: dict[str, Any], proof: str, ip: str | None) -> str:
    """Why this token is refused, in a word for the audit log; "" if it is not."""
    if not _proves(proof, token["digest"], token["previous_digest"], token["previous_until"]):
        return "wrong_secret"
    if token["revoked_at"] is not None:
        return "revoked"
    if token["expires_at"] is not None and token["expires_at"] <= now():
        return "expired"
    if not token["user__is_active"]:
        return "disabled"
    return "" if _comes_from(token["networks"], ip) else "address"


def _proves(proof: str, digest: str, previous: str, until: datetime | None) -> bool:
    return same(digest, proof) or (until is not None and until > now() and same(previous, proof))


def _comes_from(networks: Sequence[str], ip: str | None) -> bool:
    if not networks:
        return True
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(network) for network in networks)


def _note_use(token_id: str, before: datetime | None, ip: str | None) -> None:
    moment = now()
    if before is not None and moment - before < _USED_EVERY:
        return
    try:
        with transaction.atomic():
            ApiToken.objects.filter(pk=token_id).update(last_used_at=moment, last_used_ip=ip)
    except DatabaseError as error:  # a full disk must not keep programs from reading
        log.warning("the use of a token could not be noted: %s", type(error).__name__)
