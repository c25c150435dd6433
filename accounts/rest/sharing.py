"""The addresses under every object that can be shared: its grants, and who can see it and why.

class AgentGrantList(GrantList): permissions = {...}; actions = …; place = "agent_id"; def visible(self): …
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.grants import GrantActions, grants_on, reasons_for
from accounts.rest.views import WorkspaceView
from accounts.selectors import everybody_in
from accounts.sharing import LEVELS
from audit.action import require
from core.errors import PreconditionFailed
from core.rest.pages import page_of
from core.rest.serializers import IdField, PersonOut, StrictSerializer

T = TypeVar("T")
LEVEL_NAMES = list(LEVELS)
REASONS = ["owner", "role", "workspace", "grant", "group"]
VISIBILITIES = ["workspace", "restricted"]


class GrantOut(serializers.Serializer):
    grantee = serializers.CharField(help_text="The id of a person, a service account or a group.")
    kind = serializers.ChoiceField(choices=["person", "service", "group"])
    name = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    level = serializers.ChoiceField(choices=LEVEL_NAMES)


class GrantIn(StrictSerializer):
    grantee = IdField()
    level = serializers.ChoiceField(choices=LEVEL_NAMES)


class GrantLevelIn(StrictSerializer):
    level = serializers.ChoiceField(choices=LEVEL_NAMES)


class VisibilityIn(StrictSerializer):
    visibility = serializers.ChoiceField(choices=VISIBILITIES)


class ReasonOut(serializers.Serializer):
    why = serializers.ChoiceField(choices=REASONS)
    level = serializers.ChoiceField(choices=LEVEL_NAMES)
    by = serializers.CharField(allow_null=True, help_text="The role or the group.")


class ObjectAccessOut(serializers.Serializer):
    user = PersonOut()
    kind = serializers.ChoiceField(choices=["person", "service"], help_text="Groups stand among the reasons.")
    role = serializers.CharField()
    can = serializers.ListField(
        child=serializers.ChoiceField(choices=LEVEL_NAMES), help_text="What the reasons and the role come to."
    )
    reasons = ReasonOut(many=True)


class SharedView(WorkspaceView):
    """`visible` are the objects that the actor may see; `place` names the one in the address."""

    actions: ClassVar[GrantActions]
    place: ClassVar[str]

    def visible(self) -> QuerySet[Any]:
        raise NotImplementedError

    def shared(self) -> Any:
        return self.find(self.visible(), self.kwargs[self.place])


class GrantList(SharedView):
    personal = True
    idempotent = True

    @extend_schema(responses=page_of(GrantOut))
    def get(self, request: Request, workspace: str, **place: str) -> Response:
        """What was granted on it: at most a few hundred, on one page."""
        obj = _required(self, self.shared())
        return self.ok({"results": [one.as_json() for one in grants_on(obj)], "next": None})

    @extend_schema(request=GrantIn, responses={201: GrantOut})
    def post(self, request: Request, workspace: str, **place: str) -> Response:
        """Give a person or a group a level of access, in place of the one they have."""
        obj = self.shared()
        return self.created(self.actions.give(self.actor, obj=obj, **self.read(GrantIn)).as_json())


class GrantDetail(SharedView):
    @extend_schema(request=GrantLevelIn, responses=GrantOut)
    def put(self, request: Request, workspace: str, grantee: str, **place: str) -> Response:
        """Set somebody's level of access. The ETag of a grant is its level (`"edit"`): with it as If-Match, nobody's change
        that came in between is undone.
        """
        obj = self.shared()
        level = self.read(GrantLevelIn)["level"]
        changed = self.guarded(
            obj, grantee, lambda was: self.actions.give(self.actor, obj=obj, grantee=grantee, level=level, only_if=was)
        )
        return self.ok(changed.as_json(), etag=f'"{level}"')

    @extend_schema(responses={204: None})
    def delete(self, request: Request, workspace: str, grantee: str, **place: str) -> Response:
        """Take it away (If-Match as with PUT). Who watches is cut off within seconds, and runs that it allowed stop."""
        obj = self.shared()
        self.guarded(obj, grantee, lambda was: self.actions.take(self.actor, obj=obj, grantee=grantee, only_if=was))
        return self.no_content()

    def guarded(self, obj: Any, grantee: str, change: Callable[[str | None], T]) -> T:
        """Make a change only if the level is still the one that If-Match names, when it names one."""
        offered = self.request.headers.get("If-Match", "*").strip()
        try:
            return change(None if offered == "*" else offered.removeprefix("W/").strip('"'))
        except PreconditionFailed as refusal:
            now = next((one for one in grants_on(obj) if one.holder.pk == grantee), None)
            refusal.extra = {**refusal.extra, "current": now.as_json() if now is not None else None}
            raise


class AccessList(SharedView):
    personal = True

    @extend_schema(responses=page_of(ObjectAccessOut))
    def get(self, request: Request, workspace: str, **place: str) -> Response:
        """Who can see it, and why: everybody in the workspace with each reason."""
        obj = _required(self, self.shared())
        rows = everybody_in(self.workspace.id)
        return self.page(
            rows, lambda page: ObjectAccessOut(reasons_for(obj, page), many=True).data, ordering=("created_at", "id")
        )


def _required(view: SharedView, obj: Any) -> Any:
    """The object, if the actor may do with it what the route asks for."""
    require(view.actor, view.permissions["GET"], obj, kind=f"GET {type(view).__name__}")  # type: ignore[arg-type]
    return obj
