"""What one socket still has to send, and when it does.

Frames are pulled from the hub when the socket can take them; a slow one thereby gets merged text and nothing queues up.
No task of its own: a wake-up is one callback on the loop, which sends all there is. Must not know: permissions, what
clients ask for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from agents.runtime.hub import Watch, hub
from agents.runtime.reading import read_pages
from core.together import Together

log = logging.getLogger(__name__)

MAX_CONTROL_FRAMES = 2000
GAP_WAIT_SECONDS = 0.2
FRAMES_AT_ONCE = 50

_pages = Together(read_pages)


class Line(Protocol):
    """The server's side of a socket (scope["extensions"]["aap.line"])."""

    paused: bool
    """The viewer does not keep up: what is sent now waits in this process's memory."""

    def send_texts(self, texts: Sequence[str]) -> None:
        """One frame each, all in one write, at once."""
        ...

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call once when the viewer takes more again, or is gone."""
        ...


class Overfull(Exception):
    """The viewer takes nothing and asks for ever more: close 1013."""


class Outbox:
    """`wake` may be called by the hub at any time, on the loop.

    `on_ended` is called when a run's last frame was sent, `on_failed` when sending or reading failed; nothing is sent
    after `close`.
    """

    def __init__(
        self, line: Line, *, on_ended: Callable[[Watch], None], on_failed: Callable[[Exception], None]
    ) -> None:
        self._line, self._on_ended, self._on_failed = line, on_ended, on_failed
        self._loop = asyncio.get_running_loop()
        self._control: deque[str] = deque()
        # Watches with news, in turn, and the page of the journal that was read for one that is far behind.
        self._ready: deque[tuple[Watch, list[str] | None]] = deque()
        self._readers: set[asyncio.Task[None]] = set()
        self._scheduled = self._closed = False

    def wake(self, watch: Watch) -> None:
        self._ready.append((watch, None))
        self._schedule()

    def wake_now(self, watch: Watch) -> None:
        self._ready.append((watch, None))
        if not self._scheduled:
            self._scheduled = True
            self._drain()

    def put(self, frame: str) -> None:
        """A frame of its own (ready, pong, error, notice). Raises Overfull."""
        if len(self._control) >= MAX_CONTROL_FRAMES:
            raise Overfull
        self._control.append(frame)
        self._schedule()

    def close(self) -> None:
        self._closed = True
        for reader in self._readers:
            reader.cancel()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        """Send until there is nothing left or the viewer does not keep up."""
        line, control, ready = self._line, self._control, self._ready
        frames: list[str] = []
        try:
            while (control or ready) and not self._closed:
                if line.paused and not frames:
                    line.when_writable(self._drain)  # scheduled until then
                    return
                if control:
                    frames.extend(control)
                    control.clear()
                else:
                    self._take(*ready.popleft(), frames)
                if frames and (len(frames) >= FRAMES_AT_ONCE or not (control or ready)):
                    line.send_texts(frames)
                    frames.clear()
        except Exception as error:
            self._closed = True
            self._on_failed(error)
        self._scheduled = False

    def _take(self, watch: Watch, page: list[str] | None, frames: list[str]) -> None:
        """Add what this watch is owed to `frames`."""
        watch.dirty = False
        if watch not in watch.channel.watches:
            return  # unsubscribed meanwhile
        if page is None and watch.behind_ring:
            watch.dirty = True  # until its page is there
            reader = self._loop.create_task(self._read(watch))
            self._readers.add(reader)
            reader.add_done_callback(self._readers.discard)
            return
        frames.extend(watch.take() if page is None else page)
        if watch.ended and watch.live:
            hub.leave(watch)
            self._on_ended(watch)
        elif (
            page is not None  # what came while it was read woke nobody
            or watch.cursor < watch.channel.last_seq
            or (watch.channel.known and (watch.ended or not watch.live))
        ):
            self._again(watch)  # also to say that this was all: a run that waits brings nothing more by itself

    async def _read(self, watch: Watch) -> None:
        """Fetch a page of the journal for a watch that is behind what the hub keeps."""
        try:
            page = watch.replay(await _pages.ask((watch.channel.run, watch.cursor)))
        except Exception as error:
            self._on_failed(error)
            return
        if page or not watch.behind_ring:
            self._ready.append((watch, page))
            self._schedule()
        else:
            watch.dirty = False
            self._loop.call_later(GAP_WAIT_SECONDS, self._again, watch)

    def _again(self, watch: Watch) -> None:
        if not watch.dirty:
            watch.dirty = True
            self.wake(watch)
