"""Repeats of a denial: within a minute they are one entry with a count.

The first is an entry at once. Repeats raise a number in a small table, each in a transaction of its own, so that none is
lost when the process dies. When the minute is over, the number is written down as a tally: an entry that names the first.
Entries themselves are never changed.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from audit.models import AuditEntry, OpenDenial
from audit.writing import store_row, write_row
from core.authz import Actor
from core.clock import now

WINDOW = timedelta(minutes=1)
_AT_ONCE = 200


def count_denial(
    actor: Actor, *, kind: str, target: tuple[str, str], data: dict[str, Any], workspace_id: str | None
) -> None:
    """Write a denial, or count it as a repeat of one within the last minute."""
    facts = [workspace_id, kind, actor.kind, actor.user_id, *target, actor.ip, data]
    text = json.dumps(facts, sort_keys=True, default=str)
    digest = hmac.new(settings.SECRET_KEY.encode(), f"denial|{text}".encode(), sha256).hexdigest()
    for attempt in (1, 2):
        try:
            with transaction.atomic():
                _count(digest, actor, kind, target, data, workspace_id)
            return
        except IntegrityError:  # somebody wrote the first one at the same moment: then this is a repeat
            if attempt == 2:
                raise


def _count(
    digest: str, actor: Actor, kind: str, target: tuple[str, str], data: dict[str, Any], workspace_id: str | None
) -> None:
    known = OpenDenial.objects.select_for_update().filter(pk=digest).first()
    if known is not None and known.started_at > now() - WINDOW:
        OpenDenial.objects.filter(pk=digest).update(repeats=F("repeats") + 1)
        return
    if known is not None:
        _close(known)
    entry = write_row(
        actor,
        kind=kind,
        outcome=AuditEntry.Outcome.DENIED,
        target=target,
        data=data,
        workspace_id=workspace_id,
    )
    OpenDenial.objects.create(digest=digest, entry_id=entry.pk, started_at=entry.at)


def close_denials(*, before: Any = None) -> int:
    """Write down the repeats of every denial whose minute is over; returns how many were closed."""
    limit = before or now() - WINDOW
    with transaction.atomic():
        over = OpenDenial.objects.select_for_update(skip_locked=True) if _skips() else OpenDenial.objects.all()
        rows = list(over.filter(started_at__lte=limit).order_by("started_at")[:_AT_ONCE])
        for row in rows:
            _close(row)
    return len(rows)


def _skips() -> bool:
    return bool(transaction.get_connection().features.has_select_for_update_skip_locked)


def _close(row: OpenDenial) -> None:
    if row.repeats:
        first = AuditEntry.objects.get(pk=row.entry_id)
        tally = AuditEntry(
            workspace_id=first.workspace_id,
            at=now(),
            kind=first.kind,
            outcome=first.outcome,
            actor_kind=first.actor_kind,
            actor_id=first.actor_id,
            target_type=first.target_type,
            target_id=first.target_id,
            request_id=first.request_id,
            source=first.source,
            first=first.pk,
            count=row.repeats,
            data=first.data,
        )
        store_row(tally)
    OpenDenial.objects.filter(pk=row.pk).delete()


def counts_of(entries: Iterable[AuditEntry]) -> dict[str, int]:
    """How often what each entry tells of happened: once, and its repeats, written down or still being counted."""
    rows = list(entries)
    counts = {row.pk: row.count for row in rows}
    denied = [row.pk for row in rows if row.outcome == AuditEntry.Outcome.DENIED]
    if denied:
        tallies = AuditEntry.objects.filter(first__in=denied).values_list("first").annotate(Sum("count"))
        open_ones = OpenDenial.objects.filter(entry_id__in=denied).values_list("entry_id", "repeats")
        for pk, more in [*tallies, *open_ones]:
            counts[pk] += more
    return counts


def denials_are_over() -> bool:
    """Whether the minute of some denial is over and it is to be written down how often it came."""
    return OpenDenial.objects.filter(started_at__lte=now() - WINDOW).exists()
