"""From the groups that another house names to a role and to groups of the workspace.

The first entry whose group is among them, letter by letter, gives the role. Whoever writes an entry holds all that its role
allows; nothing a group is called can give more than what stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.members import RoleChoice, find_role, lock_member, write_role
from accounts.models import Membership, SsoConnection, WorkspaceGroup
from accounts.rights import rights_shrank
from audit.action import Action
from core.authz import Permission
from core.errors import Conflict, ValidationFailed


@dataclass(frozen=True, slots=True)
class Mapped:
    """What somebody's groups come to. `role` "" : nothing gives them a role. `by_group`: it is not the default."""

    role: str
    by_group: bool
    groups: tuple[str, ...]


def map_groups(connection: SsoConnection, names: Iterable[str]) -> Mapped:
    held = set(names)
    fitting = [entry for entry in connection.mapping if entry["group"] in held]
    groups = tuple(dict.fromkeys(group for entry in fitting for group in entry.get("groups", [])))
    for entry in fitting:
        if entry["role"] and _role(connection, entry["role"]) is not None:
            return Mapped(entry["role"], True, groups)
    default = connection.default_role if _role(connection, connection.default_role) is not None else ""
    return Mapped(default, False, groups)


def role_of(connection: SsoConnection, mapped: Mapped) -> RoleChoice | None:
    return _role(connection, mapped.role)


def reach_of(connection: SsoConnection) -> frozenset[Permission]:
    """All that whoever controls this connection could come to hold: what it gives, and what those it knows hold."""
    held: frozenset[Permission] = frozenset()
    for key in {connection.default_role, *(entry["role"] for entry in connection.mapping)}:
        found = _role(connection, key)
        held |= found.held if found is not None else frozenset()
    known = Membership.objects.select_related("custom_role").filter(
        workspace_id=connection.workspace_id, user__sso_identities__connection_id=connection.pk
    )
    for member in known:
        held |= member.held
    return held


def apply_mapping(act: Action, connection: SsoConnection, member: Membership, mapped: Mapped, *, given: str) -> str:
    """Inside an action: role and groups anew. `given` is the role that the mapping gave before; returns what it gives now.

    Whoever is in no mapped group keeps a role that a person gave them; one that the mapping gave goes with the group. The
    last owner stays one.
    """
    apply_groups(act, connection, member, mapped)
    return apply_role(act, connection, member, mapped, given=given)


def apply_role(act: Action, connection: SsoConnection, member: Membership, mapped: Mapped, *, given: str) -> str:
    """The role alone, by the same rules."""
    chosen = role_of(connection, mapped)
    if chosen is None or not (mapped.by_group or (given and member.role_key == given)):
        return given
    if chosen.key != member.role_key:
        try:
            write_role(act, lock_member(member), chosen)
        except Conflict:
            act.record(kept_as_last_owner=member.user_id)
            return given
    return chosen.key


def apply_groups(act: Action, connection: SsoConnection, member: Membership, mapped: Mapped) -> None:
    """Put somebody into the groups that theirs map to, and out of the others that the mapping names."""
    managed = {group for entry in connection.mapping for group in entry.get("groups", [])}
    if not managed:
        return
    rows = list(  # locked: nobody deletes one meanwhile
        WorkspaceGroup.objects.filter(workspace_id=connection.workspace_id, pk__in=managed)
        .select_for_update()
        .order_by("pk")
    )
    present = set(member.user.groups.values_list("pk", flat=True))
    joined = [row for row in rows if row.pk in mapped.groups and row.group_id not in present]
    left = [row for row in rows if row.pk not in mapped.groups and row.group_id in present]
    member.user.groups.add(*(row.group_id for row in joined))
    member.user.groups.remove(*(row.group_id for row in left))
    if joined or left:
        act.record(joined=[row.pk for row in joined], left=[row.pk for row in left])
    if left:
        rights_shrank(connection.workspace_id, member.user_id)


def _role(connection: SsoConnection, key: str) -> RoleChoice | None:
    """The role as it is now; None when it is gone."""
    if not key:
        return None
    try:
        return find_role(connection.workspace_id, key)
    except ValidationFailed:
        return None
