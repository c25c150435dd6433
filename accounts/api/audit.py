"""The audit log over HTTP: reading, exporting, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import serializers as s
from accounts.rest.views import WorkspaceView
from accounts.selectors import people_by_id
from audit.downloads import FORMS, export_entries
from audit.kinds import known_kinds
from audit.models import AuditEntry
from audit.selectors import EntryFilter, complete, entries_visible_to
from audit.standing import chain_state, standing
from audit.verify import verify
from core.authz import Permission
from core.errors import ValidationFailed
from core.rest.pages import page_of

#: A request may cost half a second of this; `manage.py audit_verify` and the operator admin look at all.
CHECK_SECONDS = 0.5

FILTERS = ("kind", "outcome", "actor", "target_type", "target_id", "request_id", "since", "until", "q")
PARAMETERS = [
    OpenApiParameter("kind", str, enum=sorted(known_kinds())),
    OpenApiParameter("outcome", str, enum=AuditEntry.Outcome.values),
    OpenApiParameter("actor", str, description="Id of the person who acted."),
    OpenApiParameter("target_type", str, description="Such as agent, run or provider."),
    OpenApiParameter("target_id", str),
    OpenApiParameter("request_id", str),
    OpenApiParameter("since", datetime, description="From this moment on, RFC 3339 with a zone."),
    OpenApiParameter("until", datetime, description="Before this moment, RFC 3339 with a zone."),
    OpenApiParameter("q", str, description="An id, a request id, or the beginning of a kind."),
]


class AuditView(WorkspaceView):
    """What the doors to the log share: the filters."""

    filters: ClassVar[Sequence[str]] = FILTERS

    def wanted(self) -> EntryFilter:
        return EntryFilter(
            kind=self.param("kind", sorted(known_kinds())),
            outcome=self.param("outcome", AuditEntry.Outcome.values),
            actor=self.param("actor"),
            target_type=self.param("target_type"),
            target_id=self.param("target_id"),
            request_id=self.param("request_id"),
            since=self._moment("since"),
            until=self._moment("until"),
            search=self.param("q"),
        )

    def _moment(self, name: str) -> datetime | None:
        raw = self.param(name)
        if raw is None:
            return None
        try:
            moment = parse_datetime(raw)
            if moment is None or moment.tzinfo is None:
                raise ValueError
            return moment.astimezone(UTC)  # which fails for moments that are none in UTC
        except (ValueError, OverflowError):
            raise ValidationFailed.on(
                name, "invalid", f"{name} must be a moment with a zone, such as 2026-01-31T08:00:00Z."
            ) from None


class AuditList(AuditView):
    personal = True
    permissions = {"GET": Permission.AUDIT_VIEW}

    @extend_schema(operation_id="audit", responses=page_of(s.AuditEntryOut), parameters=PARAMETERS)
    def get(self, request: Request, workspace: str) -> Response:
        """What happened in the workspace, newest first."""
        return self.page(entries_visible_to(self.actor, self.wanted()), present_entries, ordering=("-at", "-id"))


class AuditKinds(WorkspaceView):
    permissions = {"GET": Permission.AUDIT_VIEW}

    @extend_schema(operation_id="audit_kinds", responses=s.AuditKindsOut)
    def get(self, request: Request, workspace: str) -> Response:
        """What can stand in the log: each kind, by name, with the sentence that explains it."""
        return self.ok({"results": [{"kind": kind, "meaning": text} for kind, text in known_kinds().items()]})


class AuditExport(AuditView):
    permissions = {"GET": Permission.AUDIT_EXPORT}
    filters: ClassVar[Sequence[str]] = (*FILTERS, "file_format")

    @extend_schema(
        operation_id="audit_export",
        responses={
            (200, "application/jsonl"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
        },
        parameters=[*PARAMETERS, OpenApiParameter("file_format", str, enum=list(FORMS), default="jsonl")],
    )
    def get(self, request: Request, workspace: str) -> StreamingHttpResponse:
        """The entries as a file, newest first. The export is an entry itself."""
        form: Any = self.param("file_format", list(FORMS)) or "jsonl"
        lines = export_entries(self.actor, wanted=self.wanted(), form=form, present=present_entries)
        return download(lines, form, f"audit-{self.workspace.slug}")


class AuditVerify(WorkspaceView):
    permissions = {"GET": Permission.AUDIT_VIEW}
    filters: ClassVar[Sequence[str]] = ("check",)

    @extend_schema(
        operation_id="audit_verify",
        responses=s.AuditStandingOut,
        parameters=[
            OpenApiParameter("check", str, enum=["true", "false"], description="Recompute seals for half a second.")
        ],
    )
    def get(self, request: Request, workspace: str) -> Response:
        """Whether the log is sealed in time, where its chain ends, and that end signed, to be kept elsewhere."""
        now, checked = standing(), None
        if self.flag("check"):
            report = verify(workspace=self.workspace.id, seconds=CHECK_SECONDS, most=1)
            checked = {
                "good": report.good,
                "entries": report.entries,
                "complete": report.complete,
                "first_bad": str(report.first) if report.first else None,
            }
        return self.ok(
            {
                "state": "good" if now.good and (checked is None or checked["good"]) else "bad",
                "problem": now.problem,
                "unsealed_seconds": round(now.unsealed_seconds, 3),
                **chain_state(self.workspace.id),
                "checked": checked,
            }
        )


def download(lines: Iterator[bytes], form: Any, name: str) -> StreamingHttpResponse:
    """A file to save, never shown in the browser."""
    response = StreamingHttpResponse(lines, content_type=FORMS[form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    response["Cache-Control"] = "no-store"
    return response


def present_entries(rows: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """Entries as JSON, with what is kept apart from them."""
    people = people_by_id(row.actor_id for row in rows if row.actor_id)
    return [
        {
            "id": shown.row.id,
            "at": shown.row.at,
            "kind": shown.row.kind,
            "outcome": shown.row.outcome,
            "count": shown.count,
            "actor": {
                "kind": shown.row.actor_kind,
                "id": shown.row.actor_id or None,
                "label": people.get(shown.row.actor_id, {}).get("email") or shown.row.actor_id or shown.row.actor_kind,
            },
            "target": {"type": shown.row.target_type, "id": shown.row.target_id} if shown.row.target_type else None,
            "request_id": shown.row.request_id,
            "ip": shown.ip,
            "data": shown.row.data,
        }
        for shown in complete(rows)
    ]
