"""Making, changing, rotating and revoking API tokens. The secret leaves this module once, in the answer that made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.members import refuse_more_than_own
from accounts.models import ApiToken, ApiTokenObject, Membership, Workspace
from accounts.rights import rights_shrank
from accounts.roles import NOT_FOR_TOKENS, known
from accounts.token_secrets import digest_of, new_prefix, new_token
from audit.action import Action, action
from core.authz import Permission
from core.clock import now
from core.errors import Conflict, NotFound, ValidationFailed

MAX_LIVE_TOKENS = 100
_MAKES_OBJECTS = {Permission.AGENT_CREATE}


@dataclass(frozen=True, slots=True)
class Secret:
    """A token as it is shown once."""

    row: ApiToken
    token: str


@action("api_token.create", requires=Permission.API_TOKEN_EDIT)
def create_token(act: Action, **wanted: Any) -> Secret:
    """A person made an API token for themselves."""
    wanted_scopes = _scopes(wanted.pop("scopes"))
    refuse_more_than_own(act.actor, wanted_scopes)
    return _make(act, user_id=act.person_id, scopes=wanted_scopes, **wanted)


@action("service_account.create_token", requires=Permission.SERVICE_ACCOUNT_EDIT, on="account")
def create_account_token(act: Action, *, account: Membership, **wanted: Any) -> Secret:
    """An API token was made for a service account."""
    refuse_more_than_own(act.actor, account.held)
    scopes = _scopes(wanted.pop("scopes"))
    if not scopes <= account.held:
        raise ValidationFailed.on("scopes", "beyond_the_role", "The service account's role does not hold all of these.")
    return _make(act, user_id=account.user_id, scopes=scopes, **wanted)


@action("api_token.update", requires=Permission.API_TOKEN_EDIT, on="token")
def update_token(act: Action, *, token: ApiToken, **changes: Any) -> ApiToken:
    """An API token's name, end, addresses or rate was changed, or it was narrowed; what it may do never grows."""
    token = _lock(token)
    act.record(fields=sorted(changes))
    narrowed = _narrow_scopes(token, changes) | _narrow_objects(token, changes)
    for name, value in changes.items():
        setattr(token, name, value)
    token.save(update_fields=[*changes, "limited", "updated_at"])
    if narrowed:
        rights_shrank(token.workspace_id, token.user_id)
    return token


def _narrow_scopes(token: ApiToken, changes: dict[str, Any]) -> bool:
    if "scopes" not in changes:
        return False
    wanted = known(changes["scopes"])
    if not wanted <= known(token.scopes):
        raise ValidationFailed.on("scopes", "only_narrower", "A token can lose scopes, not gain any. Make another one.")
    before, changes["scopes"] = known(token.scopes), sorted(wanted)
    return wanted != before


def _narrow_objects(token: ApiToken, changes: dict[str, Any]) -> bool:
    wanted: Sequence[str] | None = changes.pop("objects", None)
    if wanted is None:
        return False
    reached = ApiTokenObject.objects.filter(token=token)
    if not token.limited:
        if known(changes.get("scopes", token.scopes)) & _MAKES_OBJECTS:
            raise ValidationFailed.on("objects", "not_with_objects", "A token for named agents cannot make new ones.")
        token.limited = True
        ApiTokenObject.objects.bulk_create(ApiTokenObject(token=token, object_id=one) for one in dict.fromkeys(wanted))
        return True
    if not set(wanted) <= set(reached.values_list("object_id", flat=True)):
        raise ValidationFailed.on(
            "objects", "only_narrower", "A token can lose agents, not gain any. Make another one."
        )
    return bool(reached.exclude(object_id__in=wanted).delete()[0])


@action("api_token.rotate", requires=Permission.API_TOKEN_EDIT, on="token")
def rotate_token(act: Action, *, token: ApiToken, overlap_seconds: int = 0) -> Secret:
    """An API token got a new secret; the old one works on for the stated time."""
    token = _lock(token)
    if token.revoked_at is not None:
        raise Conflict("This token was revoked. Make another one.", code="token_revoked")
    holder = Membership.objects.select_related("custom_role").filter(
        workspace_id=token.workspace_id, user=token.user_id
    )
    refuse_more_than_own(act.actor, holder.get().held if token.user_id != act.actor.user_id else frozenset())
    secret = new_token(token.prefix)
    moment = now()
    token.previous_digest = token.digest if overlap_seconds else ""
    token.previous_until = moment + timedelta(seconds=overlap_seconds) if overlap_seconds else None
    token.digest, token.rotated_at = digest_of(secret), moment
    token.save()
    act.record(overlap_seconds=overlap_seconds)
    return Secret(token, secret)


@action("api_token.revoke", requires=Permission.API_TOKEN_REVOKE, on="token")
def revoke_token(act: Action, *, token: ApiToken) -> None:
    """An API token was revoked; what it had started stops."""
    token = _lock(token)
    if token.revoked_at is None:
        token.revoked_at = now()
        token.save(update_fields=["revoked_at", "updated_at"])
        rights_shrank(token.workspace_id, token.user_id)


def _scopes(names: Iterable[str]) -> frozenset[Permission]:
    scopes = known(names)
    reserved = sorted(scopes & NOT_FOR_TOKENS)
    if reserved:
        raise ValidationFailed.on("scopes", "not_for_tokens", f"No token can carry {', '.join(reserved)}.")
    return scopes


def _make(
    act: Action,
    *,
    user_id: str,
    name: str,
    scopes: frozenset[Permission],
    objects: Sequence[str] | None = None,
    networks: Sequence[str] = (),
    per_minute: int | None = None,
    expires_at: datetime | None = None,
) -> Secret:
    if objects is not None and scopes & _MAKES_OBJECTS:
        raise ValidationFailed.on("scopes", "not_with_objects", "A token for named agents cannot make new ones.")
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    if (
        ApiToken.objects.filter(workspace_id=act.workspace_id, user_id=user_id, revoked_at=None).count()
        >= MAX_LIVE_TOKENS
    ):
        raise Conflict(f"There are {MAX_LIVE_TOKENS} tokens already. Revoke one first.", code="too_many")
    prefix = new_prefix()
    secret = new_token(prefix)
    row = ApiToken.objects.create(
        workspace_id=act.workspace_id,
        user_id=user_id,
        name=name,
        prefix=prefix,
        digest=digest_of(secret),
        scopes=sorted(scopes),
        limited=objects is not None,
        networks=list(networks),
        per_minute=per_minute,
        expires_at=expires_at,
    )
    ApiTokenObject.objects.bulk_create(ApiTokenObject(token=row, object_id=one) for one in dict.fromkeys(objects or ()))
    act.target(row)
    act.record(user=user_id, scopes=row.scopes, objects=len(objects) if objects is not None else None)
    return Secret(row, secret)


def _lock(token: ApiToken) -> ApiToken:
    found = ApiToken.objects.select_for_update().filter(pk=token.pk).first()
    if found is None:
        raise NotFound()
    return found
