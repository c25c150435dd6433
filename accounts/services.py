"""What people change about themselves and their workspace."""

from __future__ import annotations

from typing import Any

from accounts.attempts import attempt
from accounts.mail import public_link, write_mail
from accounts.models import LoginSession, User, Workspace
from accounts.passwords import check_password_rules
from accounts.sessions import end_other_sessions, require_fresh
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.errors import Conflict, ValidationFailed


@action("profile.update", requires=None)
def update_profile(act: Action, *, user: User, name: str) -> User:
    """A person changed their own name."""
    user.name = name
    user.save(update_fields=["name"])
    act.target(user)
    return user


def change_password(actor: Actor, *, user: User, current_password: str, new_password: str) -> None:
    """Change one's own password with the present one; guessing that one is braked like anywhere else."""
    with attempt(name=user.email, ip=actor.ip) as tried:
        if not user.check_password(current_password):
            raise ValidationFailed.on("current_password", "wrong_password", "This is not your present password.")
        tried.was_right()
    check_password_rules(new_password, user, field="new_password")
    _change_password(actor, user=user, password=new_password)


@action("profile.change_password", requires=None)
def _change_password(act: Action, *, user: User, password: str) -> None:
    """A person changed their password; their other sessions ended."""
    if User.objects.select_for_update().get(pk=user.pk).password != user.password:  # somebody was faster
        raise ValidationFailed.on("current_password", "wrong_password", "This is not your present password.")
    user.set_password(password)
    user.save(update_fields=["password"])
    act.target(user)
    act.record(sessions_ended=end_other_sessions(user, keep=act.actor.session_id))
    write_mail(
        "security_notice",
        to=user.email,
        link=public_link("/settings/security/"),
        what="The password of your account was changed",
        at=now(),
        ip=act.actor.ip,
    )


@action("workspace.update", requires=Permission.WORKSPACE_EDIT)
def update_workspace(act: Action, *, workspace: Workspace, **changes: Any) -> Workspace:
    """A workspace was renamed, or its rules for signing in were changed."""
    if "require_second_factor" in changes:
        require_fresh(act.actor.session_id)
        own = LoginSession.objects.filter(pk=act.actor.session_id, second_factor=True)
        if changes["require_second_factor"] and not own.exists():
            raise Conflict(
                "Set up a second factor for yourself first: otherwise you would lock yourself out.",
                code="no_second_factor",
            )
    for name, value in changes.items():
        setattr(workspace, name, value)
    workspace.save(update_fields=sorted(changes))
    act.target(workspace)
    act.record(fields=sorted(changes))
    return workspace


@action("session.end", requires=None)
def end_my_session(act: Action, *, session: LoginSession) -> None:
    """A person ended one of their sign-ins."""
    LoginSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now())
    act.target(session)


@action("session.end_others", requires=None)
def end_my_other_sessions(act: Action, *, user: User) -> int:
    """A person ended all their sign-ins but the one at hand."""
    ended = end_other_sessions(user, keep=act.actor.session_id)
    act.target(user)
    act.record(ended=ended)
    return ended
