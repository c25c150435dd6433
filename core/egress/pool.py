"""Keep-alive connections, per event loop and destination, and the exchanges on them. Must not know any client library."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from core.egress.connect import connect
from core.egress.guard import Resolver
from core.egress.http1 import Connection, HttpPoolTimeout, Wire

IDLE_SECONDS = 30.0
LINGER_SECONDS = 0.1


@dataclass
class _LoopPool:
    """The connections of one event loop; a connection cannot be used from another."""

    idle: dict[tuple[str, int, bool], list[Connection]] = field(default_factory=dict)
    open: int = 0
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)


class Exchange:
    """One request and its answer. `read` until b"", then `aclose`; `aclose` before that closes the connection."""

    def __init__(self, pool: Pool, key: tuple[str, int, bool], connection: Connection) -> None:
        self._pool, self._key, self._connection = pool, key, connection
        self._closed = False
        self.status = connection.status
        self.reason = connection.reason
        self.headers = connection.headers
        self.read = connection.read

    def tap(self, take: Callable[[bytes], bool]) -> None:
        """Offer the bytes of every read to `take` first, without waking the reader."""
        self._connection.tap = take

    def end_soon(self) -> None:
        """All is read: let the last bytes of the answer arrive, then keep the connection."""
        connection = self._connection
        if self._closed or connection.complete or not connection.alive:
            return
        self._closed = True
        connection.chunks.clear()
        done = False

        def give_back() -> None:
            nonlocal done
            if not done:
                done = True
                timer.cancel()
                self._pool.give_back(self._key, connection)

        timer = connection.loop.call_later(LINGER_SECONDS, give_back)
        connection.on_linger_end = give_back

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            self._pool.give_back(self._key, self._connection)


class Pool:
    """Keep-alive connections per event loop and destination, at most `limit` open ones."""

    def __init__(self, *, limit: int, between_timeout: float, resolver: Resolver | None = None) -> None:
        self._limit, self._between, self._resolver = limit, between_timeout, resolver
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPool] = WeakKeyDictionary()

    async def exchange(self, wire: Wire) -> Exchange:
        """Send a request and wait for the head of its answer. Raises Egress… and HttpFault."""
        key = (wire.host, wire.port, wire.tls)
        connection = await self._take(key, wire)
        try:
            connection.begin(wire)
            await connection.send(wire)
            await connection.wait_head()
        except BaseException:
            connection.close()
            self.give_back(key, connection)
            raise
        return Exchange(self, key, connection)

    async def _take(self, key: tuple[str, int, bool], wire: Wire) -> Connection:
        loop = asyncio.get_running_loop()
        pool = self._pools.setdefault(loop, _LoopPool())
        waiting = pool.idle.get(key)
        while waiting:
            connection = waiting.pop()
            connection.on_idle_lost = None
            if connection.alive and loop.time() - connection.idle_since < IDLE_SECONDS:
                return connection
            self._drop(pool, connection)
        if pool.open >= self._limit:
            self._drop_oldest_idle(pool)
        while pool.open >= self._limit:
            turn = loop.create_future()
            pool.queue.append(turn)
            try:
                async with asyncio.timeout(wire.pool_timeout):
                    await turn
            except (TimeoutError, asyncio.CancelledError) as leaving:
                if turn.done() and not turn.cancelled():
                    self._next_turn(pool)  # it came just as we leave: it is for whoever waits behind us
                if isinstance(leaving, TimeoutError):
                    raise HttpPoolTimeout(f"{self._limit} connections are in use") from None
                raise
        pool.open += 1
        try:
            _, connection = await connect(
                wire.host,
                wire.port,
                tls=wire.tls,
                protocol_factory=lambda: Connection(self._between),
                timeout=wire.connect_timeout,
                resolver=self._resolver,
            )
        except BaseException:
            self._freed(pool)
            raise
        return connection

    def give_back(self, key: tuple[str, int, bool], connection: Connection) -> None:
        """The exchange is over: keep the connection when its answer ended cleanly, else close it."""
        connection.finish()
        pool = self._pools.get(connection.loop)
        if pool is None:
            connection.close()
            return
        if not connection.reusable:
            self._drop(pool, connection)
            return
        connection.idle_since = connection.loop.time()
        waiting = pool.idle.setdefault(key, [])
        waiting.append(connection)

        def lost(gone: Connection) -> None:
            if gone in waiting:
                waiting.remove(gone)
            self._freed(pool)

        connection.on_idle_lost = lost
        if pool.queue:
            self._drop_oldest_idle(pool)

    def _drop(self, pool: _LoopPool, connection: Connection) -> None:
        connection.close()
        self._freed(pool)

    def _freed(self, pool: _LoopPool) -> None:
        pool.open -= 1
        self._next_turn(pool)

    def _next_turn(self, pool: _LoopPool) -> None:
        while pool.queue:
            turn = pool.queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _drop_oldest_idle(self, pool: _LoopPool) -> None:
        oldest = min(
            (waiting[0] for waiting in pool.idle.values() if waiting), key=lambda c: c.idle_since, default=None
        )
        if oldest is not None:
            for waiting in pool.idle.values():
                if oldest in waiting:
                    waiting.remove(oldest)
            oldest.on_idle_lost = None
            self._drop(pool, oldest)

    async def aclose(self) -> None:
        """Close the idle connections of this event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        for waiting in pool.idle.values() if pool else ():
            for connection in list(waiting):
                connection.on_idle_lost = None
                connection.close()
