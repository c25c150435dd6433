"""HTTP/1.1 on an asyncio Protocol with httptools: one connection, and nothing of any client library.

A thin transport sits on it, under httpx2 and under httpx, so both obey the same guard and limits. What streams needs to
be cheap: a read wakes the waiting coroutine once and hands over all bytes of that read.
Must not know vendors, SDKs or what the bytes mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import cast

import httptools

MAX_HEAD = 64 * 1024
MAX_PLAIN_BODY = 16 * 1024 * 1024
MAX_ERROR_BODY = 1024 * 1024
HIGH_WATER = 256 * 1024
STREAM_TYPES = (b"text/event-stream", b"application/x-ndjson")
_BODY_NEVER = (204, 304)


class HttpFault(Exception):
    """The other side did not speak HTTP/1.1 as it should, or the connection broke."""


class HttpCut(HttpFault):
    """The connection ended inside an answer, or before it began."""


class HttpReadTimeout(HttpFault):
    """No bytes for too long."""


class HttpPoolTimeout(HttpFault):
    """No free connection in time."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One request, ready to be written. `body` is bytes or, rarely, an async iterable that is sent in chunks."""

    method: bytes
    host: str
    port: int
    tls: bool
    head: bytes
    body: bytes | AsyncIterable[bytes]
    connect_timeout: float
    read_timeout: float
    pool_timeout: float


class Connection(asyncio.Protocol):
    """One connection; carries one exchange at a time."""

    def __init__(self, between_timeout: float) -> None:
        self.between_timeout = between_timeout
        self.transport: asyncio.Transport | None = None
        self.loop = asyncio.get_running_loop()
        self.alive = True
        self.exchanges = 0
        self.idle_since = 0.0
        self.on_idle_lost: Callable[[Connection], None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_size = 0
        self.head_bytes = 0
        self.head_done = False
        self.complete = False
        self.keep = False
        self.fault: HttpFault | None = None
        self.chunks: list[bytes] = []
        self.buffered = 0
        self.received = 0
        self.cap: int | None = None
        self.paused = False
        self.tapped = False
        self.on_linger_end: Callable[[], object] | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.tap: Callable[[bytes], bool] | None = None
        """Offered the bytes of a read while the reader waits. False: the reader must see to something, so wake it."""
        self.last_read = self.loop.time()
        self.read_timeout = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.method = b""
        self.busy = False

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.last_read = self.loop.time()
        if not self.busy:
            self.close()  # bytes that nobody asked for: the connection cannot be trusted
            return
        if not self.head_done:
            self.head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__ if isinstance(error.__context__, HttpFault) else None
            self._fail(cause or HttpFault("the answer could not be read"))
        except httptools.HttpParserUpgrade:
            self._fail(HttpFault("the answer wants another protocol"))
        except httptools.HttpParserError:
            self._fail(HttpFault("the answer is not HTTP"))
        if not self.head_done and self.head_size > MAX_HEAD:
            self._fail(HttpFault("the head of the answer is too large"))
        waiter = self.waiter
        if self.tap is not None and self.chunks and waiter is not None and not waiter.done():
            if self.tap(self._take()):
                if not self.complete and self.fault is None:
                    return
            else:
                self.tapped = True
        self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.alive = False
        if self.on_idle_lost is not None:
            self.on_idle_lost(self)
            self.on_idle_lost = None
        if self.busy and not self.complete and self.fault is None:
            if self.head_done and self._ends_with_connection():
                self.complete = True
            else:
                self.fault = HttpCut("the connection was cut")
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- httptools ---

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers arrive here too, after the head: they are counted and dropped.
        self.head_bytes += len(name) + len(value) + 4
        if self.head_bytes > MAX_HEAD:
            raise HttpFault("the head of the answer is too large")
        if not self.head_done:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.status = int(self.parser.get_status_code())
        if 100 <= self.status < 200:
            return
        self.head_done = True
        kind = self._header(b"content-type").lower()
        encoding = self._header(b"content-encoding").lower()
        if encoding not in (b"", b"identity"):
            raise HttpFault("the answer is compressed although that was not asked for")
        if self.status >= 300:
            self.cap = MAX_ERROR_BODY
        elif not kind.startswith(STREAM_TYPES):
            self.cap = MAX_PLAIN_BODY
        if self.method == b"HEAD" or self.status in _BODY_NEVER:
            self.complete = True

    def on_body(self, data: bytes) -> None:
        self.received += len(data)
        if self.cap is not None and self.received > self.cap:
            raise HttpFault("the answer is too large")
        if self.on_linger_end is not None:
            if self.received > HIGH_WATER:
                self.close()
            return
        self.chunks.append(data)
        self.buffered += len(data)
        if self.buffered > HIGH_WATER and not self.paused and self.transport is not None:
            self.paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if not self.head_done:
            self.status, self.reason, self.headers = 0, b"", []  # 100 Continue and its like
            return
        self.complete = True
        self.keep = bool(self.parser.should_keep_alive())
        if self.on_linger_end is not None:
            self.loop.call_soon(self.on_linger_end)

    # --- one exchange ---

    def begin(self, wire: Wire) -> None:
        self._reset()
        self.busy = True
        self.exchanges += 1
        self.method = wire.method
        self.read_timeout = wire.read_timeout
        self.timer = self.loop.call_later(wire.read_timeout, self._check_time)

    async def send(self, wire: Wire) -> None:
        assert self.transport is not None
        if isinstance(wire.body, bytes):
            self.transport.write(wire.head + wire.body)
            await self._drain()
            return
        self.transport.write(wire.head)
        async for part in wire.body:
            if part:
                self.transport.write(b"%x\r\n%b\r\n" % (len(part), part))
                await self._drain()
        self.transport.write(b"0\r\n\r\n")

    async def _drain(self) -> None:
        if self._writable is not None and self.alive:
            # The vendor may answer (with a refusal) before it has read everything: then stop waiting.
            await asyncio.wait({self._writable}, timeout=self.read_timeout)

    async def wait_head(self) -> None:
        while not self.head_done:
            if self.fault is not None:
                raise self.fault
            await self._wait()
        self.read_timeout = min(self.read_timeout, self.between_timeout)
        self._restart_timer()

    async def read(self) -> bytes:
        """All body bytes that have arrived, at least one; b"" at the clean end, or once the tap gave False.

        Raises HttpFault.
        """
        while not self.chunks:
            if self.tapped:
                self.tapped = False
                return b""
            if self.fault is not None:
                raise self.fault
            if self.complete:
                return b""
            await self._wait()
        self.tapped = False
        return self._take()

    def close(self) -> None:
        self.alive = False
        if self.transport is not None:
            self.transport.abort()

    def finish(self) -> None:
        """The exchange is over for the connection: no timer, no waiter."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.busy = False

    @property
    def reusable(self) -> bool:
        return self.alive and self.complete and self.keep and self.fault is None and not self.paused

    # --- inner ---

    def _take(self) -> bytes:
        """The body bytes that wait here; there is room again."""
        data = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks.clear()
        self.buffered = 0
        if self.paused and self.transport is not None and self.alive:
            self.paused = False
            self.last_read = self.loop.time()
            self.transport.resume_reading()
        return data

    def _header(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key == name), b"")

    def _ends_with_connection(self) -> bool:
        """True for a body without a length, which HTTP lets end with the connection."""
        return not self._header(b"content-length") and b"chunked" not in self._header(b"transfer-encoding").lower()

    def _fail(self, fault: HttpFault) -> None:
        if self.fault is None and not self.complete:
            self.fault = fault
        self.close()

    def _wake(self) -> None:
        waiter = self.waiter
        if (
            waiter is not None
            and not waiter.done()
            and (
                self.chunks
                or self.tapped
                or self.complete
                or self.fault is not None
                or self.head_done
                or not self.alive
            )
        ):
            waiter.set_result(None)

    async def _wait(self) -> None:
        self.waiter = self.loop.create_future()
        try:
            await self.waiter
        finally:
            self.waiter = None

    def _restart_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(self.read_timeout, self._check_time)

    def _check_time(self) -> None:
        # One timer per exchange, moved on when it fires: nothing is scheduled per read.
        left = self.last_read + self.read_timeout - self.loop.time()
        if left > 0.001 or self.waiter is None:
            self.timer = self.loop.call_later(max(left, 1.0), self._check_time)
            return
        self._fail(HttpReadTimeout(f"no bytes for {self.read_timeout:g} seconds"))
        self._wake()
