"""Roles that a workspace makes for itself. No role ever holds more than whoever writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.members import refuse_more_than_own
from accounts.models import CustomRole, Workspace
from accounts.rights import rights_shrank
from accounts.roles import CUSTOM, Role, known
from audit.action import Action, action
from core.authz import Permission
from core.errors import Conflict, NotFound, PreconditionFailed, ValidationFailed

MAX_ROLES = 100


@action("role.create", requires=Permission.ROLE_EDIT)
def create_role(act: Action, *, name: str, permissions: Iterable[str], description: str = "") -> CustomRole:
    """A role of the workspace's own was made."""
    held = known(permissions)
    refuse_more_than_own(act.actor, held)
    Workspace.objects.select_for_update().get(pk=act.workspace_id)
    if CustomRole.objects.filter(workspace_id=act.workspace_id).count() >= MAX_ROLES:
        raise Conflict(f"A workspace has at most {MAX_ROLES} roles of its own. Delete one first.", code="too_many")
    role = CustomRole(workspace_id=act.workspace_id, description=description)
    _write(role, name=name, permissions=held)
    act.target(role)
    act.record(permissions=role.permissions)
    return role


@action("role.update", requires=Permission.ROLE_EDIT, on="role")
def update_role(act: Action, *, role: CustomRole, only_if: str | None = None, **changes: Any) -> CustomRole:
    """A role of the workspace's own was changed; those who have it hold what it says from now on."""
    role = _lock(role)
    if only_if is not None and only_if != version_of(role):
        raise PreconditionFailed("Somebody else changed this since you opened it. Compare both, then save again.")
    before = role.held
    after = known(changes["permissions"]) if "permissions" in changes else before
    refuse_more_than_own(act.actor, before | after)
    role.description = changes.get("description", role.description)
    _write(role, name=changes.get("name", role.name), permissions=after)
    act.record(fields=sorted(changes), permissions=role.permissions)
    if before - after:
        rights_shrank(role.workspace_id)
    return role


@action("role.delete", requires=Permission.ROLE_EDIT, on="role")
def delete_role(act: Action, *, role: CustomRole) -> None:
    """A role of the workspace's own was deleted."""
    role = _lock(role)
    refuse_more_than_own(act.actor, role.held)
    try:
        with transaction.atomic():
            role.delete()
    except ProtectedError:
        raise Conflict(
            f"Somebody still has the role {role.name}. Give them another role first.", code="role_in_use"
        ) from None


def version_of(role: CustomRole) -> str:
    """Changes with every change of the role; its ETag."""
    return f'"{role.pk}.{role.updated_at.timestamp():.6f}"'


def _write(role: CustomRole, *, name: str, permissions: frozenset[Permission]) -> None:
    if name.casefold() in {*(built_in.value for built_in in Role), CUSTOM}:
        raise ValidationFailed.on("name", "reserved", f"{name} is the name of a built-in role. Choose another name.")
    role.name, role.permissions = name, sorted(permissions)
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError:
        raise ValidationFailed.on("name", "taken", "Another role has this name. Choose another name.") from None


def _lock(role: CustomRole) -> CustomRole:
    found = CustomRole.objects.select_for_update().filter(pk=role.pk).first()
    if found is None:
        raise NotFound()
    return found
