"""The process's switchboard between runs and their watchers: pull with a wake-up, no queue per watcher.

A run's channel holds its latest event frames and the text of its open messages. A watcher holds a place (sequence number,
text offsets) and takes what it is owed when it can send; so one that is slow gets merged text, and memory stays bounded
by the run, not by the watchers. All on the event loop's thread. Must not know: sockets, the database, the engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.runtime import frames

RING_FRAMES = 500
RING_CHARACTERS = 1_000_000


class OpenText:
    """One part (text or reasoning) of a message that is being written. Offsets are code points."""

    __slots__ = ("_cache", "_head", "_pieces", "_starts", "length", "saved")

    def __init__(self, head: str) -> None:
        self._head = head
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._cache: dict[int, str] = {}
        self.length = 0
        self.saved = 0
        """Up to here it is in the database, or on its way there."""

    def append(self, text: str) -> None:
        self._starts.append(self.length)
        self._pieces.append(text)
        self.length += len(text)
        self._cache.clear()

    def text_from(self, offset: int) -> str:
        if offset >= self.length:
            return ""
        index = bisect_right(self._starts, offset) - 1
        return "".join([self._pieces[index][offset - self._starts[index] :], *self._pieces[index + 1 :]])

    def frame_from(self, offset: int) -> str:
        """The delta frame that brings a watcher from `offset` to the end; watchers in step share one string."""
        frame = self._cache.get(offset)
        if frame is None:
            frame = self._cache[offset] = frames.delta_frame(self._head, offset, self.text_from(offset))
        return frame


class OpenMessage:
    __slots__ = ("closing", "id", "reasoning", "started_seq", "text")

    def __init__(self, run: str, message: str, started_seq: int) -> None:
        self.id = message
        self.started_seq = started_seq
        self.text = OpenText(frames.delta_head(run, message, "text"))
        self.reasoning = OpenText(frames.delta_head(run, message, "reasoning"))
        self.closing = False
        """Its completion is being committed: nothing of it is saved separately any more."""

    def part(self, name: str) -> OpenText:
        return self.reasoning if name == "reasoning" else self.text


@dataclass(frozen=True, slots=True)
class Published:
    """One committed event as watchers need it. `message` is the one it starts or completes, if it does."""

    seq: int
    type: str
    frame: str
    message: str | None = None
    dropped: tuple[str, ...] = ()


@dataclass(slots=True)
class _Entry:
    event: Published
    closed: OpenMessage | None


class Watcher(Protocol):
    """Whoever is told that a channel has news. Must return at once."""

    def wake(self, watch: Watch) -> None: ...

    def wake_now(self, watch: Watch) -> None:
        """For live text, of which one piece comes at a time: there is nothing to gather, so send at once if possible."""
        self.wake(watch)


class Channel:
    """One run. `held`: this process carries the run on, so the channel sees everything first."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.held = False
        self.known = False
        """Whether `last_seq` is true (it is not before somebody asked the database or claimed the run)."""
        self.base = 0
        """Events up to this number are not kept here: read them from the journal."""
        self.last_seq = 0
        self.ended = False
        self.open: dict[str, OpenMessage] = {}
        self.watches: set[Watch] = set()
        self._entries: list[_Entry] = []
        self._characters = 0

    def adopt(self, last_seq: int, *, held: bool) -> None:
        """Start from the journal's present end; watchers behind it read the journal."""
        self.held = held
        self.known = True
        if last_seq != self.last_seq:
            self._entries.clear()
            self._characters = 0
            self.base = self.last_seq = last_seq
        self.wake_all()

    def publish(self, events: Sequence[Published]) -> None:
        """These were committed, in order, right after `last_seq`."""
        for event in events:
            if event.seq != self.last_seq + 1:  # cannot happen; the journal is the truth if it does
                self.adopt(event.seq, held=self.held)
                continue
            closed = None
            match event.type:
                case "message.started" if event.message is not None:
                    self.open[event.message] = OpenMessage(self.run, event.message, event.seq)
                case "message.completed" if event.message is not None:
                    closed = self.open.pop(event.message, None)
                case "step.restarted":
                    for message in event.dropped:
                        self.open.pop(message, None)
                case "run.succeeded" | "run.failed" | "run.cancelled":
                    self.ended = True
            self._entries.append(_Entry(event, closed))
            self._characters += len(event.frame)
            self.last_seq = event.seq
        self._trim()
        self.wake_all()

    def emit(self, message: str, part: str, text: str) -> OpenMessage | None:
        """A piece of live text. Returns the message it went to."""
        opened = self.open.get(message)
        if opened is not None:
            opened.part(part).append(text)
            for watch in tuple(self.watches):
                if not watch.dirty:
                    watch.dirty = True
                    watch.watcher.wake_now(watch)
        return opened

    def learn_text(self, message: str, started_seq: int, text: str, reasoning: str) -> None:
        """What the database holds of an open message of a run that somebody else carries on."""
        opened = self.open.get(message)
        news = opened is None
        if opened is None:
            opened = self.open[message] = OpenMessage(self.run, message, started_seq)
        for part, whole in ((opened.text, text), (opened.reasoning, reasoning)):
            if len(whole) > part.length:
                part.append(whole[part.length :])
                news = True
        if news:  # each watcher that comes makes us look: it must not wake all who are here
            self.wake_all()

    def wake_all(self) -> None:
        for watch in self.watches:
            if not watch.dirty:
                watch.dirty = True
                watch.watcher.wake(watch)

    def entries_after(self, seq: int) -> Iterable[_Entry]:
        """Precondition: `seq >= base`."""
        return self._entries[seq - self.base :]

    def _trim(self) -> None:
        if len(self._entries) <= RING_FRAMES and self._characters <= RING_CHARACTERS:
            return
        cut = 0
        while cut < len(self._entries) - 1 and (
            len(self._entries) - cut > RING_FRAMES // 2 or self._characters > RING_CHARACTERS // 2
        ):
            self._characters -= len(self._entries[cut].event.frame)
            cut += 1
        self.base = self._entries[cut - 1].event.seq if cut else self.base
        del self._entries[:cut]


@dataclass(slots=True, eq=False)
class Watch:
    """One watcher's place in one run. `live` once `caught_up` was sent; `ended` once the terminal event was."""

    channel: Channel
    watcher: Watcher
    cursor: int
    resume: tuple[str, int] | None = None
    live: bool = False
    ended: bool = False
    dirty: bool = False
    _offsets: dict[str, list[int]] = field(default_factory=dict)

    @property
    def behind_ring(self) -> bool:
        """What it is owed next is in the journal only."""
        return self.cursor < self.channel.base

    def take(self, limit: int = 200) -> list[str]:
        """The frames owed now, in order, at most some `limit`; empty when there is nothing or the journal is needed."""
        channel = self.channel
        owed: list[str] = []
        if self.cursor < channel.last_seq:
            if self.cursor < channel.base:
                return owed
            for entry in channel.entries_after(self.cursor):
                self._take_event(entry, owed)
                if len(owed) >= limit:
                    return owed
        for message in channel.open.values():
            if message.started_seq <= self.cursor:
                self._take_text(message, owed)
        if not self.live and channel.known:
            self.live = True
            owed.append(frames.caught_up_frame(channel.run, self.cursor))
        if channel.ended and self.cursor >= channel.last_seq:
            self.ended = True  # also for a watcher that came when all was over
        return owed

    def replay(self, events: Sequence[Published]) -> list[str]:
        """Events read from the journal: the frames of those that follow the cursor without a gap."""
        owed = []
        for event in events:
            if event.seq == self.cursor + 1:
                if event.type == "message.completed" and event.message is not None:
                    self._offsets.pop(event.message, None)
                self._pass(event)
                owed.append(event.frame)
        return owed

    def _take_event(self, entry: _Entry, owed: list[str]) -> None:
        event = entry.event
        if entry.closed is not None:
            offsets = self._offsets.get(entry.closed.id)
            resumed = self.resume is not None and self.resume[0] == entry.closed.id
            if offsets is not None or resumed:
                self._take_text(entry.closed, owed)  # whoever follows gets the rest as frames before the end
            self._offsets.pop(entry.closed.id, None)
        owed.append(event.frame)
        if event.type == "message.started" and self.live and event.message is not None:
            self._offsets[event.message] = [0, 0]
        self._pass(event)

    def _pass(self, event: Published) -> None:
        self.cursor = event.seq
        for message in event.dropped:
            self._offsets.pop(message, None)
        if event.type in ("run.succeeded", "run.failed", "run.cancelled"):
            self.ended = True

    def _take_text(self, message: OpenMessage, owed: list[str]) -> None:
        offsets = self._offsets.get(message.id)
        if offsets is None:
            offsets = self._offsets[message.id] = [0, 0]
            if self.resume is not None and self.resume[0] == message.id:
                offsets[0] = self.resume[1] if self.resume[1] <= message.text.length else 0
            self.resume = None
        if offsets[1] < message.reasoning.length:
            owed.append(message.reasoning.frame_from(offsets[1]))
            offsets[1] = message.reasoning.length
        if offsets[0] < message.text.length:
            owed.append(message.text.frame_from(offsets[0]))
            offsets[0] = message.text.length


class Hub:
    """All channels of this process."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.on_unheld: Callable[[], None] = lambda: None
        """Called when somebody watches a run that this process does not carry on."""

    def channel(self, run: str) -> Channel:
        channel = self.channels.get(run)
        if channel is None:
            channel = self.channels[run] = Channel(run)
        return channel

    def watch(self, run: str, watcher: Watcher, *, after_seq: int, resume: tuple[str, int] | None = None) -> Watch:
        """Join first, then read: from here on nothing that is committed passes the watcher by."""
        channel = self.channel(run)
        watch = Watch(channel, watcher, after_seq, resume)
        channel.watches.add(watch)
        if not channel.held:
            self.on_unheld()
        return watch

    def leave(self, watch: Watch) -> None:
        watch.channel.watches.discard(watch)
        self._tidy(watch.channel)

    def release(self, run: str) -> None:
        """This process no longer carries the run on."""
        channel = self.channels.get(run)
        if channel is None:
            return
        channel.held = False
        self._tidy(channel)
        if channel.watches and not channel.ended:
            self.on_unheld()

    def unheld(self) -> list[Channel]:
        """Watched channels whose news must be looked up."""
        return [
            channel for channel in self.channels.values() if not channel.held and not channel.ended and channel.watches
        ]

    def _tidy(self, channel: Channel) -> None:
        if not channel.watches and not channel.held and self.channels.get(channel.run) is channel:
            del self.channels[channel.run]


hub = Hub()
