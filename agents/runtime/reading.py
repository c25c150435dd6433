"""Reading runs from the database for those who watch: journals, saved text, who may see what.

Synchronous; called through core.db. Must not know: sockets, the hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db.models import IntegerField, QuerySet, TextField, Value
from django.db.models.functions import Cast

from agents.engine.events import PRIVATE_FIELDS, public_json
from agents.models import Run, RunEvent
from agents.runtime.hub import Published
from agents.runtime.journal import published_event
from agents.runtime.loading import load_saved_text
from agents.selectors.runs import runs_visible_to
from core.authz import Actor
from core.prepared import Prepared, PreparedForActor

PAGE = 200
_OF_MESSAGES = ("message.started", "message.completed", "step.restarted")


@dataclass(frozen=True, slots=True)
class OpenText:
    """The text so far of a message that is being written, as far as it was saved. Offsets count from 0."""

    message: str
    started_seq: int
    text: str
    reasoning: str


@dataclass(frozen=True, slots=True)
class RunLook:
    """Where a run stands."""

    run: str
    last_seq: int
    ended: bool
    open_texts: tuple[OpenText, ...] = ()


def _frames(events: QuerySet[RunEvent]) -> QuerySet[RunEvent, tuple[int, str, datetime, str]]:
    ordered = events.order_by("seq").annotate(raw=Cast("event", TextField()))
    return ordered.values_list("seq", "type", "at", "raw")


# The number is text in a prepared query.
_PAGE = Prepared(
    lambda value: _frames(
        RunEvent.objects.filter(run_id=value("run"), seq__gt=Cast(Value(value("after")), IntegerField()))
    )[:PAGE]
)


def read_events(run: str, *, after: int, limit: int = PAGE) -> list[Published]:
    """The events of a run after a number, as frames, in order."""
    if limit == PAGE:
        rows = _PAGE.rows(run=run, after=str(after))
    else:
        rows = list(_frames(RunEvent.objects.filter(run_id=run, seq__gt=after))[:limit])
    return [_published(run, seq, kind, at, raw) for seq, kind, at, raw in rows]


def read_pages(places: Sequence[tuple[str, int]]) -> list[list[Published] | Exception]:
    """The pages that follow these places (run, number), each read once; for viewers who come back together."""
    found: dict[tuple[str, int], list[Published] | Exception] = {}
    for run, after in places:
        if (run, after) not in found:
            found[run, after] = read_events(run, after=after)
    return [found[place] for place in places]


def _published(run: str, seq: int, kind: str, at: datetime, raw: str) -> Published:
    document = orjson.loads(raw) if kind in _OF_MESSAGES else None
    if document is not None and kind in PRIVATE_FIELDS:
        raw = orjson.dumps(public_json(document)).decode()
    return published_event(run, seq, at, kind, raw, document)


_LOOKED_AT = ("pk", "last_seq", "status")
_VISIBLE = PreparedForActor(
    lambda actor, value: runs_visible_to(actor).filter(pk=value("run")).order_by().values_list(*_LOOKED_AT)
)


def look_at_runs(runs: Sequence[str]) -> list[RunLook]:
    """Where these runs stand, and what is saved of their open messages."""
    return [_look(*row) for row in Run.objects.filter(pk__in=runs).values_list(*_LOOKED_AT)]


def look_for(actor: Actor, run: str) -> RunLook | None:
    """Where a run stands; None unless the actor may see it."""
    row = _VISIBLE.row(actor, run=run)
    return None if row is None else _look(*row)


def _look(run: str, last_seq: int, status: str) -> RunLook:
    ended = status in Run.TERMINAL
    texts = () if ended or status == Run.Status.QUEUED else open_text(run)
    return RunLook(run, last_seq, ended, texts)


def open_text(run: str) -> tuple[OpenText, ...]:
    """The saved text of a run's open messages."""
    saved = load_saved_text(run)
    if not saved:
        return ()
    started: dict[str, int] = {}
    rows = (
        RunEvent.objects.filter(run_id=run, type__in=_OF_MESSAGES).order_by("seq").values_list("seq", "type", "event")
    )
    for seq, kind, event in rows:
        if kind == "message.started":
            started[event["message"]] = seq
        elif kind == "message.completed":
            started.pop(event["message"], None)
        else:
            for message in event["dropped"]:
                started.pop(message, None)
    return tuple(OpenText(message, started[message], *texts) for message, texts in saved.items() if message in started)
