"""Real servers on loopback that count who connects and answer as a test scripts it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """`connections` counts accepted sockets; `heads` holds the request heads; `closed` the sockets that ended."""

    host: str
    port: int = 0
    connections: int = 0
    closed: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def authority(self) -> str:
        return f"{self.host}:{self.port}"


async def read_request(listener: Listener, reader: asyncio.StreamReader) -> bool:
    """Read one request; False when the client closed the connection instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    listener.heads.append(head)
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    listener.bodies.append(await reader.readexactly(length))
    return True


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream_head(kind: bytes = b"text/event-stream") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nTransfer-Encoding: chunked\r\n\r\n"


def whole(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n" % (status, len(body), more)
    return head + body


@contextlib.asynccontextmanager
async def listening(answer: Callable[[Listener, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None,
                    host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Listener]:  # fmt: skip
    """A server for the length of the block. Without `answer` it accepts and says nothing."""
    listener = Listener(host if ":" not in host else f"[{host}]")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        listener.connections += 1
        try:
            if answer is not None:
                await answer(listener, reader, writer)
            else:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            listener.closed += 1
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0)
