"""Accepting an invitation: by somebody who signed in, or by somebody new, who thereby gets an account."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts.attempts import attempt
from accounts.invitations import invite_by_link, open_invitations
from accounts.mail import is_mail_set_up
from accounts.members import admit_member, find_role, refuse_more_than_own
from accounts.models import Invitation, User, Workspace, WorkspaceGroup, clean_email
from accounts.passwords import check_password_rules
from accounts.secret_links import digest_of
from accounts.tokens import actor_of_member
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from core.request_context import current_request_id


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who is in where now; both None when a mail with a link of their own is on its way to them."""

    user: User | None
    workspace: Workspace | None


def look_at_invitation(token: str, *, ip: str | None) -> Invitation:
    """An invitation that is still good; ValidationFailed on `token` for every reason why it is not."""
    with attempt(name="", ip=ip) as tried:
        row = _find(token)
        tried.was_right()
    return row


def accept_signed_in(actor: Actor, *, user: User, token: str) -> Accepted:
    """Somebody who has an account joins. An invitation by e-mail is for that address only."""
    row = look_at_invitation(token, ip=actor.ip)
    if row.kind == Invitation.Kind.EMAIL and row.email != user.email:
        raise PermissionDenied(
            "This invitation is for another e-mail address. Sign in with that one, or ask for an invitation for yours.",
            code="other_address",
        )
    _refuse_other_domain(row, user.email)
    return Accepted(user, _accept(actor, row=row, token=token, user=user))


def accept_as_new(*, token: str, email: str, name: str, password: str, ip: str | None) -> Accepted:
    """Somebody without an account joins.

    By a link they first get a link of their own by mail, so that their address is proven, where mail is set up.
    """
    row = look_at_invitation(token, ip=ip)
    address = row.email or clean_email(email)
    if not address:
        raise ValidationFailed.on("email", "required", "Enter your e-mail address.")
    _refuse_other_domain(row, address)
    if row.kind == Invitation.Kind.LINK and is_mail_set_up():
        invite_by_link(row, address)
        return Accepted(None, None)
    user = User(email=address, name=name)
    if not password:
        raise ValidationFailed.on("password", "required", "Choose a password.")
    check_password_rules(password, user)
    user.set_password(password)
    actor = Actor("user", user.pk, address, None, request_id=current_request_id(), ip=ip)
    return Accepted(user, _accept(actor, row=row, token=token, user=user))


@action("invitation.accept", requires=None)
def _accept(act: Action, *, row: Invitation, token: str, user: User) -> Workspace:
    """Somebody accepted an invitation and became a member of a workspace."""
    space = Workspace.objects.select_for_update().get(pk=row.workspace_id)
    row = _find(token)  # as it is now: somebody may have been faster
    chosen = find_role(space.pk, row.role, field="token")
    act.workspace_id = space.pk
    act.target(row)
    if user._state.adding:
        _save_new(user)
    admit_member(act, workspace_id=space.pk, user=user, role=chosen)
    there = WorkspaceGroup.objects.filter(workspace=space, pk__in=row.groups)
    for group in there.select_for_update().order_by("pk"):  # nobody deletes one meanwhile
        user.groups.add(group.group_id)
    for used in filter(None, (row, row.by_link)):
        used.uses_left, used.used = used.uses_left - 1, used.used + 1
        if not used.uses_left:
            used.accepted_at = now()
        used.save(update_fields=["uses_left", "used", "accepted_at", "updated_at"])
    act.record(user=user.pk, role=chosen.key)
    return space


def _find(token: str) -> Invitation:
    rows = Invitation.objects.select_related("workspace", "by_link").filter(digest=digest_of(token))
    row = rows.first()
    if row is not None and _is_good(row) and (row.by_link is None or _is_good(row.by_link)):
        try:
            inviter = actor_of_member(row.invited_by_id, row.workspace_id)
            if inviter.has(Permission.INVITATION_CREATE):
                refuse_more_than_own(inviter, find_role(row.workspace_id, row.role).held)
                return row
        except (NotFound, PermissionDenied, ValidationFailed):
            pass  # whoever invited may not do so any more, or the role is gone
    raise ValidationFailed.on("token", "invalid_link", "This invitation is not valid (any more). Ask for a new one.")


def _is_good(row: Invitation) -> bool:
    return open_invitations(row.workspace_id).filter(pk=row.pk, expires_at__gt=now()).exists()


def _refuse_other_domain(row: Invitation, email: str) -> None:
    if row.domain and email.rpartition("@")[2] != row.domain:
        raise ValidationFailed.on("email", "other_domain", f"This invitation is for addresses at {row.domain}.")


def _save_new(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            "There is an account with this address already. Sign in, then open the invitation again.",
            code="sign_in_first",
        ) from None
