"""What operators do to people and workspaces from the admin."""

from __future__ import annotations

from accounts.models import Membership, User, Workspace, clean_email
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
def save_member(act: Action, *, workspace: Workspace, member: Membership) -> Membership:
    """An operator gave a person a role in a workspace."""
    member.workspace = workspace
    member.save()
    act.target(member)
    act.record(user=member.user_id, role=member.role)
    return member


@action("member.remove", requires=None)
def remove_member(act: Action, *, member: Membership) -> None:
    """An operator took a person out of a workspace."""
    act.target(member)
    act.record(user=member.user_id, role=member.role)
    member.delete()
