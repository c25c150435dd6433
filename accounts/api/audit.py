"""The audit log over HTTP: reading it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import serializers as s
from accounts.rest.views import WorkspaceView
from accounts.selectors import people_by_id
from audit.kinds import known_kinds
from audit.models import AuditEntry
from audit.selectors import EntryFilter, complete, entries_visible_to
from core.authz import Permission
from core.errors import ValidationFailed
from core.rest.pages import page_of

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
            return moment
        except (ValueError, OverflowError):
            raise ValidationFailed.on(
                name, "invalid", f"{name} must be a moment with a zone, such as 2026-01-31T08:00:00Z."
            ) from None


class AuditList(AuditView):
    permissions = {"GET": Permission.AUDIT_VIEW}

    @extend_schema(operation_id="audit", responses=page_of(s.AuditEntryOut), parameters=PARAMETERS)
    def get(self, request: Request, workspace: str) -> Response:
        """What happened in the workspace, newest first."""
        return self.page(entries_visible_to(self.actor, self.wanted()), present_entries, ordering=("-at", "-id"))


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
