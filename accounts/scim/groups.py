"""Groups of a workspace as its directory keeps them. What a group's name maps to at an identity provider gives a role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.groups import MAX_GROUPS
from accounts.models import Membership, ScimUser, User, Workspace, WorkspaceGroup
from accounts.rights import rights_shrank
from accounts.scim.protocol import ScimError, invalid
from accounts.sso.domains import connections_for
from accounts.sso.mapping import apply_role, map_groups
from audit.action import Action, action
from core.authz import Actor, Permission, visible_to
from core.text_policy import BadText, normal_name, refuse_bad

MOST_MEMBERS = 10_000


def scim_groups_visible_to(actor: Actor) -> QuerySet[WorkspaceGroup]:
    return visible_to(actor, Permission.SCIM_MANAGE, WorkspaceGroup.objects.select_related("group"))


@action("scim.create_group", requires=Permission.SCIM_MANAGE)
def create_scim_group(act: Action, *, body: dict[str, Any]) -> WorkspaceGroup:
    """A directory made a group."""
    name, external, members = read_group(body)
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    if WorkspaceGroup.objects.filter(workspace_id=act.workspace_id).count() >= MAX_GROUPS:
        raise ScimError(f"A workspace has at most {MAX_GROUPS} groups.", status=409)
    row = WorkspaceGroup(workspace_id=act.workspace_id, name=name, external_id=external)
    row.group = Group.objects.create(name=row.pk)
    _save(row)
    act.target(row)
    _set_members(act, row, members)
    return row


@action("scim.update_group", requires=Permission.SCIM_MANAGE, on="group")
def update_scim_group(act: Action, *, group: WorkspaceGroup, body: dict[str, Any]) -> WorkspaceGroup:
    """A directory renamed a group, or changed who is in it."""
    row = _lock(group)
    name, external, members = read_group(body)
    renamed = name != row.name
    row.name, row.external_id = name, external
    _save(row)
    _set_members(act, row, members, renamed=renamed)
    return row


@action("scim.delete_group", requires=Permission.SCIM_MANAGE, on="group")
def delete_scim_group(act: Action, *, group: WorkspaceGroup) -> None:
    """A directory deleted a group, with everything that was granted to it."""
    row = _lock(group)
    people = list(row.group.user_set.all())
    row.delete()
    rights_shrank(act.workspace_id)
    for person in people:
        _map_role(act, person)


def read_group(body: Any) -> tuple[str, str, list[str]]:
    """(name, external id, ids of members); ScimError `invalidValue`."""
    if not isinstance(body, dict):
        raise ScimError("Send a JSON object.", scim_type="invalidSyntax")
    names = {str(name).lower(): value for name, value in body.items()}
    name, external = names.get("displayname"), names.get("externalid") or ""
    if not isinstance(name, str) or not isinstance(external, str) or len(external) > 300:
        raise invalid("displayName is missing, or externalId is no text.")
    try:
        name, external = normal_name(refuse_bad(name)), refuse_bad(external)
    except BadText:
        raise invalid("displayName holds characters that cannot be stored.") from None
    if not 0 < len(name) <= 120 or not name.isprintable():
        raise invalid("displayName is one line of at most 120 characters.")
    members = names.get("members") or []
    if not isinstance(members, list) or len(members) > MOST_MEMBERS:
        raise invalid("members is a list.")
    values = [one.get("value") if isinstance(one, dict) else None for one in members]
    if not all(isinstance(one, str) and one.isascii() and one.isprintable() for one in values):
        raise invalid("Each member has a value: the id of a user.")
    return name, external, list(dict.fromkeys(str(one) for one in values))


def _set_members(act: Action, row: WorkspaceGroup, ids: list[str], *, renamed: bool = False) -> None:
    """The directory's people in the group are these; people whom it does not know stay as they are."""
    known = ScimUser.objects.filter(workspace_id=act.workspace_id, deleted_at=None)
    found = {one.pk: one.user_id for one in known.filter(pk__in=ids)}
    if len(found) != len(ids):
        raise invalid("A member is no user of this directory.")
    wanted = {user_id for user_id in found.values() if user_id}
    managed = set(known.exclude(user=None).values_list("user_id", flat=True))
    present = set(row.group.user_set.values_list("pk", flat=True))
    joined, left = wanted - present, (present & managed) - wanted
    row.group.user_set.add(*User.objects.filter(pk__in=joined))
    row.group.user_set.remove(*User.objects.filter(pk__in=left))
    act.record(joined=sorted(joined)[:200], left=sorted(left)[:200])
    if left:
        rights_shrank(act.workspace_id, *left)
    for person in User.objects.filter(pk__in=joined | left | ((wanted | present) if renamed else set())):
        _map_role(act, person)


def _map_role(act: Action, person: User) -> None:
    """Somebody's role after their groups changed, by the mapping of the provider for their address."""
    row = ScimUser.objects.filter(workspace_id=act.workspace_id, user=person, deleted_at=None).first()
    ways = [one for one in connections_for(person.email) if one.workspace_id == act.workspace_id]
    members = Membership.objects.select_related("user", "custom_role").filter(user=person)
    member = members.filter(workspace_id=act.workspace_id).first()
    if row is None or member is None or not ways:
        return
    names = WorkspaceGroup.objects.filter(workspace_id=act.workspace_id, group__user=person)
    mapped = map_groups(ways[0], names.values_list("name", flat=True))
    given = apply_role(act, ways[0], member, mapped, given=row.role_given)
    if given != row.role_given:
        row.role_given = given
        row.save(update_fields=["role_given", "updated_at"])


def _lock(group: WorkspaceGroup) -> WorkspaceGroup:
    Workspace.objects.select_for_update().get(pk=group.workspace_id)
    found = WorkspaceGroup.objects.select_related("group").filter(pk=group.pk).first()
    if found is None:
        raise ScimError("There is no such group.", status=404)
    return found


def _save(row: WorkspaceGroup) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ScimError("There is a group with this displayName.", scim_type="uniqueness", status=409) from None
