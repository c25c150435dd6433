"""What operators do to people and workspaces from the admin."""

from __future__ import annotations

from accounts.members import admit_member, erase_member, find_role, lock_member, write_role
from accounts.models import Membership, User, Workspace, clean_email
from accounts.rights import rights_shrank
from accounts.sessions import end_other_sessions
from audit.action import Action, action


@action("user.save", requires=None)
def save_person(act: Action, *, user: User, password: str, changed: list[str]) -> User:
    """An operator made or changed a person."""
    user.email = clean_email(user.email)
    if password:
        user.set_password(password)
    user.save()
    if not user.is_active or password:
        end_other_sessions(user, keep=None)
    if not user.is_active:
        rights_shrank(None, user.pk)
    act.target(user)
    act.record(fields=sorted(changed))
    return user


@action("user.end_sign_ins", requires=None)
def end_sign_ins(act: Action, *, user: User) -> int:
    """An operator ended all sign-ins of a person."""
    ended = end_other_sessions(user, keep=None)
    act.target(user)
    act.record(ended=ended)
    return ended


@action("workspace.save", requires=None)
def save_workspace(act: Action, *, workspace: Workspace, changed: list[str]) -> Workspace:
    """An operator made or changed a workspace."""
    workspace.save()
    act.workspace_id = workspace.id
    act.target(workspace)
    act.record(fields=sorted(changed))
    return workspace


@action("member.save", requires=None)
def save_member(act: Action, *, workspace: Workspace, member: Membership) -> None:
    """An operator gave a person a role in a workspace."""
    act.target(member)
    chosen = find_role(workspace.pk, member.role_key)
    if member._state.adding:
        admit_member(act, workspace_id=workspace.pk, user=member.user, role=chosen)
        act.record(user=member.user_id, role=chosen.key)
    else:
        write_role(act, lock_member(member), chosen)


@action("member.remove", requires=None)
def remove_member(act: Action, *, member: Membership) -> None:
    """An operator took a person out of a workspace."""
    act.target(member)
    erase_member(act, lock_member(member))


@action("user.view_as", requires=None)
def look_as(act: Action, *, user: User, workspace: Workspace, page: str, opened: str | None = None) -> None:
    """An operator looked at what somebody may see in a workspace; `opened` is the id of what they read."""
    act.workspace_id = workspace.id
    act.target(user)
    act.record(page=page, **({"opened": opened} if opened else {}))
