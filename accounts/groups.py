"""Groups of a workspace: people to whom something is granted together."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from accounts.models import Membership, User, Workspace, WorkspaceGroup
from accounts.rights import rights_shrank
from audit.action import Action, action
from core.authz import Permission
from core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed

MAX_GROUPS = 500


@action("group.create", requires=Permission.GROUP_EDIT)
def create_group(act: Action, *, name: str, description: str = "") -> WorkspaceGroup:
    """A group was made."""
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    if WorkspaceGroup.objects.filter(workspace_id=act.workspace_id).count() >= MAX_GROUPS:
        raise Conflict(f"A workspace has at most {MAX_GROUPS} groups. Delete one first.", code="too_many")
    row = WorkspaceGroup(workspace_id=act.workspace_id, name=name, description=description)
    row.group = Group.objects.create(name=row.pk)
    _save(row)
    act.target(row)
    return row


@action("group.update", requires=Permission.GROUP_EDIT, on="group")
def update_group(act: Action, *, group: WorkspaceGroup, only_if: str | None = None, **changes: Any) -> WorkspaceGroup:
    """A group was renamed or described."""
    group = lock_group(group)
    if only_if is not None and only_if != version_of(group):
        raise PreconditionFailed("Somebody else changed this since you opened it. Compare both, then save again.")
    for name, value in changes.items():
        setattr(group, name, value)
    _save(group)
    act.record(fields=sorted(changes))
    return group


@action("group.delete", requires=Permission.GROUP_EDIT, on="group")
def delete_group(act: Action, *, group: WorkspaceGroup) -> None:
    """A group was deleted, with everything that was granted to it."""
    lock_group(group).delete()
    rights_shrank(act.workspace_id)


@action("group.add_member", requires=Permission.GROUP_EDIT, on="group")
def add_to_group(act: Action, *, group: WorkspaceGroup, user_id: str) -> User:
    """Somebody was put into a group."""
    group = lock_group(group)
    found = Membership.objects.filter(workspace_id=act.workspace_id, user_id=user_id).select_related("user").first()
    if found is None:
        raise ValidationFailed.on("user", "unknown_member", "There is no such member in this workspace.")
    found.user.groups.add(group.group_id)
    act.record(user=user_id)
    return found.user


@action("group.remove_member", requires=Permission.GROUP_EDIT, on="group")
def remove_from_group(act: Action, *, group: WorkspaceGroup, user_id: str) -> None:
    """Somebody was taken out of a group, and lost what was granted to it."""
    user = User.objects.filter(pk=user_id, groups=group.group_id).first()
    if user is None:
        raise NotFound()
    user.groups.remove(group.group_id)
    act.record(user=user_id)
    rights_shrank(act.workspace_id, user_id)


def version_of(group: WorkspaceGroup) -> str:
    """Changes with its name and description; its ETag. Who is in it has no version: people come and go one by one."""
    return f'"{group.pk}.{group.updated_at.timestamp():.6f}"'


def lock_group(group: WorkspaceGroup) -> WorkspaceGroup:
    """The group as it is now; NotFound if somebody has just deleted it. Until the transaction ends nobody else does."""
    found = WorkspaceGroup.objects.select_for_update().filter(pk=group.pk).first()
    if found is None:
        raise NotFound()
    return found


def _save(row: WorkspaceGroup) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise ValidationFailed.on("name", "taken", "Another group has this name. Choose another name.") from None
