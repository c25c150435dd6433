"""The runtime of one process: what it holds, and who holds which run.

`start` on the event loop that does the work; `stop` ends it. Must not know how a run is carried on (`advance`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.runtime import lease
from agents.runtime.group_commit import SavedText, writer
from agents.runtime.hub import OpenMessage, hub
from agents.runtime.journal import RunJournal
from agents.runtime.metrics import RUNS_IN_FLIGHT
from core.db import in_db
from core.stop import StopSignal
from core.tracing import Span
from jobs.bells import ring
from jobs.registry import JobKind, register_kind

log = logging.getLogger(__name__)

RUN_KIND = "run"
#: Ended runs that somebody had spoken to too late; the work is registered by the services.
LEFT_OVER_KIND = "left_over"
SAVE_SECONDS = 0.5
TICK_SECONDS = 1.0


@dataclass(slots=True)
class LiveRun:
    """A run that this process carries on."""

    stop: StopSignal
    journal: RunJournal
    task: asyncio.Task[None]
    spoken_to: bool = False
    """Somebody may have said something to it that its journal does not hold yet."""
    span: Span | None = None
    """What whoever watches from outside is told of it."""


class Host:
    """Everything that the runtime keeps in memory. One per process."""

    def __init__(self) -> None:
        self.live: dict[str, LiveRun] = {}
        self.keeper = lease.LeaseKeeper()
        self._unsaved: dict[str, tuple[RunJournal, OpenMessage]] = {}
        self._cancelled_early: set[str] = set()
        self._spoken_to_early: set[str] = set()
        self.on_held: Callable[[str], None] | None = None
        """Told of every run that this process begins to carry on."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def at_work(self) -> bool:
        return self._loop is not None

    def start(self) -> None:
        """On the event loop, once per process."""
        self._loop = asyncio.get_running_loop()
        self._ticker = asyncio.create_task(self._tick(), name="runtime-tick")

    async def stop(self) -> None:
        """After the jobs were drained: the last text goes to disk, threads end."""
        if self._ticker is not None:
            self._ticker.cancel()
        self.save_texts()
        await asyncio.wrap_future(writer.flush())
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(self.keeper.close)
        self._loop = self._ticker = None

    # --- Runs ----------------------------------------------------------------------------------------------------------

    def enter(self, run: str, live: LiveRun, *, epoch: int) -> None:
        loop = asyncio.get_running_loop()
        self.live[run] = live
        RUNS_IN_FLIGHT.set(len(self.live))
        if run in self._cancelled_early:
            self._cancelled_early.discard(run)
            live.stop.request("cancelled")

        if run in self._spoken_to_early:
            self._spoken_to_early.discard(run)
            live.spoken_to = True

        def on_loop(what: Callable[[str], None]) -> None:
            try:
                loop.call_soon_threadsafe(what, run)
            except RuntimeError:
                pass

        self.keeper.tick()
        held = lease.Held(
            epoch, lambda: on_loop(self._lose), lambda: on_loop(self._cancel), lambda: on_loop(self.hear_spoken)
        )
        self.keeper.hold(run, held)
        if self.on_held is not None:
            self.on_held(run)

    def leave(self, run: str) -> None:
        self.keeper.drop(run)
        self.live.pop(run, None)
        RUNS_IN_FLIGHT.set(len(self.live))
        self._cancelled_early.discard(run)
        self._spoken_to_early.discard(run)
        hub.release(run)

    def emit(self, journal: RunJournal, message: str, part: str, text: str) -> None:
        """A piece of live text: to the watchers now, to the disk soon."""
        channel = hub.channels.get(journal.run)
        opened = channel.emit(message, part, text) if channel is not None else None
        if opened is not None and message not in self._unsaved:
            self._unsaved[message] = (journal, opened)

    def save_texts(self) -> None:
        """Hand all text that is not saved yet to the writer, in one go."""
        if not self._unsaved:
            return
        unsaved, self._unsaved = self._unsaved, {}
        pieces: list[SavedText] = []
        for journal, message in unsaved.values():
            pieces.extend(journal.save_text(message))
        if pieces and not writer.waiting_for_storage:
            writer.save_texts(pieces)

    def _lose(self, run: str) -> None:
        live = self.live.get(run)
        if live is not None and not live.journal.lost:
            log.warning("run %s: the lease is lost; its work here stops", run)
            live.journal.lost = True
            live.task.cancel()

    def _cancel(self, run: str) -> None:
        if not self.hear_cancel(run):
            ring(RUN_KIND, run)

    def hear_cancel(self, run: str) -> bool:
        """On the loop. Whether the run is at work here; if it is just being taken up, it is stopped as soon as it is."""
        live = self.live.get(run)
        if live is not None:
            live.stop.request("cancelled")
            return True
        if len(self._cancelled_early) > 10_000:
            self._cancelled_early.clear()
        self._cancelled_early.add(run)
        return False

    def hear_spoken(self, run: str) -> None:
        """On the loop: somebody said something to this run."""
        live = self.live.get(run)
        if live is not None:
            live.spoken_to = True
            return
        if len(self._spoken_to_early) > 10_000:
            self._spoken_to_early.clear()
        self._spoken_to_early.add(run)

    def cancel_from_anywhere(self, run: str) -> None:
        self._from_anywhere(self._cancel, run)

    def speak_from_anywhere(self, run: str) -> None:
        self._from_anywhere(self.hear_spoken, run)

    def _from_anywhere(self, what: Callable[[str], None], run: str) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(what, run)
        except RuntimeError:
            pass

    async def _tick(self) -> None:
        since = 0.0
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self.save_texts()
            since += SAVE_SECONDS
            if since >= TICK_SECONDS:
                since = 0.0
                self.keeper.tick()


host = Host()


def register_jobs() -> None:
    """Make runs known as a kind of background work; when the app starts."""
    from agents.runtime.advance import carry_on

    async def due(limit: int) -> Sequence[str]:
        return await in_db(lease.due_runs, limit)

    register_kind(JobKind(name=RUN_KIND, run=carry_on, due=due))
