"""Agents, versions, conversations and runs in the operator admin: read-only, but for stopping a run."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin_actor import admin_actor
from agents import admin_grants as _grants  # noqa: F401  # registers its pages
from agents.models import Agent, AgentVersion, Decision, Run, RunEvent
from agents.services.decisions import resolve_decision
from agents.services.runs import cancel_run
from core.errors import DomainError

STATE_COLOURS = {
    "queued": "info",
    "running": "info",
    "waiting": "warning",
    "succeeded": "success",
    "failed": "danger",
    "cancelled": "default",
}


class ReadOnly:
    """Rows that the product writes and operators only read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class VersionInline(ReadOnly, TabularInline):
    model = AgentVersion
    fk_name = "agent"
    fields = ("number", "model_name", "content_hash", "notes", "created_at", "published_by")
    readonly_fields = fields
    extra = 0
    ordering = ("-created_at",)
    show_change_link = True


@admin.register(Agent)
class AgentAdmin(ReadOnly, ModelAdmin):
    list_display = ("name", "workspace", "owner", "published", "updated_at", "deleted_at")
    list_filter = ("workspace",)
    search_fields = ("name", "id")
    list_select_related = ("workspace", "owner", "published__agent")
    inlines = (VersionInline,)


@admin.register(AgentVersion)
class AgentVersionAdmin(ReadOnly, ModelAdmin):
    list_display = ("agent", "number", "model_name", "content_hash", "created_at", "published_by")
    list_filter = ("workspace",)
    search_fields = ("agent__name", "content_hash", "id")
    list_select_related = ("agent", "published_by")


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin):
    list_display = ("id", "state", "agent", "started_by", "created_at", "ended_at", "tokens", "cost", "attempts")
    list_filter = ("status", "workspace", "stop_reason")
    search_fields = ("id", "conversation__id", "request_id")
    list_select_related = ("agent", "started_by", "version")
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    actions = ("stop_runs",)
    fieldsets = (
        (None, {"fields": ("id", "status", "stop_reason", "error_code", "error_detail")}),
        (
            "What ran",
            {"fields": ("workspace", "agent", "version", "conversation", "started_by", "token", "request_id")},
        ),
        ("When", {"fields": ("created_at", "started_at", "ended_at", "attempts", "lease_epoch", "lease_until")}),
        ("Tokens and cost", {"fields": ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "cost")}),
        ("Timeline", {"fields": ("timeline",)}),
    )
    readonly_fields = ("timeline", "cost")

    @display(description="State", label=STATE_COLOURS, ordering="status")
    def state(self, row: Run) -> str:
        return row.status

    @admin.display(description="Tokens")
    def tokens(self, row: Run) -> str:
        return f"{row.input_tokens + row.output_tokens:,}"

    @admin.display(description="Cost")
    def cost(self, row: Run) -> str:
        return "unknown" if row.cost_amount is None else f"{row.cost_amount.normalize():f} {row.cost_currency}"

    @admin.display(description="Journal")
    def timeline(self, row: Run) -> SafeString:
        """The first 500 events: number, time, type and the fields that name things. No texts of people."""
        events = RunEvent.objects.filter(run=row).order_by("seq")[:500]
        lines = [(item.seq, item.at.strftime("%H:%M:%S.%f")[:-3], item.type, _facts(item.event)) for item in events]
        body = format_html_join("", _TIMELINE_ROW, lines)
        return format_html('<table class="run-timeline">{}</table>', body)

    @admin.action(description="Stop the selected runs")
    def stop_runs(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        stopped = 0
        for run in queryset.filter(status__in=Run.OPEN):
            cancel_run(admin_actor(request, run.workspace_id), run=run)
            stopped += 1
        self.message_user(request, f"{stopped} runs were asked to stop.", messages.SUCCESS)


@admin.register(Decision)
class DecisionAdmin(ReadOnly, ModelAdmin):
    """What runs asked. Questions are for the person who was asked; whether a cut call took effect, operators may know."""

    list_display = ("created_at", "state", "kind", "prompt", "tool", "run", "resolution", "resolved_by")
    list_filter = ("status", "kind", "workspace")
    search_fields = ("id", "run__id", "call", "tool")
    list_select_related = ("run", "resolved_by")
    ordering = ("-created_at", "-id")
    actions = ("it_happened", "run_it_again", "stop_the_run")

    @display(description="State", label={"open": "warning", "resolved": "success"}, ordering="status")
    def state(self, row: Decision) -> str:
        return row.status

    @admin.action(description="Unknown outcomes: it happened")
    def it_happened(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._decide(request, queryset, "happened")

    @admin.action(description="Unknown outcomes: it did not, run it again")
    def run_it_again(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._decide(request, queryset, "run_again")

    @admin.action(description="Unknown outcomes: stop the run")
    def stop_the_run(self, request: HttpRequest, queryset: QuerySet[Decision]) -> None:
        self._decide(request, queryset, "stop")

    def _decide(self, request: HttpRequest, queryset: QuerySet[Decision], resolution: str) -> None:
        decided, refused = 0, 0
        for row in queryset.select_related("resolved_by"):
            try:
                actor = admin_actor(request, row.workspace_id)
                resolve_decision(actor, decision=row, resolution=resolution, reason="Decided in the operator admin.")
                decided += 1
            except DomainError:
                refused += 1
        if decided:
            self.message_user(request, f"{decided} decided.", messages.SUCCESS)
        if refused:
            self.message_user(
                request,
                f"{refused} left as they were: decided already, or not about an unknown outcome.",
                messages.WARNING,
            )


_CELL = '<td style="padding:2px 16px 2px 0;white-space:nowrap;vertical-align:top">'
_TIMELINE_ROW = f"<tr>{_CELL}{{}}</td>{_CELL}{{}}</td>{_CELL}<strong>{{}}</strong></td><td>{{}}</td></tr>"
_SHOWN = (
    "attempt",
    "reason",
    "step",
    "message",
    "finish",
    "call",
    "name",
    "outcome",
    "decision",
    "kind",
    "resolution",
    "code",
    "input_tokens",
    "output_tokens",
)


def _facts(event: dict[str, Any]) -> str:
    return "  ".join(f"{name}={event[name]}" for name in _SHOWN if event.get(name) is not None)
