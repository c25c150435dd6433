"""Figures for operators, over all workspaces."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Exists, Max, Min, OuterRef, Q

from agents.models import Decision, Run, RunEvent
from core.clock import now


def runs_by_status(hours: int = 24) -> dict[str, int]:
    """How many of the runs of the last hours are in each state; open ones are counted whenever they began."""
    rows = Run.objects.filter(Q(created_at__gte=now() - timedelta(hours=hours)) | Q(status__in=Run.OPEN))
    counted = dict(rows.order_by().values_list("status").annotate(Count("id")))
    return {status: counted.get(status, 0) for status in Run.Status.values}


def stuck_runs(*, since: datetime) -> int:
    """Runs that nobody holds although their lease ran out, their turn came, or all was decided, before `since`."""
    lost = Q(status="running", lease_until__lt=since)
    waiting = Q(status="queued", created_at__lt=since) & ~Q(conversation__runs__status__in=("running", "waiting"))
    asked = Decision.objects.filter(run=OuterRef("pk"), status=Decision.Status.OPEN)
    decided = Q(~Exists(asked), status="waiting", updated_at__lt=since)
    return Run.objects.filter(lost | waiting | decided).count()


def events_kept() -> int:
    """About how many events there are in all journals; counting them would take minutes when there are many."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [RunEvent._meta.db_table])
            estimate = int(cursor.fetchone()[0])
            if estimate >= 0:
                return estimate
    span = RunEvent.objects.aggregate(first=Min("pk"), last=Max("pk"))
    return 0 if span["last"] is None else int(span["last"] - span["first"] + 1)
