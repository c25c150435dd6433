"""Viewers by the thousand on one event loop: each follows runs, is cut off, and comes back with its place.

Raw protocols: what a client library costs for a socket is more than what the product costs for it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench import wire
from tests.fixtures.product import Product

ENDED = ("run.succeeded", "run.failed", "run.cancelled")
#: A client that is sent away comes back after a pause of its own choice, as the web client does.
PAUSE_SECONDS = (0.2, 1.0)


@dataclass
class Place:
    """What a client has of a run. Offsets count code points."""

    seq: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    open: str | None = None
    """The message that is being written."""
    ended: str | None = None

    def subscription(self, run: str) -> dict[str, Any]:
        asked: dict[str, Any] = {"type": "subscribe", "run": run, "after_seq": self.seq}
        if self.open is not None:
            asked |= {"message": self.open, "offset": len(self.texts[self.open])}
        return asked

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "event":
            assert frame["seq"] == self.seq + 1, f"event {frame['seq']} after {self.seq}"
            self.seq, event = frame["seq"], frame["event"]
            if event["type"] == "message.started":
                self.open = event["message"]
                self.texts[self.open] = ""
            elif event["type"] == "message.completed" and event["message"] == self.open:
                assert event["text"].startswith(self.texts[self.open]), "text that is no part of the answer"
                self.texts[self.open], self.open = event["text"], None
            elif event["type"] in ENDED:
                self.ended = event["type"]
        elif frame["type"] == "delta":
            have, offset, text = self.texts[frame["message"]], frame["offset"], frame["text"]
            assert offset <= len(have), f"text from {offset} after {len(have)}"
            again = have[offset:]
            assert text.startswith(again) or again.startswith(text), "other text than before"
            self.texts[frame["message"]] = have[:offset] + text


@dataclass
class Crowd:
    """What all clients together saw. `answers`: statuses of handshakes; `closes`: close codes, None for a bare cut."""

    answers: Counter[int] = field(default_factory=Counter)
    closes: Counter[int | None] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    begun: float = 0.0
    """When they were let go."""
    times: list[float] = field(default_factory=list)
    """Seconds until each client had caught up with all of its runs."""
    leaving: bool = False


class Viewer(asyncio.Protocol):
    """One client: `connect` until it has caught up with all runs, then it only listens."""

    def __init__(self, crowd: Crowd, product: Product, token: str, runs: Sequence[str]) -> None:
        self.crowd, self.product, self.token = crowd, product, token
        self.places = {run: Place() for run in runs}
        self._due: set[str] = set()
        self._transport: Any = None

    async def connect(self) -> None:
        """Raises nothing: a refusal is counted, and it comes back."""
        loop = asyncio.get_running_loop()
        self.caught_up: asyncio.Future[None] = loop.create_future()
        while not self.caught_up.done():
            self._gone: asyncio.Future[None] = loop.create_future()
            self._frames, self._upgraded, self._due, self._head = wire.Frames(), False, set(self.places), b""
            try:
                await loop.create_connection(lambda: self, "127.0.0.1", self.product.port)
            except OSError as error:
                self.crowd.closes[error.errno] += 1
            else:
                await asyncio.wait({self.caught_up, self._gone}, return_when=asyncio.FIRST_COMPLETED)
            if not self.caught_up.done():
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))

    @property
    def connected(self) -> bool:
        return self._transport is not None

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(wire.upgrade(f"127.0.0.1:{self.product.port}", "/ws/v1/"))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self._gone.done():
            if not self.crowd.leaving:
                self.crowd.closes[None] += 1
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        if not self._upgraded:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            status = int(head.split(b" ", 2)[1])
            self.crowd.answers[status] += 1
            if status != 101:
                self._leave()
                return
            self._upgraded = True
            self._send({"type": "authenticate", "token": self.token})
        for opcode, payload in self._frames.feed(data):
            if opcode == 9:
                self._write(wire.frame(payload, opcode=10, masked=True))
            elif opcode == 8:
                self.crowd.closes[int.from_bytes(payload[:2], "big")] += 1
                self._leave()
                return
            else:
                self._told(orjson.loads(payload))

    def _told(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "ready":
            for run, place in self.places.items():
                self._send(place.subscription(run))
        elif frame["type"] in ("event", "delta"):
            try:
                self.places[frame["run"]].take(frame)
            except AssertionError as fault:
                self.crowd.faults.append(str(fault))
        elif frame["type"] == "caught_up":
            if frame["seq"] != self.places[frame["run"]].seq:
                self.crowd.faults.append(f"caught up at {frame['seq']}, but told up to {self.places[frame['run']].seq}")
            self._due.discard(frame["run"])
            if not self._due and not self.caught_up.done():
                self.crowd.times.append(time.monotonic() - self.crowd.begun)
                self.caught_up.set_result(None)
        else:
            self.crowd.faults.append(str(frame))

    def _send(self, content: object) -> None:
        self._write(wire.frame(orjson.dumps(content), masked=True))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _leave(self) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        if self._transport is not None:
            self._transport.close()
