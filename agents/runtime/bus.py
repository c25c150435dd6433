"""Between the processes of one installation, over Redis: cancel, "somebody spoke", notices, live frames.

Redis holds nothing. What is lost here is found again in the database (sweeps, heartbeats, look-ups), only later. Without
REDIS_URL, and while Redis is away, everything here does nothing. Must not know what the messages mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import orjson

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
WAITING = 10_000
Handler = Callable[[str, bytes], None]


class Bus:
    """One connection to publish and one to hear, on the event loop; `tell` may be called from any thread."""

    def __init__(self) -> None:
        self.connected = False
        self._prefix = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._outgoing: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING)
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        self._hear: Handler = lambda _topic, _payload: None
        self._connected: Callable[[], None] = lambda: None
        self._joined: Callable[[str], None] = lambda _topic: None

    def start(
        self,
        url: str,
        installation: str,
        *,
        hear: Handler,
        on_connected: Callable[[], None],
        on_joined: Callable[[str], None],
    ) -> None:
        """On the event loop. `hear(topic, payload)` is called there for each message of a topic that was joined;
        `on_joined(topic)` once messages of that topic arrive."""
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._loop = asyncio.get_running_loop()
        self._prefix = f"aap:{installation}:"
        self._hear, self._connected, self._joined = hear, on_connected, on_joined
        self._outgoing, self._changed = asyncio.Queue(WAITING), asyncio.Event()
        # No time-out for a silent line: a topic may be quiet for hours. No retries but our own: theirs wait ever longer.
        redis = Redis.from_url(
            url, socket_connect_timeout=3, socket_timeout=None, socket_keepalive=True, retry=Retry(NoBackoff(), 0)
        )
        self._tasks = [
            self._loop.create_task(self._listen(redis), name="bus-in"),
            self._loop.create_task(self._publish(redis), name="bus-out"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._loop, self.connected = [], None, False

    def join(self, topic: str) -> None:
        """On the loop: hear this topic from soon on."""
        self._wanted.add(topic)
        self._changed.set()

    def leave(self, topic: str) -> None:
        self._wanted.discard(topic)
        self._changed.set()

    def tell(self, what: str, run: str, **more: Any) -> None:
        """To all other processes. From any thread."""
        self.send("bells", orjson.dumps({"what": what, "run": run, **more}))

    def send(self, topic: str, payload: bytes) -> None:
        """From any thread; dropped when Redis is away or does not keep up."""
        loop = self._loop
        if loop is None or not self.connected:
            return
        try:
            loop.call_soon_threadsafe(self._put, topic, payload)
        except RuntimeError:
            pass  # the loop is closed: this process ends

    def _put(self, topic: str, payload: bytes) -> None:
        try:
            self._outgoing.put_nowait((topic, payload))
        except asyncio.QueueFull:
            log.warning("Redis does not keep up: messages to other processes are dropped")
            while not self._outgoing.empty():
                self._outgoing.get_nowait()

    async def _publish(self, redis: Any) -> None:
        while True:
            waiting = [await self._outgoing.get()]
            while len(waiting) < 200 and not self._outgoing.empty():
                waiting.append(self._outgoing.get_nowait())
            try:
                async with redis.pipeline(transaction=False) as pipeline:
                    for topic, payload in waiting:
                        pipeline.publish(self._prefix + topic, payload)
                    await pipeline.execute()
            except Exception as error:
                log.warning("a message to other processes was lost: %s", error)

    async def _listen(self, redis: Any) -> None:
        while True:
            pubsub = redis.pubsub(ignore_subscribe_messages=False)
            try:
                heard: set[str] = set()
                await pubsub.subscribe(self._prefix + "bells")
                self.connected = True
                self._connected()
                changing = asyncio.ensure_future(self._follow_wishes(pubsub, heard))
                try:
                    while True:
                        message = await pubsub.get_message(timeout=None)
                        if message is not None:
                            self._take(message)
                        if changing.done():
                            changing.result()
                finally:
                    changing.cancel()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if self.connected:
                    log.warning("Redis is away (%s): live text comes from the database meanwhile", error)
            finally:
                self.connected = False
                await _close(pubsub)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_wishes(self, pubsub: Any, heard: set[str]) -> None:
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            if more := self._wanted - heard:
                heard |= more
                await pubsub.subscribe(*self._named(more))
            if less := heard - self._wanted:
                heard -= less
                await pubsub.unsubscribe(*self._named(less))

    def _named(self, topics: Iterable[str]) -> list[str]:
        return [self._prefix + topic for topic in topics]

    def _take(self, message: dict[str, Any]) -> None:
        topic = message["channel"].decode().removeprefix(self._prefix)
        try:
            if message["type"] == "message":
                self._hear(topic, message["data"])
            elif message["type"] == "subscribe":
                self._joined(topic)
        except Exception:
            log.exception("a message from another process could not be used")


async def _close(pubsub: Any) -> None:
    try:
        await pubsub.aclose()
    except Exception:
        log.debug("closing the line to Redis failed", exc_info=True)


bus = Bus()
