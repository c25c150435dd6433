"""Reading the audit log: which entries somebody may see, how they are found, and what is kept apart from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from audit.denials import counts_of
from audit.models import AuditEntry, AuditSource
from core.authz import Actor, Permission, visible_to
from core.clock import rfc3339


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What an auditor looks for; None: anything. `search` is an id, a request id, or the beginning of a kind."""

    kind: str | None = None
    outcome: str | None = None
    actor: str | None = None
    target_type: str | None = None
    target_id: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str | None = None

    def narrow(self, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        given = {
            "kind": self.kind,
            "outcome": self.outcome,
            "actor_id": self.actor,
            "target_type": self.target_type,
            "target_id": self.target_id,
            "request_id": self.request_id,
            "at__gte": self.since,
            "at__lt": self.until,
        }
        rows = rows.filter(**{name: value for name, value in given.items() if value is not None})
        return rows.filter(matching(self.search)) if self.search else rows


def matching(text: str) -> Q:
    """Entries that a word from a search box may mean."""
    return (
        Q(actor_id=text) | Q(target_id=text) | Q(request_id=text) | Q(pk=text) | Q(kind=text) | Q(kind__startswith=text)
    )


def entries_visible_to(
    actor: Actor, wanted: EntryFilter | None = None, *, permission: Permission = Permission.AUDIT_VIEW
) -> QuerySet[AuditEntry]:
    """Tallies of repeated denials are left out: their numbers are part of the entries that they belong to."""
    rows = visible_to(actor, permission, AuditEntry.objects.filter(first=""))
    return wanted.narrow(rows) if wanted is not None else rows


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry with what is not in its row: how often it happened, and from where."""

    row: AuditEntry
    count: int
    ip: str | None


def complete(rows: Sequence[AuditEntry]) -> list[ShownEntry]:
    """The entries with what is kept apart, by a fixed number of queries."""
    counts, addresses = counts_of(rows), addresses_of(rows)
    return [ShownEntry(row, counts[row.pk], addresses.get(row.source)) for row in rows]


def addresses_of(rows: Iterable[AuditEntry]) -> dict[str, str]:
    wanted = {row.source for row in rows if row.source}
    return dict(AuditSource.objects.filter(pk__in=wanted).values_list("pk", "ip")) if wanted else {}


def entries_about(user_id: str) -> Iterator[dict[str, Any]]:
    """What a person did, and what was done with their account, oldest first: for their own copy of their data."""
    after = ""
    while True:
        theirs = Q(actor_id=user_id) | Q(target_type="user", target_id=user_id)
        rows = AuditEntry.objects.filter(theirs, first="", pk__gt=after)
        found = complete(list(rows.order_by("pk")[:200]))
        for one in found:
            row = one.row
            yield {
                "id": row.pk,
                "at": rfc3339(row.at),
                "workspace": row.workspace_id,
                "kind": row.kind,
                "outcome": row.outcome,
                "by_you": row.actor_id == user_id,
                "target": {"type": row.target_type, "id": row.target_id},
                "request_id": row.request_id,
                "ip": one.ip if row.actor_id == user_id else None,
                "count": one.count,
                "data": row.data,
            }
        if len(found) < 200:
            return
        after = found[-1].row.pk
