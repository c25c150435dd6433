"""Carries live frames from the process that holds a run to those where somebody watches it.

The holder's side is one more watcher in its hub: it takes what it is owed, merged, every 20 ms, and only for runs that
somebody elsewhere asked for. The watchers' side feeds a channel of its own hub. A gap asks anew; what the bus loses, the
look-out reads from the database.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import orjson

from agents.engine.events import TERMINAL_TYPES
from agents.runtime.bus import bus
from agents.runtime.host import host
from agents.runtime.hub import Channel, Published, Watch, hub
from agents.runtime.lookout import lookout
from agents.runtime.notices import Notice, notices

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.02
#: How often a process says that it still watches, and after how long without that nothing is sent any more.
ASK_SECONDS, FORGET_SECONDS = 5.0, 15.0
GAP_SECONDS = 0.2
LOOK_SECONDS_WITH_BUS = 1.0


@dataclass(slots=True)
class _Sent:
    """A run held here that is watched elsewhere."""

    watch: Watch
    asked_at: float


@dataclass(slots=True)
class _Heard:
    """A run watched here and held elsewhere."""

    asked_at: float = 0.0
    joined: bool = False


class Relay:
    """One per process; all of it on the event loop."""

    def __init__(self) -> None:
        self._sent: dict[str, _Sent] = {}
        self._heard: dict[str, _Heard] = {}
        self._dirty: dict[str, Watch] = {}
        self._flushing: asyncio.TimerHandle | None = None
        self._tending: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def start(self, url: str, installation: str) -> None:
        self._news = asyncio.Event()
        bus.start(url, installation, hear=self._hear, on_connected=self._ask_all, on_joined=self._joined)
        notices.relay = self._tell
        host.on_held = lambda run: bus.tell("held", run)
        hub.on_unheld = self._wanted
        self._tending = asyncio.get_running_loop().create_task(self._tend(), name="relay")

    async def stop(self) -> None:
        """The last frames of what was held here go out first."""
        self._flush()
        await asyncio.sleep(FLUSH_SECONDS)
        if self._tending is not None:
            self._tending.cancel()
        notices.relay, host.on_held, hub.on_unheld = None, None, lookout.needed
        await bus.stop()

    # --- The holder's side ---------------------------------------------------------------------------------------------

    def wake_now(self, watch: Watch) -> None:
        self.wake(watch)

    def wake(self, watch: Watch) -> None:
        """The hub has news of a run that is watched elsewhere."""
        self._dirty[watch.channel.run] = watch
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        dirty, self._dirty = self._dirty, {}
        for run, watch in dirty.items():
            watch.dirty = False
            if watch.behind_ring:  # those who watch read the journal
                watch.cursor = watch.channel.base
            frames = watch.take(limit=10_000)
            if frames:
                bus.send(f"run:{run}", "\n".join(frames).encode())
            if watch.ended:
                self._forget(run)

    def _serve(self, run: str, fresh: bool) -> None:
        channel = hub.channels.get(run)
        if channel is None or not channel.held:
            return
        sent = self._sent.get(run)
        moment = asyncio.get_running_loop().time()
        if sent is not None and not fresh and sent.watch.channel is channel:
            sent.asked_at = moment
            return
        if sent is not None:
            self._forget(run)
        watch = hub.watch(run, self, after_seq=channel.last_seq)
        self._sent[run] = _Sent(watch, moment)
        watch.dirty = True
        self.wake(watch)

    def _forget(self, run: str) -> None:
        sent = self._sent.pop(run, None)
        self._dirty.pop(run, None)
        if sent is not None:
            hub.leave(sent.watch)

    # --- The watchers' side --------------------------------------------------------------------------------------------

    def _wanted(self) -> None:
        lookout.needed()
        self._news.set()

    def _ask_all(self) -> None:
        for heard in self._heard.values():
            heard.joined = False
            heard.asked_at = 0.0
        self._news.set()

    def _joined(self, topic: str) -> None:
        heard = self._heard.get(topic.removeprefix("run:"))
        if heard is not None:
            heard.joined = True
            self._ask(topic.removeprefix("run:"), heard, fresh=True)

    def _ask(self, run: str, heard: _Heard, *, fresh: bool) -> None:
        heard.asked_at = asyncio.get_running_loop().time()
        bus.tell("watched", run, fresh=fresh)

    async def _tend(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(1):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            lookout.seconds = LOOK_SECONDS_WITH_BUS if bus.connected else None
            wanted = {channel.run for channel in hub.unheld()} - set(self._sent)
            for run in wanted - set(self._heard):
                self._heard[run] = _Heard()
                bus.join(f"run:{run}")
            for run in set(self._heard) - wanted:
                del self._heard[run]
                bus.leave(f"run:{run}")
            moment = loop.time()
            for run, heard in self._heard.items():
                if heard.joined and moment - heard.asked_at > ASK_SECONDS:
                    self._ask(run, heard, fresh=False)
            done = [
                run
                for run, sent in self._sent.items()
                if moment - sent.asked_at > FORGET_SECONDS or not sent.watch.channel.held
            ]
            for run in done:
                self._forget(run)

    # --- What comes in -------------------------------------------------------------------------------------------------

    def _tell(self, notice: Notice) -> None:
        bus.tell(
            "notice",
            notice.run,
            conversation=notice.conversation,
            workspace=notice.workspace,
            starter=notice.starter,
            of=notice.what,
        )

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic != "bells":
            self._take_frames(topic.removeprefix("run:"), payload)
            return
        bell: dict[str, Any] = orjson.loads(payload)
        run = str(bell["run"])
        match bell["what"]:
            case "cancel":
                host.hear_cancel(run)
            case "spoken":
                host.hear_spoken(run)
            case "watched":
                self._serve(run, bool(bell["fresh"]))
            case "held":
                heard = self._heard.get(run)
                if heard is not None and heard.joined:
                    self._ask(run, heard, fresh=True)
            case "notice":
                notices.deliver(Notice(run, bell["conversation"], bell["workspace"], bell["starter"], bell["of"]))

    def _take_frames(self, run: str, payload: bytes) -> None:
        channel = hub.channels.get(run)
        if channel is None or channel.held or not channel.known:
            return
        for raw in payload.split(b"\n"):
            frame = orjson.loads(raw)
            if frame["type"] == "event":
                self._take_event(channel, frame, raw.decode())
            elif frame["type"] == "delta" and not take_text(channel, frame):
                heard = self._heard.get(run)
                if heard is not None and asyncio.get_running_loop().time() - heard.asked_at > GAP_SECONDS:
                    self._ask(run, heard, fresh=True)

    def _take_event(self, channel: Channel, frame: dict[str, Any], raw: str) -> None:
        seq, event = int(frame["seq"]), frame["event"]
        if seq <= channel.last_seq:
            return
        kind = str(event["type"])
        message = str(event["message"]) if kind in ("message.started", "message.completed") else None
        dropped = tuple(event["dropped"]) if kind == "step.restarted" else ()
        if seq > channel.last_seq + 1:  # those who watch read what is missing from the journal
            channel.adopt(seq, held=False)
            channel.ended = channel.ended or kind in TERMINAL_TYPES
            channel.open.clear()
            lookout.needed()
            return
        channel.publish([Published(seq, kind, raw, message, dropped)])


def take_text(channel: Channel, frame: dict[str, Any]) -> bool:
    """Add a piece of live text; False when text before it is missing."""
    opened = channel.open.get(frame["message"])
    if opened is None:
        return True  # dropped, ended or not known yet: whoever watches gets it otherwise
    part = opened.part(frame.get("part", "text"))
    offset, text = int(frame["offset"]), str(frame["text"])
    if offset > part.length:
        return False
    if offset + len(text) > part.length:
        part.append(text[part.length - offset :])
        channel.wake_all()
    return True


relay = Relay()
