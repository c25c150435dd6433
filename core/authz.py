"""Who may do what: the permissions, the Actor made at the edge, and the two questions every door asks.

`authorize` (may this actor do that, with this object?) and `visible_to` (which rows may this actor see?) read the same
definition: the actor's permissions and the model's own `access_q`. accounts makes actors; nothing here reads the
database by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from core.errors import NotFound, PermissionDenied

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

    from core.prepared import PreparedForActor


class Permission(StrEnum):
    """`resource.verb`; the roles that hold each stand in accounts.roles."""

    WORKSPACE_VIEW = "workspace.view"
    WORKSPACE_EDIT = "workspace.edit"
    WORKSPACE_EXPORT = "workspace.export"
    MEMBER_VIEW = "member.view"
    MEMBER_EDIT = "member.edit"
    MEMBER_REMOVE = "member.remove"
    INVITATION_VIEW = "invitation.view"
    INVITATION_CREATE = "invitation.create"
    INVITATION_REVOKE = "invitation.revoke"
    GROUP_VIEW = "group.view"
    GROUP_EDIT = "group.edit"
    ROLE_VIEW = "role.view"
    ROLE_EDIT = "role.edit"
    API_TOKEN_VIEW = "api_token.view"  # noqa: S105  # one's own
    API_TOKEN_EDIT = "api_token.edit"  # noqa: S105  # one's own
    API_TOKEN_REVOKE = "api_token.revoke"  # noqa: S105  # one's own
    API_TOKEN_MANAGE = "api_token.manage"  # noqa: S105  # everybody's: see and revoke
    SERVICE_ACCOUNT_VIEW = "service_account.view"
    SERVICE_ACCOUNT_EDIT = "service_account.edit"
    SSO_VIEW = "sso.view"
    SSO_EDIT = "sso.edit"
    SCIM_MANAGE = "scim.manage"  # people and groups, for a directory
    RETENTION_VIEW = "retention.view"
    RETENTION_EDIT = "retention.edit"
    AUDIT_VIEW = "audit.view"
    AUDIT_EXPORT = "audit.export"
    PROVIDER_VIEW = "provider.view"
    PROVIDER_CREATE = "provider.create"
    PROVIDER_EDIT = "provider.edit"
    PROVIDER_EDIT_ANY = "provider.edit_any"
    PROVIDER_DELETE = "provider.delete"
    PROVIDER_SHARE = "provider.share"
    MODEL_VIEW = "model.view"
    TOOL_VIEW = "tool.view"
    AGENT_VIEW = "agent.view"
    AGENT_CREATE = "agent.create"
    AGENT_EDIT = "agent.edit"
    AGENT_EDIT_ANY = "agent.edit_any"
    AGENT_PUBLISH = "agent.publish"
    AGENT_DELETE = "agent.delete"
    AGENT_SHARE = "agent.share"
    AGENT_RUN = "agent.run"
    CONVERSATION_VIEW = "conversation.view"
    CONVERSATION_CREATE = "conversation.create"
    CONVERSATION_SPEAK = "conversation.speak"
    CONVERSATION_EDIT = "conversation.edit"
    CONVERSATION_DELETE = "conversation.delete"
    CONVERSATION_SHARE = "conversation.share"
    RUN_VIEW = "run.view"
    RUN_VIEW_ANY = "run.view_any"
    RUN_CREATE = "run.create"
    RUN_CANCEL = "run.cancel"
    RUN_MANAGE_ANY = "run.manage_any"  # stop other people's runs, and decide what these ask
    DECISION_VIEW = "decision.view"
    DECISION_RESOLVE = "decision.resolve"
    USAGE_VIEW = "usage.view"


# Doors without a permission; the route guard knows these names only. `signed_in` is for a person who signed in, so that no
# token can change a password; `any_credential` takes tokens too.
Open = Literal["anyone", "signed_in", "any_credential"]

# Deciding on an object asks first whether the actor may see it, so that a stranger's object is a 404, not a 403.
_VIEW_OF = {
    "agent": Permission.AGENT_VIEW,
    "conversation": Permission.CONVERSATION_VIEW,
    "run": Permission.RUN_VIEW,
    "decision": Permission.DECISION_VIEW,
    "provider": Permission.PROVIDER_VIEW,
    "model": Permission.MODEL_VIEW,
    "member": Permission.MEMBER_VIEW,
    "invitation": Permission.INVITATION_VIEW,
    "group": Permission.GROUP_VIEW,
    "role": Permission.ROLE_VIEW,
    "api_token": Permission.API_TOKEN_VIEW,
    "service_account": Permission.SERVICE_ACCOUNT_VIEW,
    "workspace": Permission.WORKSPACE_VIEW,
    "sso": Permission.SSO_VIEW,
    "audit": Permission.AUDIT_VIEW,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which workspace, by which request. Made once at the edge and passed down; never changed."""

    kind: Literal["user", "token", "system"]
    user_id: str | None
    label: str
    workspace_id: str | None
    role: str | None = None
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    request_id: str = ""
    ip: str | None = None
    session_id: str | None = None
    token_id: str | None = None
    limited: bool = False
    """Whether the token reaches only the objects that it names."""

    def has(self, permission: Permission) -> bool:
        return permission in self.permissions


M = TypeVar("M", bound="Model")


def _granters(permission: Permission) -> str:
    return _name_granters(permission) if _name_granters else "An owner or admin of the workspace"


_name_granters: Callable[[Permission], str] | None = None


def name_granters_with(function: Callable[[Permission], str]) -> None:
    """accounts tells here who can grant a permission, in words, for the text of a refusal."""
    global _name_granters
    _name_granters = function


def visible_to(actor: Actor, permission: Permission, queryset: QuerySet[M]) -> QuerySet[M]:
    """The rows of `queryset` with which `actor` may do `permission`; none at all without the permission."""
    if actor.workspace_id is None or permission not in actor.permissions:
        return queryset.none()
    rule: Any = queryset.model
    return queryset.filter(workspace_id=actor.workspace_id).filter(rule.access_q(actor, permission))


def verbs_on(
    actor: Actor, model: type[Model], ids: Sequence[str], verbs: Mapping[str, Permission]
) -> dict[str, list[str]]:
    """For each id, the verbs that the actor may do with that row, by the same rules; one query for all."""
    held = {verb: permission for verb, permission in verbs.items() if permission in actor.permissions}
    found: dict[str, list[str]] = {pk: [] for pk in ids}
    if not held or not found:
        return found
    # Put together for so many ids at a time; the last one stands in for those that are missing.
    size = 1 << (len(found) - 1).bit_length()
    asked = dict(enumerate(found)) | dict.fromkeys(range(len(found), size), ids[-1])
    question = _verbs(model, tuple(held.values()), size)
    for pk, *answers in question.rows(actor, **{_id(number): pk for number, pk in asked.items()}):
        found[pk] = [verb for verb, answer in zip(held, answers, strict=True) if answer]
    return found


@cache
def _verbs(model: type[Model], asked: tuple[Permission, ...], size: int) -> PreparedForActor:
    """For `size` rows, whether each is among those that `visible_to` gives for each of the permissions."""
    from django.db.models import Case, Q, Value, When

    from core.prepared import PreparedForActor

    rule: Any = model
    every = Q(pk__isnull=False)  # a rule that lets everything through is empty, and no condition

    def rows(actor: Actor, value: Callable[[str], Any]) -> QuerySet[Any, Any]:
        answers = {
            f"may_{number}": Case(When(rule.access_q(actor, permission) or every, then=Value(1)), default=Value(0))
            for number, permission in enumerate(asked)
        }
        ids = [value(_id(number)) for number in range(size)]
        some = model._default_manager.filter(pk__in=ids, workspace_id=actor.workspace_id)
        return some.annotate(**answers).order_by().values_list("pk", *answers)

    return PreparedForActor(rows)


def _id(number: int) -> str:
    return f"id_{number}"


def authorize(actor: Actor, permission: Permission, obj: Model | None = None) -> None:
    """Return if `actor` may do `permission` (with `obj`); raise NotFound or PermissionDenied if not.

    The object's own rule is asked of the database, so check and list cannot drift apart.
    """
    if obj is not None:
        if _reaches(actor, permission, obj):
            return
        view = _VIEW_OF.get(permission.split(".")[0])
        if view is not None and not _reaches(actor, view, obj):
            raise NotFound()
    elif permission in actor.permissions:
        return
    raise PermissionDenied(f"You may not do this ({permission.value}). {_granters(permission)} can grant it.")


def _reaches(actor: Actor, permission: Permission, obj: Model) -> bool:
    if permission not in actor.permissions:
        return False
    return bool(_question(type(obj), permission).rows(actor, pk=str(obj.pk)))


@cache
def _question(model: type[Model], permission: Permission) -> PreparedForActor:
    """Whether one row is among those that `visible_to` gives; put together once for each set of permissions."""
    from core.prepared import PreparedForActor

    def rows(actor: Actor, value: Callable[[str], Any]) -> QuerySet[Any, Any]:
        one = model._default_manager.filter(pk=value("pk"))
        return visible_to(actor, permission, one).order_by().values_list("pk")

    return PreparedForActor(rows)
