"""The people of a workspace and their roles: nobody rises by their own hand, and an owner always stays.

The rules, for every door: who gives or takes a role holds all that it allows; who changes or removes somebody holds all
that they hold; the last owner stays one.
"""

from __future__ import annotations

from dataclasses import dataclass

from accounts.grants import forget_grants
from accounts.models import ApiToken, CustomRole, Membership, ScimUser, SsoIdentity, User, Workspace
from accounts.rights import rights_shrank
from accounts.roles import CUSTOM, ROLE_PERMISSIONS, Role
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A role that can be given in a workspace."""

    key: str
    name: str
    held: frozenset[Permission]
    custom: CustomRole | None = None


def find_role(workspace_id: str, key: str, *, field: str = "role") -> RoleChoice:
    """The role with this key (a built-in name, or the id of one of the workspace's own); ValidationFailed on `field`."""
    if key in ROLE_PERMISSIONS:
        return RoleChoice(key, key, ROLE_PERMISSIONS[Role(key)])
    custom = CustomRole.objects.filter(workspace_id=workspace_id, pk=key).first()
    if custom is None:
        raise ValidationFailed.on(field, "unknown_role", "There is no such role in this workspace.")
    return RoleChoice(custom.pk, custom.name, custom.held, custom)


def refuse_more_than_own(actor: Actor, held: frozenset[Permission]) -> None:
    """PermissionDenied if `held` has anything that the actor does not hold: nobody gives what they have not."""
    beyond = sorted(permission.value for permission in held - actor.permissions)
    if beyond:
        shown = ", ".join(beyond[:5]) + (" …" if len(beyond) > 5 else "")
        raise PermissionDenied(
            f"That goes beyond what you may do yourself ({shown}). Somebody who holds all of it can do this.",
            code="beyond_your_own",
        )


@action("member.update_role", requires=Permission.MEMBER_EDIT, on="member")
def change_role(act: Action, *, member: Membership, role: str) -> Membership:
    """A member of a workspace got another role."""
    chosen = find_role(act.workspace_id, role)
    member = lock_member(member)
    refuse_more_than_own(act.actor, member.held)
    refuse_more_than_own(act.actor, chosen.held)
    write_role(act, member, chosen)
    return member


@action("member.leave", requires=Permission.MEMBER_REMOVE, on="member")
def remove_member(act: Action, *, member: Membership) -> None:
    """A member was taken out of a workspace: their runs stopped there, their tokens died."""
    member = lock_member(member)
    refuse_more_than_own(act.actor, member.held)
    erase_member(act, member)


def admit_member(act: Action, *, workspace_id: str, user: User, role: RoleChoice) -> Membership:
    """Inside an action that is under way: make somebody a member; Conflict `already_member`."""
    Workspace.objects.select_for_update().get(pk=workspace_id)
    if Membership.objects.filter(workspace_id=workspace_id, user=user).exists():
        raise Conflict("They are a member of this workspace already.", code="already_member")
    # Somebody whom the workspace's directory had invited is in it from now on.
    ScimUser.objects.filter(workspace_id=workspace_id, user=None, email=user.email, deleted_at=None).update(user=user)
    return Membership.objects.create(workspace_id=workspace_id, user=user, **_columns(role))


def write_role(act: Action, member: Membership, role: RoleChoice) -> None:
    """Inside an action: give a locked member another role."""
    if role.key != Role.OWNER:
        _keep_an_owner(member)
    before, lost = member.role_key, member.held - role.held
    for name, value in _columns(role).items():
        setattr(member, name, value)
    member.save(update_fields=["role", "custom_role", "updated_at"])
    act.record(user=member.user_id, before=before, role=role.key)
    if lost:
        rights_shrank(member.workspace_id, member.user_id)


def erase_member(act: Action, member: Membership) -> None:
    """Inside an action: take a locked member out, with all that hung on the membership."""
    _keep_an_owner(member)
    act.record(user=member.user_id, role=member.role_key)
    ApiToken.objects.filter(user_id=member.user_id, workspace_id=member.workspace_id, revoked_at=None).update(
        revoked_at=now()
    )
    # Coming back takes an invitation, whatever their identity provider says.
    SsoIdentity.objects.filter(user_id=member.user_id, connection__workspace_id=member.workspace_id).delete()
    forget_grants(user_id=member.user_id, workspace_id=member.workspace_id)
    member.delete()
    for group in member.user.groups.filter(workspace_group__workspace_id=member.workspace_id):
        member.user.groups.remove(group)
    rights_shrank(member.workspace_id, member.user_id)


def lock_member(member: Membership) -> Membership:
    """The membership as it is stored now. Changes of one workspace's roles come one after the other."""
    Workspace.objects.select_for_update().get(pk=member.workspace_id)
    found = Membership.objects.select_related("user", "custom_role").filter(pk=member.pk).first()
    if found is None:
        raise NotFound()
    return found


def _keep_an_owner(member: Membership) -> None:
    if member.role != Role.OWNER:
        return
    owners = Membership.objects.filter(
        workspace_id=member.workspace_id, role=Role.OWNER, user__is_active=True, user__kind=User.Kind.PERSON
    )
    if not owners.exclude(pk=member.pk).exists():
        raise Conflict(
            "This is the workspace's only owner. Make somebody else an owner first.",
            code="last_owner",
        )


def _columns(role: RoleChoice) -> dict[str, object]:
    return {"role": CUSTOM if role.custom else role.key, "custom_role": role.custom}
