"""Who hammers at a closed door does not fill the log: a process that serves writes one tally a second for each denial.

A repeat is written at once when the last tally is a second old. What comes sooner is counted in memory and written by a
thread within another second and a half, under a number that is final then. Only those die with a process that is killed;
the denial itself and every repeat that came alone are on disk before their answer. A process that nobody started this in
(a command, a test) writes each repeat at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.models import AuditEntry
from audit.writing import write_tally
from core.clock import now

log = logging.getLogger(__name__)

#: Between two tallies of one denial by one process.
SECONDS = 1.0
_TICK = 0.5
#: Denials beyond these are written at once, each.
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Open:
    first: AuditEntry
    until: datetime
    unwritten: int = 0
    written_at: float = float("-inf")


class Repeats:
    """The denials of the last minute that this process knows, while it counts for itself."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Count in memory from now on; for a process that serves, which calls `close` at its end."""
        if self._thread is None:
            self._over.clear()
            self._thread = threading.Thread(target=self._work, name="denials", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what is left; what comes from now on is written at once."""
        thread, self._thread = self._thread, None
        self._over.set()
        if thread is not None:
            thread.join(timeout=10)

    def take(self, digest: str) -> bool:
        """Whether the repeat was counted here; if not, the caller writes it."""
        with self._lock:
            one = self._open.get(digest) if self._thread is not None else None
            if one is None or one.until <= now():
                return False
            if not one.unwritten and time.monotonic() - one.written_at >= SECONDS:
                one.written_at = time.monotonic()
                return False
            one.unwritten += 1
            return True

    def remember(self, digest: str, first: AuditEntry, *, until: datetime) -> None:
        """This entry is committed: repeats of it until then may be counted here."""
        with self._lock:
            known = self._open.get(digest)
            if self._thread is None or (known is not None and (known.unwritten or known.first.pk == first.pk)):
                return
            if known is not None or len(self._open) < _MOST_REMEMBERED:
                self._open[digest] = _Open(first, until)

    def unwritten(self, entries: Sequence[str]) -> dict[str, int]:
        """How many repeats of these entries wait here to be written."""
        wanted = set(entries)
        with self._lock:
            waiting = [(one.first.pk, one.unwritten) for one in self._open.values()]
        return {pk: count for pk, count in waiting if count and pk in wanted}

    def _work(self) -> None:
        try:
            while not self._over.wait(_TICK):
                self._write(SECONDS)
            self._write(0)
        finally:
            connection.close()

    def _write(self, least: float) -> None:
        """Write one tally for each denial whose last one is as old as that."""
        moment, present = time.monotonic(), now()
        with self._lock:
            for digest in [key for key, one in self._open.items() if one.until <= present and not one.unwritten]:
                del self._open[digest]
            due = [one for one in self._open.values() if one.unwritten and moment - one.written_at >= least]
            taken = [(one, one.unwritten) for one in due]
            for one in due:
                one.unwritten, one.written_at = 0, moment
        for one, count in taken:
            try:
                with transaction.atomic():
                    write_tally(one.first, count)
            except IntegrityError:
                log.exception("%d repeats of %s were refused by the database", count, one.first.pk)
            except (DatabaseError, OSError) as error:  # away, or full: they wait
                connection.close()
                with self._lock:
                    one.unwritten += count
                log.error("repeats of denials cannot be written now (%s); they are counted on", error)


#: This process's.
repeats = Repeats()
