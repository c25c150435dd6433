"""Service accounts: programs as members of one workspace, with a role and grants of their own, and no way to sign in."""

from __future__ import annotations

from accounts.members import (
    RoleChoice,
    admit_member,
    erase_member,
    find_role,
    lock_member,
    refuse_more_than_own,
    write_role,
)
from accounts.models import Membership, User
from accounts.rights import rights_shrank
from accounts.roles import Role
from audit.action import Action, action
from core.authz import Permission
from core.errors import Conflict, ValidationFailed
from core.ids import new_id

MAX_ACCOUNTS = 200


@action("service_account.create", requires=Permission.SERVICE_ACCOUNT_EDIT)
def create_service_account(act: Action, *, name: str, role: str) -> Membership:
    """A service account was made."""
    chosen = _choose(act, role)
    if Membership.objects.filter(workspace_id=act.workspace_id, user__kind=User.Kind.SERVICE).count() >= MAX_ACCOUNTS:
        raise Conflict(f"A workspace has at most {MAX_ACCOUNTS} service accounts. Remove one first.", code="too_many")
    pk = new_id("svc")
    user = User(
        id=pk,
        email=f"{pk}@service.invalid",  # a name that mail never reaches (RFC 2606)
        name=name,
        kind=User.Kind.SERVICE,
        service_of_id=act.workspace_id,
    )
    user.set_unusable_password()
    user.save()
    account = admit_member(act, workspace_id=act.workspace_id, user=user, role=chosen)
    act.target(user)
    act.record(role=chosen.key)
    return account


@action("service_account.update", requires=Permission.SERVICE_ACCOUNT_EDIT, on="account")
def update_service_account(
    act: Action,
    *,
    account: Membership,
    name: str | None = None,
    role: str | None = None,
    enabled: bool | None = None,
) -> Membership:
    """A service account was renamed, given another role, or switched on or off."""
    chosen = _choose(act, role) if role is not None else None
    account = lock_member(account)
    refuse_more_than_own(act.actor, account.held)
    act.target(account.user)
    if name is not None:
        account.user.name = name
    if enabled is not None:
        account.user.is_active = enabled
        act.record(enabled=enabled)
    account.user.save(update_fields=["name", "is_active"])
    if chosen is not None:
        write_role(act, account, chosen)
    if enabled is False:
        rights_shrank(account.workspace_id, account.user_id)
    return account


@action("service_account.delete", requires=Permission.SERVICE_ACCOUNT_EDIT, on="account")
def delete_service_account(act: Action, *, account: Membership) -> None:
    """A service account was removed; what it made stays, its tokens and runs end."""
    account = lock_member(account)
    refuse_more_than_own(act.actor, account.held)
    act.target(account.user)
    account.user.is_active = False
    account.user.save(update_fields=["is_active"])
    erase_member(act, account)


def _choose(act: Action, role: str) -> RoleChoice:
    chosen = find_role(act.workspace_id, role)
    refuse_more_than_own(act.actor, chosen.held)
    if chosen.key == Role.OWNER:
        raise ValidationFailed.on("role", "people_only", "Only people can be owners. Choose another role.")
    return chosen
