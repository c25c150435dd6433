"""Repeats of a denial: within a minute they are one entry with a count.

The first is an entry at once. Repeats are written as tallies: entries that name the first, with a number that is final when
it is written. So the count lies under stamps and seals as everything else does, and no column that counts is ever changed.
How often a tally is written, and by whom, is a matter of `audit.repeats`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum

from audit.models import AuditEntry, OpenDenial
from audit.repeats import repeats
from audit.writing import with_token, write_row, write_tally
from core.authz import Actor
from core.clock import now

WINDOW = timedelta(minutes=1)


def count_denial(
    actor: Actor, *, kind: str, target: tuple[str, str], data: dict[str, Any], workspace_id: str | None
) -> None:
    """Write a denial, or count it as a repeat of one within the last minute."""
    facts = [workspace_id, kind, actor.kind, actor.user_id, *target, actor.ip, data]
    text = json.dumps(facts, sort_keys=True, default=str)
    digest = hmac.new(settings.SECRET_KEY.encode(), f"denial|{text}".encode(), sha256).hexdigest()
    if repeats.take(digest):
        return
    for attempt in (1, 2):
        try:
            with transaction.atomic():
                first = _write(digest, actor, kind, target, data, workspace_id)
                transaction.on_commit(partial(repeats.remember, digest, first, until=first.at + WINDOW))
            return
        except IntegrityError:  # somebody wrote the first one at the same moment: then this is a repeat
            if attempt == 2:
                raise


def _write(
    digest: str, actor: Actor, kind: str, target: tuple[str, str], data: dict[str, Any], workspace_id: str | None
) -> AuditEntry:
    """The entry of the minute's first denial; written now, or a tally for it."""
    known = OpenDenial.objects.filter(pk=digest).first()
    first = AuditEntry.objects.filter(pk=known.entry_id).first() if known is not None else None
    wanted = (workspace_id, kind, actor.kind, actor.user_id or "", *target, _as_read(with_token(actor, data)))
    # Nobody vouches for the note: it may name only an entry that tells of the very same.
    if first is not None and _told(first) == wanted and first.at > now() - WINDOW:
        write_tally(first, 1)
        return first
    if known is not None:
        OpenDenial.objects.filter(pk=digest, entry_id=known.entry_id).delete()
    entry = write_row(
        actor,
        kind=kind,
        outcome=AuditEntry.Outcome.DENIED,
        target=target,
        data=data,
        workspace_id=workspace_id,
    )
    OpenDenial.objects.create(digest=digest, entry_id=entry.pk, started_at=entry.at)
    return entry


def _told(entry: AuditEntry) -> tuple[Any, ...] | None:
    if entry.first or entry.outcome != AuditEntry.Outcome.DENIED:
        return None
    who = (entry.workspace_id, entry.kind, entry.actor_kind, entry.actor_id)
    return (*who, entry.target_type, entry.target_id, entry.data)


def _as_read(data: dict[str, Any]) -> Any:
    """The data as an entry gives them back."""
    return json.loads(json.dumps(data))


def forget_denials() -> int:
    """Forget the notes on denials whose minute is over; returns how many. Nothing that was counted is in them."""
    return OpenDenial.objects.filter(started_at__lte=now() - WINDOW).delete()[0]


def denials_are_over() -> bool:
    """Whether the minute of some denial is over, so that the note on it may go."""
    return OpenDenial.objects.filter(started_at__lte=now() - WINDOW).exists()


def counts_of(entries: Iterable[AuditEntry]) -> dict[str, int]:
    """How often what each entry tells of happened: once, and its repeats, with those that this process is to write yet."""
    rows = list(entries)
    counts = {row.pk: row.count for row in rows}
    denied = [row.pk for row in rows if row.outcome == AuditEntry.Outcome.DENIED]
    if denied:
        unwritten = repeats.unwritten(denied)
        tallies = AuditEntry.objects.filter(first__in=denied).values_list("first").annotate(Sum("count"))
        for pk, more in [*tallies, *unwritten.items()]:
            counts[pk] += more
    return counts
