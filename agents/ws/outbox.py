"""What one socket still has to send, and the one task that sends it.

Frames are pulled from the hub when the socket can take them; a slow one thereby gets merged text and nothing queues up.
Must not know: permissions, what clients ask for.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from agents.runtime.hub import Watch, hub
from agents.runtime.reading import read_events
from core.db import in_db

log = logging.getLogger(__name__)

MAX_CONTROL_FRAMES = 2000
GAP_WAIT_SECONDS = 0.2


class Flow(Protocol):
    """The server's word on whether the viewer keeps up (scope["extensions"]["aap.flow"])."""

    paused: bool

    async def wait_writable(self) -> None: ...


class Overfull(Exception):
    """The viewer takes nothing and asks for ever more: close 1013."""


class Outbox:
    """`send` takes the text of one frame. `wake` may be called by the hub at any time, on the loop."""

    def __init__(self, send: Callable[[str], Awaitable[Any]], flow: Flow | None) -> None:
        self._send, self._flow = send, flow
        self._control: deque[str] = deque()
        self._ready: deque[Watch] = deque()
        self._wakeup: asyncio.Future[None] | None = None
        self._closed = False

    def wake(self, watch: Watch) -> None:
        self._ready.append(watch)
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    def put(self, frame: str) -> None:
        """A frame of its own (ready, pong, error, notice). Raises Overfull."""
        if len(self._control) >= MAX_CONTROL_FRAMES:
            raise Overfull
        self._control.append(frame)
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)

    async def run(self, on_ended: Callable[[Watch], None]) -> None:
        """Send until cancelled. `on_ended` is called when a run's last frame was sent."""
        loop = asyncio.get_running_loop()
        flow, control, ready = self._flow, self._control, self._ready
        while True:
            if not control and not ready:
                self._wakeup = loop.create_future()
                await self._wakeup
                self._wakeup = None
            while control:
                await self._send(control.popleft())
                if flow is not None and flow.paused:
                    await flow.wait_writable()
            if ready:
                await self._serve(ready.popleft(), on_ended)

    async def _serve(self, watch: Watch, on_ended: Callable[[Watch], None]) -> None:
        watch.dirty = False
        if watch not in watch.channel.watches:
            return  # unsubscribed meanwhile
        if watch.behind_ring:
            owed = watch.replay(await in_db(read_events, watch.channel.run, after=watch.cursor))
            again = True
            if not owed and watch.behind_ring:
                asyncio.get_running_loop().call_later(GAP_WAIT_SECONDS, self._again, watch)
                again = False
        else:
            owed = watch.take()
            again = watch.cursor < watch.channel.last_seq
        flow, send = self._flow, self._send
        for frame in owed:
            await send(frame)
            if flow is not None and flow.paused:
                await flow.wait_writable()
                if watch not in watch.channel.watches:
                    return
        if watch.ended and watch.live:
            hub.leave(watch)
            on_ended(watch)
        elif again or (watch.ended and watch.channel.known):
            self._again(watch)

    def _again(self, watch: Watch) -> None:
        if not watch.dirty:
            watch.dirty = True
            self.wake(watch)
