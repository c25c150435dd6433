"""The journal of one run in the hands of its holder: numbers events, hands them to the group commit, then publishes.

Must not know: the engine's loop, sockets. Lives on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import orjson

from agents.engine.events import PRIVATE_FIELDS, Event, public_json
from agents.runtime import frames
from agents.runtime.group_commit import Append, GroupWriter, SavedText, StaleLease
from agents.runtime.hub import Channel, OpenMessage, Published
from agents.runtime.projection import Projector
from core.clock import now

#: Events that must be on the disk, not only in its cache, before the run goes on.
DURABLE = frozenset({"run.queued", "tool.started", "decision.requested", "decision.resolved"})


class RunJournal:
    """Appends for one held run. `purge_first`: a predecessor may have left saved text behind."""

    def __init__(
        self,
        *,
        run: str,
        conversation: str,
        epoch: int,
        last_seq: int,
        projector: Projector,
        channel: Channel,
        writer: GroupWriter,
        purge_first: bool = False,
    ) -> None:
        self.run, self.conversation, self.epoch, self.last_seq = run, conversation, epoch, last_seq
        self._projector, self._channel, self._writer = projector, channel, writer
        self._text_saved = purge_first
        self._loop = asyncio.get_running_loop()
        self.lost = False
        self.following: str | None = None
        """Once the run has ended: the next one in its conversation."""

    async def append(self, events: Sequence[Event]) -> None:
        """Store these events atomically and publish them. Raises StaleLease when somebody else has taken the run over."""
        if self.lost:
            raise StaleLease(self.run)
        at = now()
        rows, published = self._encode(events, at)
        changes = self._projector.take_changes()
        for event in published:
            if event.type == "message.completed" and (opened := self._channel.open.get(event.message or "")):
                opened.closing = True
        committed: asyncio.Future[None] = self._loop.create_future()

        def done(error: Exception | None, following: str | None) -> None:  # on the writer's thread
            self.following = following
            try:
                self._loop.call_soon_threadsafe(self._committed, committed, published, error)
            except RuntimeError:
                pass  # the loop is gone: this process ends

        purge = self._text_saved and changes.closes_text
        if purge:
            self._text_saved = False
        self._writer.append(
            Append(
                run=self.run,
                conversation=self.conversation,
                epoch=self.epoch,
                expected_seq=rows[0][0] - 1,
                rows=rows,
                changes=changes,
                durable=any(event.type in DURABLE for event in events),
                purge_text=purge,
                done=done,
            )
        )
        await committed

    def save_text(self, message: OpenMessage) -> list[SavedText]:
        """What of this message is not yet saved, as pieces to be saved."""
        if message.closing or self.lost:
            return []
        pieces = []
        for name, part in (("text", message.text), ("reasoning", message.reasoning)):
            if part.saved < part.length:
                text = part.text_from(part.saved)
                pieces.append(SavedText(self.run, self.epoch, message.id, name, part.saved, text))
                part.saved = part.length
                self._text_saved = True
        return pieces

    def _encode(
        self, events: Sequence[Event], at: datetime
    ) -> tuple[list[tuple[int, str, datetime, str]], list[Published]]:
        rows, published = [], []
        for event in events:
            self.last_seq += 1
            self._projector.apply(self.last_seq, at, event)
            document = event.to_json()
            stored = orjson.dumps(document).decode()
            shown = orjson.dumps(public_json(document)).decode() if event.type in PRIVATE_FIELDS else stored
            rows.append((self.last_seq, event.type, at, stored))
            published.append(published_event(self.run, self.last_seq, at, event.type, shown, document))
        return rows, published

    def _committed(self, future: asyncio.Future[None], published: list[Published], error: Exception | None) -> None:
        try:
            if error is None:
                self._channel.publish(published)  # even if whoever waited is gone: it is on disk
            else:
                self.lost = True
        finally:  # a watcher's fault must not hold up the run
            if not future.done():
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)


def published_event(
    run: str, seq: int, at: datetime, kind: str, public: str, document: dict[str, object] | None
) -> Published:
    """An event as watchers need it; `document` is looked at only for the kinds that open, close or drop messages."""
    message, dropped = None, ()
    if document is not None:
        if kind in ("message.started", "message.completed"):
            message = str(document["message"])
        elif kind == "step.restarted":
            dropped = tuple(document["dropped"])  # type: ignore[arg-type,assignment]
    return Published(seq, kind, frames.event_frame(run, seq, at, public), message, dropped)
