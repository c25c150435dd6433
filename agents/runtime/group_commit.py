"""One writer thread per process: the pending appends of all runs go to disk together, in one transaction.

Each append is fenced: it holds only while the run's lease epoch and last number are what the holder believes. One that is
not (a stale holder) fails alone; a full disk makes everybody wait, not fail. Must not know: the engine, sockets.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError, OperationalError, connection, transaction

from agents.models import MessageChunk, Run, RunEvent
from agents.runtime.lease import next_in_conversation
from agents.runtime.projection import Changes, drop_saved_text, write_messages
from core.db import is_database_away, is_disk_full

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
_WAITED_FOR = ("full", "locked", "busy", "readonly", "i/o error", "unable to open")  # in SQLite's words


class StaleLease(Exception):
    """Somebody else carries this run on now; the append was refused and the holder must stop."""


@dataclass(slots=True)
class Append:
    """One atomic append to one run. `rows` are (seq, type, at, event as JSON text)."""

    run: str
    conversation: str
    epoch: int
    expected_seq: int
    rows: Sequence[tuple[int, str, datetime, str]]
    changes: Changes
    durable: bool
    """The disk must have it before anything else happens (synchronous=FULL)."""
    purge_text: bool
    done: Callable[[Exception | None, str | None], None]
    """Called on the writer's thread after the commit, or with what went wrong; after the run's end also with the run of
    the same conversation whose turn it is now."""

    @property
    def ends(self) -> bool:
        return "ended_at" in self.changes.run


@dataclass(slots=True)
class Row:
    """Something else to be written along. `alone` is another way to do it, tried when the whole transaction failed."""

    write: Callable[[], None]
    alone: Callable[[], None]


@dataclass(slots=True)
class SavedText:
    """A piece of an open message's text, behind the live frames."""

    run: str
    epoch: int
    message: str
    part: str
    offset: int
    text: str


@dataclass(slots=True)
class _Batch:
    appends: list[Append] = field(default_factory=list)
    texts: list[SavedText] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    flushes: list[Future[None]] = field(default_factory=list)

    @property
    def any(self) -> bool:
        return bool(self.appends or self.texts or self.rows or self.flushes)


class GroupWriter:
    """Starts its thread with the first work."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._batch = _Batch()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.waiting_for_storage = False
        self._leveled: object = None  # the SQLite connection that was last told how to write, and what it was told
        self._level = ""

    def append(self, append: Append) -> None:
        self._put(lambda batch: batch.appends.append(append))

    def save_texts(self, texts: Sequence[SavedText]) -> None:
        self._put(lambda batch: batch.texts.extend(texts))

    def also(self, write: Callable[[], None], alone: Callable[[], None]) -> None:
        """Write something along, in the same transaction as the next append or before it."""
        self._put(lambda batch: batch.rows.append(Row(write, alone)))

    def flush(self) -> Future[None]:
        """A future that is done when everything handed over before is on its way to disk."""
        future: Future[None] = Future()
        self._put(lambda batch: batch.flushes.append(future))
        return future

    def close(self) -> None:
        """Write what is left and end the thread."""
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)
        self._thread, self._closed = None, False

    def _put(self, add: Callable[[_Batch], None]) -> None:
        with self._condition:
            add(self._batch)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _work(self) -> None:
        try:
            while True:
                with self._condition:
                    while not self._batch.any:
                        if self._closed:
                            return
                        self._condition.wait()
                    batch, self._batch = self._batch, _Batch()
                self._write(batch)
        finally:
            connection.close()

    def _write(self, batch: _Batch) -> None:
        outcomes: list[Exception | None] = [None] * len(batch.appends)
        while True:
            try:
                outcomes = self._commit(batch.appends, batch.texts, batch.rows)
                self.waiting_for_storage = False
                break
            except DatabaseError as error:
                connection.close()
                if _is_passing(error):
                    if not self.waiting_for_storage:
                        log.error("the journal cannot be written now (%s); runs wait until it can", error)
                        self.waiting_for_storage = True
                    time.sleep(RETRY_SECONDS)
                    continue
                outcomes = self._write_one_by_one(batch)
                break
            except Exception:
                log.exception("the journal's batch failed; each run is tried alone")
                outcomes = self._write_one_by_one(batch)
                break
        for append, outcome in zip(batch.appends, outcomes, strict=True):
            append.done(outcome, _following(append) if outcome is None and append.ends else None)
        for future in batch.flushes:
            if future.set_running_or_notify_cancel():  # False: whoever asked no longer waits
                future.set_result(None)

    def _write_one_by_one(self, batch: _Batch) -> list[Exception | None]:
        """One of them is poison: the others must not suffer."""
        outcomes: list[Exception | None] = []
        for append in batch.appends:
            try:
                outcomes.extend(self._commit([append], []))
            except Exception as error:
                log.exception("run %s: its append was refused by the database", append.run)
                outcomes.append(error)
        for row in batch.rows:
            try:
                row.alone()
            except Exception:
                log.exception("a row beside the journal was refused by the database")
        for text in batch.texts:
            try:
                self._commit([], [text])
            except Exception:
                log.exception("run %s: a piece of text could not be saved", text.run)
        return outcomes

    def _commit(
        self, appends: Sequence[Append], texts: Sequence[SavedText], rows: Sequence[Row] = ()
    ) -> list[Exception | None]:
        if connection.vendor == "sqlite":
            level = "FULL" if any(append.durable for append in appends) else "NORMAL"
            if connection.connection is not self._leveled or level != self._level:
                with connection.cursor() as cursor:
                    cursor.execute(f"PRAGMA synchronous={level}")
                self._leveled, self._level = connection.connection, level
        with transaction.atomic():
            if texts:
                _save_texts(texts)
            for row in rows:
                row.write()
            return [_append(append) for append in appends]


def _following(append: Append) -> str | None:
    """The run whose turn it is, read after the commit: one that is queued later finds the conversation free."""
    try:
        return next_in_conversation(append.run)
    except DatabaseError:
        connection.close()
        return None  # the sweep finds it


def _append(append: Append) -> Exception | None:
    changes = append.changes
    adapt = connection.ops.adapt_datetimefield_value
    quote = connection.ops.quote_name
    # By hand: these two run for every step of every run, and the ORM takes longer to write them than SQLite to run them.
    columns = {"last_seq": append.rows[-1][0], "updated_at": append.rows[-1][2], **changes.run}
    field_of: Any = Run._meta.get_field
    values = [field_of(name).get_db_prep_save(value, connection) for name, value in columns.items()]
    assignments = ", ".join(f"{quote(name)} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quote(Run._meta.db_table)} SET {assignments} "  # noqa: S608
            "WHERE id = %s AND lease_epoch = %s AND last_seq = %s",
            [*values, append.run, append.epoch, append.expected_seq],
        )
        if cursor.rowcount != 1:
            return StaleLease(append.run)
        table = quote(RunEvent._meta.db_table)
        cursor.executemany(
            f"INSERT INTO {table} (run_id, seq, type, at, event) VALUES (%s, %s, %s, %s, %s)",  # noqa: S608
            [(append.run, seq, kind, adapt(at), event) for seq, kind, at, event in append.rows],
        )
    write_messages(changes, run=append.run, conversation=append.conversation)
    if append.purge_text:
        drop_saved_text(append.run)
    return None


# A piece whose run somebody else carries on by now is not saved, nor one that is there already.
_SAVE_TEXT = """
INSERT INTO {chunk} (run_id, message, part, {offset}, text)
SELECT id, %s, %s, %s, %s FROM {run} WHERE id = %s AND lease_epoch = %s
ON CONFLICT DO NOTHING
"""


def _save_texts(texts: Sequence[SavedText]) -> None:
    quote = connection.ops.quote_name
    statement = _SAVE_TEXT.format(
        chunk=quote(MessageChunk._meta.db_table), run=quote(Run._meta.db_table), offset=quote("offset")
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            statement, [(text.message, text.part, text.offset, text.text, text.run, text.epoch) for text in texts]
        )


def _is_passing(error: DatabaseError) -> bool:
    if is_disk_full(error) or is_database_away(error):
        return True
    return isinstance(error, OperationalError) and any(word in str(error).lower() for word in _WAITED_FOR)


writer = GroupWriter()
