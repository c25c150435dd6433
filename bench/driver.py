"""The load: many readers on one event loop, each counting and timing the upstream's numbered tokens.

A reader is a raw asyncio protocol; a token's latency is its arrival minus the stamp that the upstream wrote into it.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from dataclasses import dataclass, field

from bench import wire

_TOKEN = re.compile(rb"(\d+)@(\d+); ")
_ARRIVE_WITHIN = 2.0


@dataclass
class Streams:
    """What came of one round of streams."""

    tokens: int = 0
    latencies: list[float] = field(default_factory=list)  # ms
    firsts: list[float] = field(default_factory=list)  # ms from the request to the first token
    lost: int = 0
    disorder: int = 0
    failed: int = 0
    seconds: float = 0.0

    @property
    def p99(self) -> float:
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] if ordered else float("nan")

    @property
    def first(self) -> float:
        return statistics.median(self.firsts) if self.firsts else float("nan")

    @property
    def faults(self) -> str:
        return f"{self.lost} lost, {self.disorder} out of order, {self.failed} failed"


class Reader(asyncio.Protocol):
    """Counts tokens in whatever brings them; subclasses open the stream. `begin` is called once all are connected."""

    def __init__(self, streams: Streams, expected: int) -> None:
        self.streams, self.expected = streams, expected
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self.next, self.asked = 0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.finish(failed=True)

    def begin(self) -> None:
        raise NotImplementedError

    def take(self, data: bytes) -> None:
        """Text of the answer, in order; a token is never cut."""
        now = time.monotonic_ns()
        streams = self.streams
        for number, stamp in _TOKEN.findall(data):
            if not self.next and not int(number):
                streams.firsts.append((now - self.asked) / 1e6)
            streams.latencies.append((now - int(stamp)) / 1e6)
            streams.disorder += int(number) != self.next
            self.next = int(number) + 1
            streams.tokens += 1

    def finish(self, *, failed: bool = False) -> None:
        if self.done.done():
            return
        self.streams.failed += failed
        self.streams.lost += self.expected - self.next
        if not self.ready.done():
            self.ready.set_result(None)
        self.done.set_result(None)


class Direct(Reader):
    """Straight from the upstream."""

    def __init__(self, streams: Streams, expected: int, *, host: str, model: str) -> None:
        super().__init__(streams, expected)
        self.host, self.model = host, model

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.ready.set_result(None)

    def begin(self) -> None:
        self.asked = time.monotonic_ns()
        body = json.dumps({"model": self.model, "stream": True, "messages": []}).encode()
        self.transport.write(wire.request("POST", self.host, "/v1/chat/completions", body=body))

    def data_received(self, data: bytes) -> None:
        self.take(data)
        if b"[DONE]" in data:
            self.finish()


class Socket(Reader):
    """A websocket: JSON frames, `delta` frames hold the text."""

    def __init__(self, streams: Streams, expected: int, *, host: str, path: str) -> None:
        super().__init__(streams, expected)
        self.host, self.path, self.frames, self.upgraded = host, path, wire.Frames(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        transport.write(wire.upgrade(self.host, self.path))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.upgraded:
            _, found, data = data.partition(b"\r\n\r\n")
            if not found:
                return
            self.upgraded = True
            self.opened()
        for opcode, payload in self.frames.feed(data):
            if opcode == 9:
                self.transport.write(wire.frame(payload, opcode=10, masked=True))
            elif opcode == 8:
                self.finish(failed=True)
            elif payload.startswith(b'{"type":"delta"'):
                self.take(payload)
            else:
                self.told(payload)

    def send(self, content: object) -> None:
        self.transport.write(wire.frame(json.dumps(content).encode(), masked=True))

    def opened(self) -> None:
        self.ready.set_result(None)

    def told(self, payload: bytes) -> None:
        raise NotImplementedError


class Relayed(Socket):
    """Through the floor's relay."""

    def __init__(self, streams: Streams, expected: int, *, host: str, model: str) -> None:
        super().__init__(streams, expected, host=host, path="/")
        self.model = model

    def begin(self) -> None:
        self.asked = time.monotonic_ns()
        self.send({"model": self.model})

    def told(self, payload: bytes) -> None:
        self.finish()


class Followed(Socket):
    """Through the product, as its web client does it: signed in, following a conversation, the message by POST."""

    def __init__(
        self,
        streams: Streams,
        expected: int,
        *,
        host: str,
        token: str,
        space: str,
        conversation: str,
        text: str = "hello",
    ) -> None:
        super().__init__(streams, expected, host=host, path="/ws/v1/")
        self.token, self.space, self.conversation, self.text = token, space, conversation, text

    def opened(self) -> None:
        self.send({"type": "authenticate", "token": self.token})

    def told(self, payload: bytes) -> None:
        if payload.startswith(b'{"type":"ready"'):
            self.send({"type": "subscribe", "topic": f"conversation:{self.conversation}", "follow": True})
        elif payload.startswith(b'{"type":"subscribed"'):
            self.ready.set_result(None)
        elif payload.startswith(b'{"type":"event"'):
            kind = json.loads(payload)["event"]["type"]
            if kind in ("run.succeeded", "run.failed", "run.cancelled"):
                self.finish(failed=kind != "run.succeeded")
        elif payload.startswith(b'{"type":"error"'):
            self.finish(failed=True)

    def begin(self) -> None:
        self.asked = time.monotonic_ns()
        path = f"{self.space}conversations/{self.conversation}/messages/"
        post = wire.request(
            "POST",
            self.host,
            path,
            bearer(self.token) | {"Connection": "close"},
            json.dumps({"text": self.text}).encode(),
        )
        address = self.host.rsplit(":", 1)
        loop = asyncio.get_running_loop()
        self.posting = loop.create_task(loop.create_connection(lambda: Posted(post, self), address[0], int(address[1])))


class Posted(asyncio.Protocol):
    """One POST on a connection of its own; a refusal ends its stream."""

    def __init__(self, data: bytes, reader: Followed) -> None:
        self.data, self.reader = data, reader

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.data)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 202"):
            self.reader.finish(failed=True)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def run_streams(readers: list[Reader], port: int, *, timeout: float) -> None:
    """Connect all, then let them begin within two seconds at most, and wait for all ends."""
    loop = asyncio.get_running_loop()
    for start in range(0, len(readers), 20):
        few = readers[start : start + 20]
        await asyncio.gather(*(loop.create_connection(lambda one=one: one, "127.0.0.1", port) for one in few))
        await asyncio.wait([one.ready for one in few], timeout=30)
    streams, started = readers[0].streams, time.monotonic()
    pause = min(0.02, _ARRIVE_WITHIN / len(readers))
    for number, one in enumerate(readers):
        delay = started + number * pause - time.monotonic()
        if delay > 0:
            await asyncio.sleep(delay)
        one.begin()
    await asyncio.wait([one.done for one in readers], timeout=timeout)
    streams.seconds = time.monotonic() - started
    for one in readers:
        one.finish(failed=True)  # nothing for those that are done
        one.transport.close()
    await asyncio.sleep(0.05)


class Getter(asyncio.Protocol):
    """Asks the same again and again on one connection until told to stop."""

    def __init__(self, data: bytes, wanted: bytes) -> None:
        self.data, self.wanted = data, wanted
        self.count = self.wrong = 0
        self.stopping, self.rest = False, b""
        self.tag = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.data)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found or len(body) < int(wire.header(head, b"content-length") or 0):
            return
        self.rest = b""
        self.count += 1
        self.wrong += self.wanted not in head[:15]
        self.tag = wire.header(head, b"etag").decode()
        if not self.stopping:
            self.transport.write(self.data)  # type: ignore[attr-defined]


async def get_again(
    port: int, path: str, headers: dict[str, str], *, wanted: bytes, seconds: float, connections: int = 4
) -> tuple[int, int, str]:
    """(answers, answers of another status, the last ETag)."""
    loop = asyncio.get_running_loop()
    data = wire.request("GET", f"127.0.0.1:{port}", path, headers)
    getters = [Getter(data, wanted) for _ in range(connections)]
    for one in getters:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)
    await asyncio.sleep(seconds)
    for one in getters:
        one.stopping = True
    await asyncio.sleep(0.1)
    for one in getters:
        one.transport.close()
    return sum(one.count for one in getters), sum(one.wrong for one in getters), getters[0].tag
