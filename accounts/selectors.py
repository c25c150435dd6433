"""Reading people and workspaces for the other apps and the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet

from accounts.models import LoginSession, Membership, OutgoingMail, User
from accounts.roles import ROLE_PERMISSIONS, Role
from core.authz import Actor, Permission, visible_to
from core.clock import now
from core.prepared import Prepared


def memberships_of(user: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).select_related("workspace").order_by("created_at", "id")


def members_visible_to(actor: Actor) -> QuerySet[Membership]:
    return visible_to(actor, Permission.MEMBER_VIEW, Membership.objects.select_related("user"))


def permissions_of_role(role: str) -> list[str]:
    return sorted(permission.value for permission in ROLE_PERMISSIONS[Role(role)])


def ended_sessions(session_ids: Iterable[str]) -> set[str]:
    """Those of the given sign-ins that give no access any more: ended, expired, or their person disabled."""
    wanted = set(session_ids)
    live = LoginSession.objects.filter(
        pk__in=wanted, ended_at=None, expires_at__gt=now(), user__is_active=True
    ).values_list("pk", flat=True)
    return wanted - set(live)


_SESSION = Prepared(
    lambda value: LoginSession.objects.filter(pk=value("session")).values_list(
        "ended_at", "expires_at", "user__is_active"
    )
)


def session_has_ended(session_id: str) -> bool:
    """The same for one sign-in, for what asks often."""
    row = _SESSION.row(session=session_id)
    return row is None or row[0] is not None or row[1] <= now() or not row[2]


def people_by_id(ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """`{id: {id, email, name}}` for the people that still exist."""
    rows = User.objects.filter(pk__in=set(ids)).values_list("id", "email", "name")
    return {pk: {"id": pk, "email": email, "name": name} for pk, email, name in rows}


def mails_in_trouble() -> tuple[int, int]:
    """How many mails wait after a failure, and how many were given up in the last day."""
    waiting = OutgoingMail.objects.filter(state=OutgoingMail.State.DUE).exclude(problem="").count()
    lately = now() - timedelta(days=1)
    return waiting, OutgoingMail.objects.filter(state=OutgoingMail.State.GIVEN_UP, ended_at__gte=lately).count()
