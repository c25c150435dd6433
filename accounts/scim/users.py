"""People of a workspace as its directory makes, changes and removes them.

Only addresses of the workspace's approved domains count. Nobody's account is taken over: who has one and is no member gets
an invitation, and only an account that the directory made itself is renamed by it.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.invitations import Invited, open_invitations, store_and_send
from accounts.members import RoleChoice, admit_member, erase_member, lock_member, refuse_more_than_own
from accounts.models import ApiToken, Membership, ScimUser, SsoConnection, User, Workspace
from accounts.rights import rights_shrank
from accounts.scim.patching import as_flag
from accounts.scim.protocol import ScimError, invalid
from accounts.sessions import end_other_sessions
from accounts.sso.assertion import read_email, read_name
from accounts.sso.domains import approved_in, connections_for, domain_of
from accounts.sso.mapping import map_groups, role_of
from accounts.tokens import actor_of_member
from audit.action import Action, action
from core.authz import Actor, Permission, visible_to
from core.clock import now
from core.errors import Conflict, PermissionDenied
from core.text_policy import BadText, refuse_bad

MOST_USERS = 50_000


def users_visible_to(actor: Actor) -> QuerySet[ScimUser]:
    return visible_to(actor, Permission.SCIM_MANAGE, ScimUser.objects.select_related("user").filter(deleted_at=None))


@action("scim.create_user", requires=Permission.SCIM_MANAGE)
def create_user(act: Action, *, body: dict[str, Any]) -> ScimUser:
    """A directory made somebody a member: with a new account, or by an invitation to whoever has one."""
    given = read_user(body)
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    rows = ScimUser.objects.filter(workspace_id=act.workspace_id)
    if rows.filter(deleted_at=None, user_name__iexact=given["user_name"]).exists():
        raise ScimError("There is a user with this userName.", scim_type="uniqueness", status=409)
    if rows.filter(deleted_at=None).count() >= MOST_USERS:
        raise ScimError("The directory is full.", status=409)
    connection = _connection(act.workspace_id, given["email"])
    role = _first_role(connection)
    gone = rows.filter(email=given["email"], made=True).exclude(deleted_at=None).select_related("user").first()
    row = gone or ScimUser(workspace_id=act.workspace_id)
    _fill(row, given)
    row.deleted_at = None
    active, row.active = row.active, True
    person = row.user or User.objects.filter(email=given["email"]).first()
    if person is None:
        person = _make_account(row)
        admit_member(act, workspace_id=act.workspace_id, user=person, role=role)
        row.role_given = role.key
    elif gone is not None:
        _let_in_again(act, row, role)
    elif not Membership.objects.filter(workspace_id=act.workspace_id, user=person).exists():
        person = None
        _invite(act, row, role)
    row.user = person
    _save(row)
    if not active:
        _deactivate(act, row)
    act.target(row)
    act.record(user=row.user_id, made=row.made, invited=row.user_id is None, active=row.active)
    return row


@action("scim.update_user", requires=Permission.SCIM_MANAGE, on="user")
def update_user(act: Action, *, user: ScimUser, body: dict[str, Any]) -> ScimUser:
    """A directory changed somebody: what they are called, or whether they may come in."""
    row = _lock(user)
    before, was_active = row.email, row.active
    given = read_user(body)
    if given["email"] != before:
        _connection(act.workspace_id, given["email"])
    _fill(row, given)
    if row.user is not None and row.made:
        row.user.email = row.email
        row.user.name = _shown_name(row) or row.user.name
        try:
            with transaction.atomic():
                row.user.save(update_fields=["email", "name"])
        except IntegrityError:
            raise ScimError("Somebody has this address.", scim_type="uniqueness", status=409) from None
    active, row.active = row.active, was_active
    _save(row)
    if was_active and not active:
        _deactivate(act, row)
    elif active and not was_active:
        _let_in_again(act, row, _first_role(_connection(act.workspace_id, row.email)))
    act.record(user=row.user_id, active=row.active, address_changed=row.email != before)
    return row


@action("scim.delete_user", requires=Permission.SCIM_MANAGE, on="user")
def delete_user(act: Action, *, user: ScimUser) -> None:
    """A directory removed somebody: sign-ins, tokens, sockets and runs ended, and the membership with them."""
    row = _lock(user)
    if row.active:
        _deactivate(act, row)
    member = _member(row)
    if member is not None:
        erase_member(act, lock_member(member))
    row.deleted_at = now()
    row.save(update_fields=["deleted_at", "active", "updated_at"])
    act.record(user=row.user_id)


def read_user(body: Any) -> dict[str, Any]:
    """The parts of a user resource that we keep, checked; ScimError `invalidValue`."""
    if not isinstance(body, dict):
        raise ScimError("Send a JSON object.", scim_type="invalidSyntax")
    names = {str(name).lower(): value for name, value in body.items()}
    user_name = _text(names.get("username"), "userName", 254)
    if not user_name:
        raise invalid("userName is missing.")
    active = as_flag(names.get("active", True))
    if not isinstance(active, bool):
        raise invalid("active is true or false.")
    emails = [] if names.get("emails") is None else names["emails"]
    if not isinstance(emails, list) or len(emails) > 20 or not all(isinstance(one, dict) for one in emails):
        raise invalid("emails is a list of objects.")
    kept = [_email(one) for one in emails]
    named = {} if names.get("name") is None else names["name"]
    if not isinstance(named, dict):
        raise invalid("name is an object.")
    first = next((one for one in kept if one.get("primary")), kept[0] if kept else {"value": user_name})
    address = read_email(first.get("value"))
    if not address:
        raise invalid("userName, or the primary of the emails, must be an e-mail address.")
    attributes: dict[str, Any] = {"emails": kept}
    parts = {key: _text(named.get(key), f"name.{key}", 200) for key in ("formatted", "familyName", "givenName")}
    attributes["name"] = {key: value for key, value in parts.items() if value}
    shown = _text(names.get("displayname"), "displayName", 200)
    if shown:
        attributes["displayName"] = shown
    return {
        "user_name": user_name,
        "external_id": _text(names.get("externalid"), "externalId", 300),
        "email": address,
        "active": active,
        "attributes": attributes,
    }


def _email(given: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"value": _text(given.get("value"), "emails.value", 254)}
    if given.get("type") is not None:
        kept["type"] = _text(given["type"], "emails.type", 40)
    if given.get("primary") is not None:
        primary = as_flag(given["primary"])
        if not isinstance(primary, bool):
            raise invalid("primary is true or false.")
        kept["primary"] = primary
    return kept


def _text(value: Any, name: str, most: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise invalid(f"{name} must be text of at most {most} characters.")
    try:
        return refuse_bad(value)
    except BadText:
        raise invalid(f"{name} holds characters that cannot be stored.") from None


def _fill(row: ScimUser, given: dict[str, Any]) -> None:
    for name, value in given.items():
        setattr(row, name, value)


def _save(row: ScimUser) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ScimError(
            "There is a user with this userName, or for this person.", scim_type="uniqueness", status=409
        ) from None


def _connection(workspace_id: str, email: str) -> SsoConnection:
    """The way in of whoever has this address: it says which role they begin with."""
    found = [one for one in connections_for(email) if one.workspace_id == workspace_id]
    if not found:
        raise invalid(f"{domain_of(email)} is no approved domain of an identity provider of this workspace.")
    return found[0]


def _first_role(connection: SsoConnection) -> RoleChoice:
    role = role_of(connection, map_groups(connection, ()))
    if role is None:
        raise invalid("The identity provider has no role for newcomers. Choose one in the workspace's settings.")
    return role


def _make_account(row: ScimUser) -> User:
    person = User(email=row.email, name=_shown_name(row))
    person.set_unusable_password()
    person.save(force_insert=True)
    row.made = True
    return person


def _shown_name(row: ScimUser) -> str:
    named = row.attributes.get("name", {})
    parts = f"{named.get('givenName', '')} {named.get('familyName', '')}"
    return read_name(row.attributes.get("displayName") or named.get("formatted") or parts)


def _invite(act: Action, row: ScimUser, role: RoleChoice) -> Invited | None:
    """An invitation in the name of the service account, whose own role must be enough for it."""
    account = actor_of_member(act.person_id, act.workspace_id)
    if not account.has(Permission.INVITATION_CREATE):
        raise PermissionDenied("Somebody has this address, and the service account's role may not invite them.")
    refuse_more_than_own(account, role.held)
    if open_invitations(act.workspace_id).filter(email=row.email).exists():
        return None
    return store_and_send(act, email=row.email, role=role)


def _deactivate(act: Action, row: ScimUser) -> None:
    """Nobody acts as them here from now on; nobody at all, where the domain is the workspace's own."""
    row.active = False
    if row.pk and not row._state.adding:
        row.save(update_fields=["active", "updated_at"])
    if row.user is None:
        open_invitations(act.workspace_id).filter(email=row.email).update(revoked_at=now())
        return
    member = _member(row)
    person = User.objects.select_for_update().get(pk=row.user_id)
    _refuse_last_owner(member)
    ApiToken.objects.filter(user=person, workspace_id=act.workspace_id, revoked_at=None).update(revoked_at=now())
    if domain_of(person.email) in approved_in(act.workspace_id) and not person.is_superuser:
        User.objects.filter(pk=person.pk).update(is_active=False)
        act.record(account_disabled=True, sessions_ended=end_other_sessions(person, keep=None))
        rights_shrank(None, person.pk)
    elif member is not None:
        erase_member(act, lock_member(member))
        act.record(sessions_ended=end_other_sessions(person, keep=None))


def _let_in_again(act: Action, row: ScimUser, role: RoleChoice) -> None:
    row.active = True
    if row.user is not None:
        if domain_of(row.user.email) in approved_in(act.workspace_id):
            User.objects.filter(pk=row.user_id).update(is_active=True)
            row.user.is_active = True
        if _member(row) is None:
            admit_member(act, workspace_id=act.workspace_id, user=row.user, role=role)
            row.role_given = role.key
    else:
        _invite(act, row, role)
    if not row._state.adding:
        row.save(update_fields=["active", "role_given", "updated_at"])


def _refuse_last_owner(member: Membership | None) -> None:
    if member is None or member.role != "owner":
        return
    others = Membership.objects.filter(workspace_id=member.workspace_id, role="owner", user__is_active=True)
    if not others.exclude(pk=member.pk).filter(user__kind=User.Kind.PERSON).exists():
        raise Conflict("This is the workspace's only owner. Make somebody else an owner first.", code="last_owner")


def _member(row: ScimUser) -> Membership | None:
    members = Membership.objects.select_related("user", "custom_role")
    return members.filter(workspace_id=row.workspace_id, user_id=row.user_id).first() if row.user_id else None


def _lock(user: ScimUser) -> ScimUser:
    Workspace.objects.select_for_update().get(pk=user.workspace_id)
    found = ScimUser.objects.select_related("user").filter(pk=user.pk, deleted_at=None).first()
    if found is None:
        raise ScimError("There is no such user.", status=404)
    return found
