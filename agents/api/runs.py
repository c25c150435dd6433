"""Runs, their journals and usage over HTTP."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api import serializers as s
from agents.api.conversations import ConversationView
from agents.api.present import run_json, runs_json
from agents.engine.events import public_json
from agents.models import Run, RunEvent
from agents.selectors.runs import runs_visible_to
from agents.selectors.usage import summarize_usage
from agents.services import reruns
from agents.services import runs as services
from audit.action import require
from core.authz import Permission
from core.clock import rfc3339
from core.errors import ValidationFailed
from core.rest import paging
from core.rest.pages import page_of


class RunView(ConversationView):
    def run(self, run_id: str) -> Run:
        found: Run = self.find(runs_visible_to(self.actor), run_id)
        return found


class RunList(RunView):
    permissions = {"GET": Permission.RUN_VIEW, "POST": Permission.RUN_CREATE}
    filters = ("status", "agent", "conversation")
    idempotent = True

    @extend_schema(
        operation_id="runs",
        responses=page_of(s.RunOut),
        parameters=[
            OpenApiParameter("status", str, enum=Run.Status.values),
            OpenApiParameter("agent", str),
            OpenApiParameter("conversation", str),
        ],
    )
    def get(self, request: Request, workspace: str) -> Response:
        """The runs that I may see, newest first."""
        rows = runs_visible_to(self.actor)
        if status := self.param("status", Run.Status.values):
            rows = rows.filter(status=status)
        if agent := self.param("agent"):
            rows = rows.filter(agent_id=agent)
        if conversation := self.param("conversation"):
            rows = rows.filter(conversation_id=conversation)
        return self.page(rows, runs_json, ordering=("-created_at", "-id"))

    @extend_schema(operation_id="run_create", request=s.RunIn, responses={202: s.RunAccepted})
    def post(self, request: Request, workspace: str) -> Response:
        """Start a run; without a conversation one is begun."""
        data = self.read(s.RunIn)
        conversation = data.get("conversation")
        run = services.start_run(
            self.actor,
            agent=self.agent_named(data["agent"]),
            text=data["input"]["text"],
            conversation=self.conversation(conversation) if conversation else None,
            version=data.get("version"),
        )
        return self.ok(
            {"id": run.id, "status": run.status, "last_seq": run.last_seq, "conversation": run.conversation_id},
            status=202,
        )


class RunDetail(RunView):
    permissions = {"GET": Permission.RUN_VIEW}

    @extend_schema(operation_id="run", responses=s.RunOut)
    def get(self, request: Request, workspace: str, run_id: str) -> Response:
        """One run: where it stands, what it said, what it cost."""
        return self.ok(run_json(self.run(run_id)))


class RunCancel(RunView):
    permissions = {"POST": Permission.RUN_CANCEL}

    @extend_schema(operation_id="run_cancel", request=s.NothingIn, responses={202: s.RunOut, 200: s.RunOut})
    def post(self, request: Request, workspace: str, run_id: str) -> Response:
        """Stop a run, keeping what it said. 200 if it had ended already."""
        run = self.run(run_id)
        self.read(s.NothingIn)
        if run.status in Run.TERMINAL:
            require(self.actor, Permission.RUN_CANCEL, run, kind="run.cancel")
            return self.ok(run_json(run))
        services.cancel_run(self.actor, run=run)
        return self.ok(run_json(self.run(run_id)), status=202)


class RunRetry(RunView):
    permissions = {"POST": Permission.RUN_CREATE}
    idempotent = True

    @extend_schema(operation_id="run_retry", request=s.RetryIn, responses={202: s.RunOut})
    def post(self, request: Request, workspace: str, run_id: str) -> Response:
        """Try an ended run again, as a new one: from its question, or from one of its steps."""
        run = self.run(run_id)
        data = self.read(s.RetryIn)
        new = reruns.retry_run(self.actor, run=run, from_step=data.get("from_step"))
        return self.ok(run_json(self.run(new.id)), status=202)


class RunContinue(RunView):
    permissions = {"POST": Permission.RUN_CREATE}
    idempotent = True

    @extend_schema(operation_id="run_continue", request=s.NothingIn, responses={202: s.RunOut})
    def post(self, request: Request, workspace: str, run_id: str) -> Response:
        """Go on, in a new run, after the last whole step of one that failed or was stopped."""
        run = self.run(run_id)
        self.read(s.NothingIn)
        return self.ok(run_json(self.run(reruns.continue_run(self.actor, run=run).id)), status=202)


class RunEvents(RunView):
    permissions = {"GET": Permission.RUN_VIEW}
    filters = ("after",)

    @extend_schema(
        operation_id="run_events",
        responses=s.EventPageOut,
        parameters=[OpenApiParameter("after", int, description="Only events with a higher seq.")],
    )
    def get(self, request: Request, workspace: str, run_id: str) -> Response:
        """The run's journal, in order."""
        run = self.run(run_id)
        raw = self.param("after") or "0"
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 9):
            raise ValidationFailed.on("after", "invalid", "after must be a whole number, 0 or more.")
        if "cursor" in request.query_params:
            raise ValidationFailed.on("cursor", "unknown_parameter", "Events are paged by after, not by cursor.")
        limit = paging.read_limit(request.query_params.get("limit"), default=200)
        rows = list(RunEvent.objects.filter(run=run, seq__gt=int(raw)).order_by("seq")[: limit + 1])
        shown = rows[:limit]
        return self.ok(
            {
                "results": [{"seq": row.seq, "at": rfc3339(row.at), "event": public_json(row.event)} for row in shown],
                "next": shown[-1].seq if len(rows) > limit else None,
            }
        )


class UsageSummary(RunView):
    permissions = {"GET": Permission.USAGE_VIEW}
    filters = ("days",)

    @extend_schema(
        operation_id="usage", responses=s.UsageSummaryOut, parameters=[OpenApiParameter("days", int, default=30)]
    )
    def get(self, request: Request, workspace: str) -> Response:
        """Tokens and cost of the runs that I may see: today, this month, and by day, agent and model."""
        for name in ("limit", "cursor"):
            if name in request.query_params:
                raise ValidationFailed.on(name, "unknown_parameter", f"There is no query parameter {name!r} here.")
        days = paging.read_limit(self.param("days"), default=30, maximum=366)
        return self.ok(summarize_usage(self.actor, days=days))
