"""Entries as they lie in the database, column by column, which is what seals cover; and which of them have no seal yet.

The ORM would smooth over what it reads: another spelling of the same moment or JSON must show as a change, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from audit.chain import STAMPED, is_stamp, moment_text
from core.clock import now

_COLUMNS = (*STAMPED, "stamp")
_AT, _DATA = _COLUMNS.index("at"), _COLUMNS.index("data")


@dataclass(frozen=True, slots=True)
class RawEntry:
    """`place`: what the unsealed ones are sorted by, a transaction id on PostgreSQL, the order of writing on SQLite."""

    values: tuple[Any, ...]
    place: int = 0

    @property
    def id(self) -> str:
        return str(self.values[0])

    @property
    def workspace_id(self) -> str | None:
        return None if self.values[1] is None else str(self.values[1])

    def written_by_product(self) -> bool:
        """Whether the stamp is that of these values."""
        values = list(self.values[:-1])
        try:
            values[_AT] = _moment(values[_AT])
            values[_DATA] = json.loads(values[_DATA])
        except (ValueError, TypeError):
            return False
        return is_stamp(self.values[-1], values)


def entry_columns(table: str) -> str:
    """The SELECT list for `raw_entry`, with this name for the table."""
    names = []
    for name in _COLUMNS:
        column = f'{table}."{name}"'
        if name == "at" and connection.vendor == "sqlite":
            column = f"CAST({column} AS TEXT)"  # else the driver makes a datetime of it
        elif name == "data" and connection.vendor == "postgresql":
            column = f"{column}::text"
        names.append(column)
    return ", ".join(names)


WIDTH = len(_COLUMNS)


def raw_entry(row: Sequence[Any], place: int = 0) -> RawEntry:
    return RawEntry(tuple(_plain(value) for value in row), place)


def _plain(value: Any) -> Any:
    if hasattr(value, "astimezone"):
        return moment_text(value)
    if isinstance(value, (bytes, memoryview)):
        return {"bytes": bytes(value).hex()}
    return value


def _moment(text: str) -> str:
    """A moment as the stamp has it: SQLite keeps it without a zone, and without a fraction when that is zero."""
    moment = datetime.fromisoformat(text)
    return moment_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Unsealed:
    """Entries to be sealed, in their order, and below what `low` none is left once they are."""

    entries: list[RawEntry]
    low: int


def unsealed_entries(low: int, limit: int) -> Unsealed:
    """Those at or above `low` that nothing can come before any more.

    On PostgreSQL only what was written by transactions older than any that is still open: what such a one writes gets a
    later number. SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql":
        return _on_postgres(low, limit)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT e.rowid, {entry_columns('e')} FROM audit_auditentry e WHERE e.rowid >= %s AND NOT EXISTS "  # noqa: S608
            "(SELECT 1 FROM audit_auditseal s WHERE s.entry_id = e.id) ORDER BY e.rowid LIMIT %s",
            [low, limit],
        )
        rows = cursor.fetchall()
    entries = [raw_entry(row[1:], row[0]) for row in rows]
    return Unsealed(entries, entries[-1].place + 1 if len(entries) >= limit else next_place())


def _on_postgres(low: int, limit: int) -> Unsealed:
    with connection.cursor() as cursor:
        # Both questions look at one snapshot. Rows from beyond it were brought here from another server.
        cursor.execute(
            "WITH snapshot AS MATERIALIZED (SELECT pg_current_snapshot() AS taken), "  # noqa: S608
            "edge AS (SELECT pg_snapshot_xmin(taken) AS oldest, pg_snapshot_xmax(taken) AS next FROM snapshot) "
            f"SELECT edge.oldest::text, e.xid::text, {entry_columns('e')} FROM edge LEFT JOIN audit_auditentry e ON "
            "e.xid >= %s::text::xid8 AND (e.xid < edge.oldest OR e.xid >= edge.next) AND NOT EXISTS "
            "(SELECT 1 FROM audit_auditseal s WHERE s.entry_id = e.id) ORDER BY e.xid, e.id LIMIT %s",
            [str(low), limit],
        )
        rows = cursor.fetchall()
    entries = [raw_entry(row[2:], int(row[1])) for row in rows if row[1] is not None]
    return Unsealed(entries, entries[-1].place if len(entries) >= limit else int(rows[0][0]))


def next_place() -> int:
    """Above every place that an entry of this database can have now. Lower than the sealer's `low`: the rows were brought
    here from elsewhere, or SQLite has numbered them anew.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        else:
            cursor.execute("SELECT COALESCE(MAX(rowid), 0) + 1 FROM audit_auditentry")
        return int(cursor.fetchone()[0])


def unsealed_seconds(low: int) -> float:
    """For how long the oldest entry without a seal has been waiting; 0 if none does."""
    place = "e.xid >= %s::text::xid8" if connection.vendor == "postgresql" else "e.rowid >= %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT MIN(e.at) FROM audit_auditentry e WHERE {place} AND NOT EXISTS "  # noqa: S608
            "(SELECT 1 FROM audit_auditseal s WHERE s.entry_id = e.id)",
            [str(low) if connection.vendor == "postgresql" else low],
        )
        oldest = cursor.fetchone()[0]
    if oldest is None:
        return 0.0
    moment = datetime.fromisoformat(_moment(oldest) if isinstance(oldest, str) else moment_text(oldest))
    return max(0.0, (now() - moment).total_seconds())
