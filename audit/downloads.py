"""The log as a file: JSON lines or CSV, streamed, an entry of its own.

Must not know how people are shown: whoever calls brings the function that turns entries into plain values.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from django.db.models import Q, QuerySet

from audit.action import Action, action
from audit.models import AuditEntry
from audit.selectors import EntryFilter, entries_visible_to
from core.authz import Permission
from core.clock import now, rfc3339

Form = Literal["jsonl", "csv"]
FORMS: dict[Form, str] = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
PAGE = 500
COLUMNS = (
    "id", "at", "kind", "outcome", "count", "actor_kind", "actor_id", "actor", "target_type", "target_id", "request_id",
    "ip", "data",
)  # fmt: skip
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")

Present = Callable[[Sequence[AuditEntry]], list[dict[str, Any]]]


@action("audit.export", requires=Permission.AUDIT_EXPORT)
def export_entries(act: Action, *, wanted: EntryFilter, form: Form, present: Present) -> Iterator[bytes]:
    """Audit entries were exported."""
    sought = {name: str(value) for name, value in asdict(wanted).items() if value is not None}
    act.name_target("auditentry", "")
    act.record(form=form, filters=sorted(sought))
    rows = entries_visible_to(act.actor, wanted, permission=Permission.AUDIT_EXPORT)
    return _lines(rows, form, present)


@action("audit.export_all", requires=None)
def export_all_entries(act: Action, *, wanted: EntryFilter, form: Form, present: Present) -> Iterator[bytes]:
    """An operator exported audit entries of all workspaces."""
    act.name_target("auditentry", "")
    act.record(form=form)
    return _lines(wanted.narrow(AuditEntry.objects.filter(first="")), form, present)


def _lines(rows: QuerySet[AuditEntry], form: Form, present: Present) -> Iterator[bytes]:
    """Newest first, a page a query; what is written meanwhile is left out."""
    rows = rows.filter(at__lte=now()).order_by("-at", "-id")
    if form == "csv":
        yield _csv_line(COLUMNS)
    after: Q | None = None
    while True:
        page = list((rows.filter(after) if after is not None else rows)[:PAGE])
        for value in present(page) if page else ():
            yield _jsonl_line(value) if form == "jsonl" else _csv_line(_cells(value))
        if len(page) < PAGE:
            return
        last = page[-1]
        after = Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk)


def _jsonl_line(value: dict[str, Any]) -> bytes:
    return json.dumps({**value, "at": rfc3339(value["at"])}, ensure_ascii=False).encode() + b"\n"


def _cells(value: dict[str, Any]) -> list[str]:
    actor, target = value["actor"], value["target"] or {"type": "", "id": ""}
    return [
        value["id"],
        rfc3339(value["at"]),
        value["kind"],
        value["outcome"],
        str(value["count"]),
        actor["kind"],
        actor["id"] or "",
        actor["label"],
        target["type"],
        target["id"],
        value["request_id"],
        value["ip"] or "",
        json.dumps(value["data"], ensure_ascii=False, sort_keys=True),
    ]


def _csv_line(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([_safe(cell) for cell in cells])
    return buffer.getvalue().encode()


def _safe(cell: str) -> str:
    """A cell that a spreadsheet shows and never computes, white space before it or not."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
