"""What people change about themselves and their workspace."""

from __future__ import annotations

from accounts.models import User, Workspace
from accounts.sessions import end_other_sessions
from accounts.setup import check_password_rules
from audit.action import Action, action
from core.authz import Permission
from core.errors import ValidationFailed


@action("profile.update", requires=None)
def update_profile(act: Action, *, user: User, name: str) -> User:
    """A person changed their own name."""
    user.name = name
    user.save(update_fields=["name"])
    act.target(user)
    return user


@action("profile.change_password", requires=None)
def change_password(act: Action, *, user: User, current_password: str, new_password: str) -> None:
    """A person changed their password; their other sessions ended."""
    if not user.check_password(current_password):
        raise ValidationFailed.on("current_password", "wrong_password", "This is not your present password.")
    check_password_rules(new_password, user, field="new_password")
    user.set_password(new_password)
    user.save(update_fields=["password"])
    act.target(user)
    act.record(sessions_ended=end_other_sessions(user, keep=act.actor.session_id))


@action("workspace.update", requires=Permission.WORKSPACE_EDIT)
def update_workspace(act: Action, *, workspace: Workspace, name: str) -> Workspace:
    """A workspace was renamed."""
    workspace.name = name
    workspace.save(update_fields=["name"])
    act.target(workspace)
    return workspace
