"""Inviting people into a workspace: by e-mail for one, by a link for several. Nobody gives more than they hold.

What an invitation gives is asked again when it is accepted: it is void once whoever invited may not do so any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from accounts.mail import is_mail_set_up, public_link, write_mail
from accounts.members import RoleChoice, find_role, refuse_more_than_own
from accounts.models import Invitation, Membership, Workspace, WorkspaceGroup, clean_email
from accounts.secret_links import new_secret
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.errors import Conflict, ValidationFailed

PAGE = "/invitation/"
LIFETIME = timedelta(days=7)
MAX_OPEN = 500
MAX_USES = 1_000


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation, and its link where whoever invites has to pass it on; shown once."""

    invitation: Invitation
    link: str | None


@action("invitation.create", requires=Permission.INVITATION_CREATE)
def invite(
    act: Action,
    *,
    role: str,
    email: str = "",
    domain: str = "",
    uses: int = 1,
    days: int = LIFETIME.days,
    groups: Sequence[str] = (),
) -> Invited:
    """Somebody was invited into a workspace: by e-mail, or by a link if no address is named."""
    chosen = find_role(act.workspace_id, role)
    refuse_more_than_own(act.actor, chosen.held)
    space = Workspace.objects.select_for_update().get(pk=act.workspace_id)
    row = Invitation(
        workspace=space,
        kind=Invitation.Kind.EMAIL if email else Invitation.Kind.LINK,
        email=clean_email(email),
        domain=domain.lower().removeprefix("@"),
        role=chosen.key,
        groups=_known_groups(act.actor, act.workspace_id, groups),
        invited_by_id=act.person_id,
        uses_left=uses,
        expires_at=now() + timedelta(days=days),
    )
    _refuse_what_does_not_fit(row, chosen)
    void_expired(space.pk)
    if open_invitations(space.pk).count() >= MAX_OPEN:
        raise Conflict(f"{MAX_OPEN} invitations are open already. Revoke some first.", code="too_many")
    secret = _store(row)
    act.target(row)
    act.record(kind=row.kind, role=row.role, uses=row.uses_left, groups=len(row.groups))
    return Invited(row, send(row, secret, inviter=act.actor.label, role_name=chosen.name))


def store_and_send(act: Action, *, email: str, role: RoleChoice) -> Invited:
    """Inside an action: an invitation by e-mail in the name of whoever acts, who was found to hold the role."""
    space = Workspace.objects.select_for_update().get(pk=act.workspace_id)
    row = Invitation(
        workspace=space,
        kind=Invitation.Kind.EMAIL,
        email=clean_email(email),
        role=role.key,
        invited_by_id=act.person_id,
        expires_at=now() + LIFETIME,
    )
    void_expired(space.pk)
    secret = _store(row)
    return Invited(row, send(row, secret, inviter=act.actor.label, role_name=role.name))


@action("invitation.resend", requires=Permission.INVITATION_CREATE, on="invitation")
def resend_invitation(act: Action, *, invitation: Invitation) -> Invited:
    """An invitation got a new link and a new term; the old link is void."""
    row = _locked(invitation)
    chosen = find_role(act.workspace_id, row.role)
    refuse_more_than_own(act.actor, chosen.held)
    secret, row.digest = new_secret()
    row.expires_at, row.invited_by_id = now() + LIFETIME, act.person_id
    row.save(update_fields=["digest", "expires_at", "invited_by", "updated_at"])
    return Invited(row, send(row, secret, inviter=act.actor.label, role_name=chosen.name))


@action("invitation.revoke", requires=Permission.INVITATION_REVOKE, on="invitation")
def revoke_invitation(act: Action, *, invitation: Invitation) -> None:
    """An invitation was revoked, with those that came of its link."""
    row = _locked(invitation)
    moment = now()
    Invitation.objects.filter(by_link=row, accepted_at=None, revoked_at=None).update(revoked_at=moment)
    row.revoked_at = moment
    row.save(update_fields=["revoked_at", "updated_at"])


def invite_by_link(link: Invitation, email: str) -> None:
    """Whoever came new by a link gets an invitation of their own at their address; nothing tells what became of it."""
    address = clean_email(email)
    with transaction.atomic():
        space = Workspace.objects.select_for_update().get(pk=link.workspace_id)
        void_expired(space.pk)
        member = Membership.objects.filter(workspace=space, user__email=address).exists()
        if member or open_invitations(space.pk).filter(email=address).exists():
            return
        if open_invitations(space.pk).filter(by_link=link).count() >= min(link.uses_left, MAX_OPEN):
            return
        row = Invitation(
            workspace=space,
            kind=Invitation.Kind.EMAIL,
            email=address,
            role=link.role,
            groups=link.groups,
            by_link=link,
            invited_by_id=link.invited_by_id,
            expires_at=min(link.expires_at, now() + LIFETIME),
        )
        secret = _store(row)
        send(row, secret, inviter="", role_name=find_role(space.pk, row.role).name)


def send(row: Invitation, secret: str, *, inviter: str, role_name: str) -> str | None:
    """Mail the link, in the present transaction; the link itself where that cannot be done."""
    link = public_link(PAGE, secret)
    if row.kind == Invitation.Kind.LINK or not is_mail_set_up():
        return link
    write_mail(
        "invitation",
        to=row.email,
        link=link,
        expires_at=row.expires_at,
        workspace=row.workspace.name,
        inviter=inviter,
        role=role_name,
        until=row.expires_at,
    )
    return None


def open_invitations(workspace_id: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(workspace_id=workspace_id, accepted_at=None, revoked_at=None, uses_left__gt=0)


def void_expired(workspace_id: str) -> None:
    """Those whose time is over do not stand in the way of new ones."""
    open_invitations(workspace_id).filter(expires_at__lte=now()).update(revoked_at=F("expires_at"))


def _store(row: Invitation) -> str:
    secret, row.digest = new_secret()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(
            "There is an open invitation for this address already. Send that one again, or revoke it.",
            code="already_invited",
        ) from None
    return secret


def _refuse_what_does_not_fit(row: Invitation, chosen: RoleChoice) -> None:
    if row.kind == Invitation.Kind.EMAIL:
        if row.domain or row.uses_left != 1:
            raise ValidationFailed.on("email", "not_with_email", "An invitation by e-mail is for one address, once.")
        if Membership.objects.filter(workspace_id=row.workspace_id, user__email=row.email).exists():
            raise Conflict("They are a member of this workspace already.", code="already_member")
        return
    if Permission.MEMBER_EDIT in chosen.held:
        raise ValidationFailed.on(
            "role", "not_by_link", "A link may fall into any hands. Invite people to this role by e-mail."
        )
    if row.domain and not is_mail_set_up():
        raise Conflict(
            "This installation sends no mail, so nobody can prove that an address is theirs. Leave the domain out.",
            code="mail_not_set_up",
        )


def _known_groups(actor: Actor, workspace_id: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    if not actor.has(Permission.GROUP_EDIT):
        raise ValidationFailed.on("groups", "not_allowed", "You may not put people into groups.")
    known = set(WorkspaceGroup.objects.filter(workspace_id=workspace_id, pk__in=ids).values_list("pk", flat=True))
    if known != set(ids):
        raise ValidationFailed.on("groups", "unknown_group", "There is no such group in this workspace.")
    return sorted(known)


def _locked(invitation: Invitation) -> Invitation:
    row = Invitation.objects.select_for_update().select_related("workspace").get(pk=invitation.pk)
    if row.accepted_at or row.revoked_at or not row.uses_left:
        raise Conflict("This invitation is over: accepted, used up or revoked.", code="invitation_over")
    return row
