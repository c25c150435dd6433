"""What waits for a person, over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import WorkspaceView
from agents.api import decision_bodies as s
from agents.api.present import decisions_json
from agents.models import Decision
from agents.selectors.decisions import decisions_visible_to
from agents.services import decisions as services
from core.authz import Permission
from core.errors import ValidationFailed
from core.rest.pages import page_of


class DecisionView(WorkspaceView):
    def decision(self, decision_id: str) -> Decision:
        found: Decision = self.find(decisions_visible_to(self.actor), decision_id)
        return found


class DecisionList(DecisionView):
    permissions = {"GET": Permission.DECISION_VIEW}
    filters = ("status", "kind", "run")

    @extend_schema(
        operation_id="decisions",
        responses=page_of(s.DecisionOut),
        parameters=[
            OpenApiParameter("status", str, enum=Decision.Status.values),
            OpenApiParameter("kind", str, enum=Decision.Kind.values),
            OpenApiParameter("run", str),
        ],
    )
    def get(self, request: Request, workspace: str) -> Response:
        """What runs asked that I may see, newest first; `status=open` is what still waits."""
        rows = decisions_visible_to(self.actor)
        if status := self.param("status", Decision.Status.values):
            rows = rows.filter(status=status)
        if kind := self.param("kind", Decision.Kind.values):
            rows = rows.filter(kind=kind)
        if run := self.param("run"):
            rows = rows.filter(run_id=run)
        return self.page(rows, decisions_json, ordering=("-created_at", "-id"))


class DecisionDetail(DecisionView):
    permissions = {"GET": Permission.DECISION_VIEW}

    @extend_schema(operation_id="decision", responses=s.DecisionOut)
    def get(self, request: Request, workspace: str, decision_id: str) -> Response:
        """One decision: what is asked, by which run, and what was decided."""
        return self.ok(decisions_json([self.decision(decision_id)])[0])


class DecisionResolve(DecisionView):
    permissions = {"POST": Permission.DECISION_RESOLVE}

    @extend_schema(operation_id="decision_resolve", request=s.ResolveIn, responses={200: s.DecisionOut})
    def post(self, request: Request, workspace: str, decision_id: str) -> Response:
        """Decide it, once: 409 `already_resolved` says who was first. The run goes on by itself."""
        decision = self.decision(decision_id)
        data = self.read(s.ResolveIn)
        if "arguments" in data:
            raise ValidationFailed.on(
                "arguments", "not_applicable", "Arguments can only be changed when a tool call waits for approval."
            )
        services.resolve_decision(self.actor, decision=decision, **data)
        return self.ok(decisions_json([self.decision(decision_id)])[0])
