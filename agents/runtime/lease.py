"""Who carries a run on: a lease on its row, taken by compare-and-set, renewed by a thread of its own.

Must not know what a run does. Times are the database server's (on SQLite this machine's); a lease that ends further
ahead than a lease is long counts as expired (the clock was moved back).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from agents.models import Decision, Interjection, Run
from agents.runtime.moments import server_now
from core.clock import now
from core.ids import new_id
from core.prepared import Prepared

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
HEARTBEAT_SECONDS = 2.5
STUCK_LOOP_SECONDS = 30.0
_AT_ONCE = 500

#: Names this process as a holder; new with every start.
HOLDER = new_id("wrk")


def claimable() -> QuerySet[Run]:
    """Runs that somebody should carry on now, oldest first.

    A conversation runs one run at a time, in order; one that was cancelled in the queue need not wait to end. A run that
    waits is one of them once nothing that it asked is open any more.
    """
    free = Q(lease_until=None) | Q(lease_until__lt=server_now()) | Q(lease_until__gt=server_now(LEASE * 1.5))
    earlier = Run.objects.filter(conversation=OuterRef("conversation"), id__lt=OuterRef("id"), status__in=Run.OPEN)
    turn = Q(cancel_requested_at__isnull=False) | ~Exists(earlier)
    asked = Decision.objects.filter(run=OuterRef("pk"), status=Decision.Status.OPEN)
    awake = Q(status__in=(Run.Status.QUEUED, Run.Status.RUNNING)) | Q(
        Q(cancel_requested_at__isnull=False) | ~Exists(asked), status=Run.Status.WAITING
    )
    return Run.objects.filter(free, turn, awake).order_by("id")


def due_runs(limit: int) -> list[str]:
    return list(claimable().values_list("pk", flat=True)[:limit])


# The same condition as `claimable`, by hand: putting the query together took longer than running it, for every run.
_CLAIM = """
UPDATE {run} SET lease_epoch = lease_epoch + 1, lease_until = {end}, lease_holder = %(holder)s
WHERE id = {free} AND (status IN ('queued', 'running') OR (status = 'waiting' AND (
    cancel_requested_at IS NOT NULL OR NOT EXISTS (
      SELECT 1 FROM {decision} asked WHERE asked.run_id = {run}.id AND asked.status = 'open'))))
  AND (lease_until IS NULL OR lease_until < {now} OR lease_until > {far})
  AND (cancel_requested_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM {run} earlier WHERE earlier.conversation_id = {run}.conversation_id
      AND earlier.id < {run}.id AND earlier.status IN ('queued', 'running', 'waiting')))
"""


_SERVER_TIMES = {
    # A row that a paused process has locked is not waited for: its lock would stop this process as well.
    "free": "(SELECT id FROM agents_run WHERE id = %(run)s FOR UPDATE SKIP LOCKED)",
    "now": "CLOCK_TIMESTAMP()",
    "end": f"CLOCK_TIMESTAMP() + INTERVAL '{LEASE.total_seconds()} seconds'",
    "far": f"CLOCK_TIMESTAMP() + INTERVAL '{LEASE.total_seconds() * 1.5} seconds'",
}
_OUR_TIMES = {"free": "%(run)s", "now": "%(now)s", "end": "%(end)s", "far": "%(far)s"}


def claim_run(run: str) -> bool:
    """Take the lease on a run; False when it is not to be had (ended, held, not its turn)."""
    quote = connection.ops.quote_name
    values: dict[str, str | None] = {"run": run, "holder": HOLDER}
    times = _SERVER_TIMES
    if connection.vendor == "sqlite":
        moment, adapt, times = now(), connection.ops.adapt_datetimefield_value, _OUR_TIMES
        values |= {"now": adapt(moment), "end": adapt(moment + LEASE), "far": adapt(moment + LEASE * 1.5)}
    statement = _CLAIM.format(run=quote(Run._meta.db_table), decision=quote(Decision._meta.db_table), **times)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount) == 1


def release_run(run: str, epoch: int) -> None:
    """Give a lease back before its end, so that the next holder need not wait for it."""
    Run.objects.filter(pk=run, lease_epoch=epoch, status__in=Run.OPEN).update(lease_until=None, lease_holder="")


def void_leases(holder: str | None = None) -> int:
    """What this process's predecessor held is free; without its name all is (whoever asks is alone on this database).
    Returns how many runs were held."""
    held = Run.objects.filter(status__in=Run.OPEN).exclude(lease_until=None)
    if holder is not None:
        held = held.filter(lease_holder=holder)
    return held.update(lease_until=None, lease_holder="", lease_epoch=F("lease_epoch") + 1)


def next_in_conversation(run: str) -> str | None:
    """The run whose turn it is once `run` has ended."""
    found = _NEXT.row(run=run)
    return None if found is None else str(found[0])


_NEXT = Prepared(
    lambda value: (
        Run.objects.filter(conversation__runs__id=value("run"), id__gt=value("run"), status=Run.Status.QUEUED)
        .order_by("id")
        .values_list("pk")[:1]
    )
)


@dataclass(frozen=True, slots=True)
class Held:
    epoch: int
    on_lost: Callable[[], None]
    on_cancel: Callable[[], None]
    on_spoken_to: Callable[[], None] = lambda: None


class LeaseKeeper:
    """Renews the leases of this process, on its own thread and connection; tells their holders when one is lost.

    Callbacks come on the keeper's thread. When the event loop has not ticked for 30 s nothing is renewed: a process that
    does not get on must not keep others from doing so.
    """

    def __init__(self, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._heartbeat = heartbeat
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._ticked = time.monotonic()
        self._renewed = time.monotonic()

    def hold(self, run: str, held: Held) -> None:
        with self._lock:
            self._held[run] = held
            if self._thread is None or not self._thread.is_alive():
                self._closing = False
                self._renewed = time.monotonic()
                self._thread = threading.Thread(target=self._work, name="leases", daemon=True)
                self._thread.start()

    def drop(self, run: str) -> None:
        with self._lock:
            self._held.pop(run, None)

    def tick(self) -> None:
        """The event loop says that it is alive."""
        self._ticked = time.monotonic()

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=5)
        self._wake.clear()

    def _work(self) -> None:
        try:
            while not self._wake.wait(self._heartbeat) and not self._closing:
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        with self._lock:
            held = dict(self._held)
        moment = time.monotonic()
        if not held:
            self._renewed = moment
            return
        if moment - self._ticked > STUCK_LOOP_SECONDS:
            log.error("the event loop has not ticked for %.0f s: leases are not renewed", moment - self._ticked)
            return
        try:
            still = self._renew(list(held))
        except Exception:
            connection.close()
            log.exception("leases could not be renewed")
            if moment - self._renewed > LEASE.total_seconds():
                for one in held.values():
                    one.on_lost()
            return
        self._renewed = moment
        for run, one in held.items():
            epoch, cancelled, spoken_to = still.get(run, (None, False, False))
            if epoch != one.epoch:
                with self._lock:
                    ended = self._held.get(run) is not one  # it ended while we looked
                if not ended:
                    one.on_lost()
            elif cancelled:
                one.on_cancel()
            elif spoken_to:
                one.on_spoken_to()

    def _renew(self, runs: Sequence[str]) -> dict[str, tuple[int, bool, bool]]:
        """{run: (epoch, cancel requested, spoken to)} of those that are still ours. One UPDATE for some hundred runs."""
        still: dict[str, tuple[int, bool, bool]] = {}
        said = Exists(Interjection.objects.filter(run=OuterRef("pk"), taken=False))
        for start in range(0, len(runs), _AT_ONCE):
            ours = Run.objects.filter(pk__in=runs[start : start + _AT_ONCE], lease_holder=HOLDER, status__in=Run.OPEN)
            with transaction.atomic():
                # A row that is being written just now is left for the next beat: to wait for it while holding others
                # is a deadlock with the journal's writer, which ended the renewal of all.
                free = list(ours.select_for_update(skip_locked=True).values_list("pk", flat=True))
                Run.objects.filter(pk__in=free).update(lease_until=server_now(LEASE))
            rows = ours.annotate(said=said).values_list("pk", "lease_epoch", "cancel_requested_at", "said")
            for run, epoch, cancelled, spoken_to in rows:
                still[run] = (epoch, cancelled is not None, spoken_to)
        return still
