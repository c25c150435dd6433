"""Reading the audit log."""

from __future__ import annotations

from django.db.models import QuerySet

from audit.models import AuditEntry
from core.authz import Actor, Permission, visible_to


def entries_visible_to(actor: Actor, *, kind: str | None = None, outcome: str | None = None) -> QuerySet[AuditEntry]:
    rows = visible_to(actor, Permission.AUDIT_VIEW, AuditEntry.objects.all())
    if kind:
        rows = rows.filter(kind=kind)
    if outcome:
        rows = rows.filter(outcome=outcome)
    return rows
