"""A person as this app knows them: their own copy of it, and what is left of them once they are forgotten.

The row of the person stays, as an opaque id without a name, because entries of the audit log and things that belong to the
workspace name it. Everything that would go with the row goes.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import CASCADE, ForeignObjectRel

from accounts.models import LoginSession, Membership, User, Workspace, clean_email
from accounts.rights import rights_shrank
from accounts.roles import Role
from accounts.sessions import end_other_sessions
from core.clock import now, rfc3339
from core.errors import Conflict

ERASED_DOMAIN = "erased.invalid"


def profile_of(user_id: str) -> dict[str, Any]:
    """Name, workspaces, sign-ins and credentials of a person; nothing that could be used to sign in."""
    user = User.objects.get(pk=user_id)
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "created_at": rfc3339(user.created_at),
        "workspaces": [
            {"slug": one.workspace.slug, "name": one.workspace.name, "role": one.role, "since": rfc3339(one.created_at)}
            for one in Membership.objects.filter(user=user).select_related("workspace").order_by("created_at")
        ],
        "sign_ins": [
            {
                "client": one.client,
                "created_at": rfc3339(one.created_at),
                "last_used_at": rfc3339(one.last_used_at),
                "user_agent": one.user_agent,
                "ip": one.ip,
            }
            for one in LoginSession.objects.filter(user=user).order_by("created_at")
        ],
        "kept_elsewhere": {
            name: count
            for name, count in ((_label(one), _rows_of(one, user_id).count()) for one in _that_go(User))
            if count
        },
    }


def refuse_if_needed(user_id: str) -> None:
    """Conflict `sole_owner` or `last_operator` while others still depend on this person."""
    for member in Membership.objects.filter(user_id=user_id, role=Role.OWNER).select_related("workspace"):
        others = Membership.objects.filter(workspace=member.workspace, user__is_active=True).exclude(user_id=user_id)
        if others.exists() and not others.filter(role=Role.OWNER).exists():
            raise Conflict(
                f"{member.workspace.name} has no other owner. Make somebody else an owner first.", code="sole_owner"
            )
    operators = User.objects.filter(is_active=True, is_superuser=True)
    if operators.filter(pk=user_id).exists() and operators.count() == 1:
        raise Conflict(
            "This is the only operator. Let another person be an operator first, in the admin.", code="last_operator"
        )


def close_account(user_id: str) -> None:
    """From this transaction on nobody acts as this person: sign-ins, tokens and sockets end, runs are asked to stop."""
    user = User.objects.select_for_update().get(pk=user_id)
    User.objects.filter(pk=user_id).update(is_active=False, is_staff=False, is_superuser=False)
    end_other_sessions(user, keep=None)
    rights_shrank(None, user_id)


def sole_workspaces(user_id: str) -> list[str]:
    """Ids of the workspaces in which this person is the only one."""
    mine = Membership.objects.filter(user_id=user_id).values_list("workspace_id", flat=True)
    shared = Membership.objects.filter(workspace_id__in=mine, user__kind=User.Kind.PERSON).exclude(user_id=user_id)
    return sorted(set(mine) - set(shared.values_list("workspace_id", flat=True)))


def find_heir(workspace_id: str, *, leaving: str) -> str | None:
    """Who takes over what belongs to a workspace when a person leaves it: its first other owner, then admin."""
    rows = Membership.objects.filter(workspace_id=workspace_id, user__is_active=True).exclude(user_id=leaving)
    for role in (Role.OWNER, Role.ADMIN):
        found = rows.filter(role=role).order_by("created_at", "id").values_list("user_id", flat=True).first()
        if found is not None:
            return str(found)
    return None


def erase_account(user_id: str) -> int:
    """Take name, address, password and everything that hangs on the person's row away; how many rows went."""
    user = User.objects.select_for_update().get(pk=user_id)
    for space in Workspace.objects.filter(pk__in=sole_workspaces(user_id)):
        space.name, space.slug = "Erased", f"erased-{space.pk[-12:].lower()}"
        space.save(update_fields=["name", "slug"])
    deleted = 0
    for relation in _that_go(User):
        deleted += _rows_of(relation, user_id).delete()[0]
    for model, field in _addresses():
        deleted += model._default_manager.filter(**{f"{field}__iexact": user.email}).delete()[0]
    user.groups.clear()
    user.user_permissions.clear()
    user.email, user.name, user.last_login = f"{user.pk}@{ERASED_DOMAIN}", "", None
    user.set_unusable_password()
    user.is_active = user.is_staff = user.is_superuser = False
    user.created_at = now()
    user.save()
    return deleted


def _that_go(model: type[User]) -> list[ForeignObjectRel]:
    """The relations whose rows would be deleted with the person's."""
    return [
        one
        for one in model._meta.related_objects
        if getattr(one, "on_delete", None) is CASCADE and not one.related_model._meta.auto_created  # type: ignore[union-attr]
    ]


def _rows_of(relation: ForeignObjectRel, user_id: str) -> Any:
    model: Any = relation.related_model
    return model._default_manager.filter(**{relation.field.name: user_id})


def _label(relation: ForeignObjectRel) -> str:
    return str(relation.related_model._meta.label)  # type: ignore[union-attr]


def _addresses() -> list[tuple[Any, str]]:
    """Columns of this app that hold an e-mail address without being the person's own (invitations, mails that wait)."""
    from django.db.models import EmailField

    return [
        (model, field.name)
        for model in apps.get_app_config("accounts").get_models()
        if model is not User
        for field in model._meta.concrete_fields
        if isinstance(field, EmailField)
    ]


def find_person(email: str) -> str | None:
    """The id of the person with this address."""
    found = User.objects.filter(email=clean_email(email), kind=User.Kind.PERSON).values_list("pk", flat=True).first()
    return str(found) if found else None
