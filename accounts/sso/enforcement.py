"""Where a workspace lets its people in through its own identity provider only. Asked at every door that opens a session.

It holds for members with an address of a domain that an operator approved for the workspace: a guest with another address
keeps their password.
"""

from __future__ import annotations

from django.core import signing

from accounts.models import Membership, SsoConnection, SsoIdentity, User
from accounts.secret_links import fingerprint
from accounts.sso.domains import approved_in, domain_of
from core.errors import Conflict, PermissionDenied

_SSO = "sso:"
_TICKET = "accounts.sso.ticket"
TICKET_SECONDS = 600


class SsoRequired(PermissionDenied):
    """This person signs in through their workspace's identity provider: POST auth/sso/start/ with one of `connections`."""

    code, title = "sso_required", "Sign in through your organisation"


def how_through(connection_id: str) -> str:
    """How a session says that it was opened through a connection."""
    return f"{_SSO}{connection_id}"


def connection_in(how: str) -> str | None:
    """The connection that a session was opened through, second factor or not."""
    return how.removeprefix(_SSO).split(" ")[0] if how.startswith(_SSO) else None


def enforcing(user: User) -> list[SsoConnection]:
    """The connections of which this person has to use one; none for most people."""
    enforced = SsoConnection.objects.filter(enabled=True, enforced=True)
    spaces = Membership.objects.filter(user=user).values_list("workspace_id", flat=True)
    domain = domain_of(user.email)
    rows = [
        row for row in enforced.filter(workspace_id__in=spaces).order_by("created_at", "id") if domain in row.domains
    ]
    return [row for row in rows if domain in approved_in(row.workspace_id)]


def refuse_where_enforced(user: User, how: str = "") -> None:
    """SsoRequired unless the person came (`how`) through a connection of the workspace that asks for it.

    Call it after that proof, if there was one, so that it tells nothing to others.
    """
    due = enforcing(user)
    through = connection_in(how)
    if due and (
        through is None
        or not SsoConnection.objects.filter(
            pk=through, enabled=True, workspace_id__in={one.workspace_id for one in due}
        ).exists()
    ):
        raise sso_required(user, due, proved=bool(how) and through is None)


def refuse_way_out(user: User) -> None:
    """Conflict `sso_enforced`: with an address elsewhere they would have to sign in through their workspace no more."""
    if enforcing(user):
        raise Conflict(
            "Your workspace asks people with your address to sign in through it. Ask an owner to change the address.",
            code="sso_enforced",
        )


def sso_required(user: User, due: list[SsoConnection], *, proved: bool) -> SsoRequired:
    """`proved`: they have shown another proof already. Whoever is not linked yet then gets a ticket, with which the other
    house's word for the same address links them; otherwise nobody who was here before could ever come in.
    """
    names = ", ".join(one.name for one in due)
    linked = SsoIdentity.objects.filter(user=user, connection__in=due).exists()
    return SsoRequired(
        f"Your workspace asks you to sign in through {names}. Passwords are not accepted for your address.",
        extra={
            "connections": [{"id": one.pk, "name": one.name, "kind": one.kind} for one in due],
            "ticket": None if linked or not proved else _ticket_for(user),
        },
    )


def person_with(ticket: str) -> User | None:
    """Whose ticket this is; None when it is over, or their password has changed since."""
    try:
        user_id, mark = signing.loads(ticket, salt=_TICKET, max_age=TICKET_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return user if user is not None and mark == fingerprint(user.password) else None


def _ticket_for(user: User) -> str:
    return signing.dumps([user.pk, fingerprint(user.password)], salt=_TICKET)
