"""Reading people and workspaces for the other apps and the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import (
    ApiToken,
    ApiTokenObject,
    CustomRole,
    Invitation,
    LoginSession,
    Membership,
    OutgoingMail,
    User,
    Workspace,
    WorkspaceGroup,
)
from core.authz import Actor, Permission, visible_to
from core.clock import now
from core.prepared import Prepared


def workspaces_except(ids: Any) -> QuerySet[Workspace]:
    """All workspaces but those, in order; for work that is done for each of them."""
    return Workspace.objects.exclude(pk__in=ids).order_by("pk")


def memberships_of(user: User) -> QuerySet[Membership]:
    rows = Membership.objects.filter(user=user).select_related("workspace", "custom_role")
    return rows.order_by("created_at", "id")


def members_visible_to(actor: Actor, permission: Permission = Permission.MEMBER_VIEW) -> QuerySet[Membership]:
    """The people of the workspace; its service accounts are listed by themselves."""
    rows = Membership.objects.select_related("user", "custom_role").filter(user__kind=User.Kind.PERSON)
    return visible_to(actor, permission, rows)


def everybody_in(workspace_id: str) -> QuerySet[Membership]:
    """People and service accounts, for whoever may share something with them."""
    return Membership.objects.select_related("user", "custom_role").filter(workspace_id=workspace_id)


def roles_visible_to(actor: Actor) -> QuerySet[CustomRole]:
    """The roles of the workspace's own, with the number of those who have them (`in_use`)."""
    return visible_to(actor, Permission.ROLE_VIEW, CustomRole.objects.annotate(in_use=Count("memberships")))


def groups_visible_to(actor: Actor) -> QuerySet[WorkspaceGroup]:
    """With the number of people in each (`size`)."""
    return visible_to(actor, Permission.GROUP_VIEW, WorkspaceGroup.objects.annotate(size=Count("group__user")))


def people_in_group(group: WorkspaceGroup) -> QuerySet[User]:
    return User.objects.filter(groups=group.group_id)


def service_accounts_visible_to(
    actor: Actor, permission: Permission = Permission.SERVICE_ACCOUNT_VIEW
) -> QuerySet[Membership]:
    rows = Membership.objects.select_related("user", "custom_role").filter(user__kind=User.Kind.SERVICE)
    return visible_to(actor, permission, rows)


def tokens_visible_to(actor: Actor, *, user_id: str | None = None) -> QuerySet[ApiToken]:
    """API tokens that the actor may see, revoked ones too; with `user_id` those of one person or service account."""
    rows = ApiToken.objects.select_related("user").prefetch_related("objects_reached")
    rows = visible_to(actor, Permission.API_TOKEN_VIEW, rows)
    return rows if user_id is None else rows.filter(user_id=user_id)


def objects_of_token(actor: Actor) -> QuerySet[ApiTokenObject, str]:
    """The ids that a limited token names, as a subquery for object rules."""
    return ApiTokenObject.objects.filter(token_id=actor.token_id).values_list("object_id", flat=True)


def live_tokens() -> QuerySet[ApiToken]:
    """The API tokens that are neither revoked nor over, of people and service accounts that are not disabled."""
    lasting = Q(expires_at=None) | Q(expires_at__gt=now())
    return ApiToken.objects.filter(lasting, revoked_at=None, user__is_active=True)


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


def workspace_id_of(name: str) -> str | None:
    """The id of the workspace with this id or slug."""
    column = "pk" if name.startswith("wsp_") else "slug"
    return Workspace.objects.filter(**{column: name}).values_list("pk", flat=True).first()


def invitations_visible_to(actor: Actor) -> QuerySet[Invitation]:
    """Those that can still be accepted."""
    rows = Invitation.objects.select_related("invited_by").filter(
        accepted_at=None, revoked_at=None, uses_left__gt=0, expires_at__gt=now()
    )
    return visible_to(actor, Permission.INVITATION_VIEW, rows)


def workspace_names() -> list[tuple[str, str]]:
    """(id, name) of all workspaces, for operators."""
    return list(Workspace.objects.order_by("name", "id").values_list("pk", "name"))
