"""Whether the triggers that keep the log stand where the migrations put them."""

from __future__ import annotations

from django.db import connection

_TABLES = ("audit_auditentry", "audit_auditseal", "audit_auditcut", "audit_audithead")
_KINDS = {"sqlite": ("update", "delete", "replace"), "postgresql": ("update", "delete", "truncate")}


def missing_triggers() -> list[str]:
    """A sentence for each that is gone or switched off."""
    question = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    with connection.cursor() as cursor:
        cursor.execute(question)
        there = {row[0] for row in cursor.fetchall()}
    wanted = [f"{table}_no_{kind}" for table in _TABLES for kind in _KINDS[connection.vendor]]
    return [f"the trigger {name} is missing: the database would let rows go" for name in wanted if name not in there]
