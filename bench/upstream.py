"""A stand-in for an OpenAI-compatible server: numbered tokens, each stamped with the moment of its writing.

The model's name carries the pace: `pace-t100-g50-d50` is 100 tokens, 50 ms apart, the first after 50 ms; g0 is as fast
as it can. Run by itself: `python -m bench.upstream PORT MODEL…`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

from bench import wire

_PACE = re.compile(r"-t(\d+)-g(\d+)-d(\d+)")
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_TOKEN = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n'
)
_END = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":'
    b'{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}}\n\ndata: [DONE]\n\n'
)


def pace_of(model: str) -> tuple[int, float, float]:
    """(tokens, seconds between them, seconds before the first)."""
    found = _PACE.search(model)
    tokens, gap, delay = (int(part) for part in found.groups()) if found else (20, 20, 20)
    return tokens, gap / 1000, delay / 1000


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Upstream(asyncio.Protocol):
    """One connection, kept alive; one answer at a time."""

    models: tuple[str, ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.rest, self.loop = transport, b"", asyncio.get_running_loop()
        self.timer: asyncio.Handle | None = None

    def connection_lost(self, error: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.rest += data
        head, found, body = self.rest.partition(b"\r\n\r\n")
        if not found or len(body) < int(wire.header(head, b"content-length") or 0):
            return
        self.rest = b""
        path = head.split(b" ", 2)[1]
        if path.endswith(b"/models"):
            self.answer({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        elif path.endswith(b"/chat/completions"):
            self.begin(json.loads(body))
        else:
            self.answer({"error": {"message": "no such path"}}, b"404 Not Found")

    def answer(self, content: object, status: bytes = b"200 OK") -> None:
        body = json.dumps(content).encode()
        self.transport.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )

    def begin(self, asked: dict[str, object]) -> None:
        self.tokens, self.gap, delay = pace_of(str(asked.get("model", "")))
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "ok"}
            self.answer({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
            return
        self.number = 0
        self.transport.write(_HEAD)
        self.due = self.loop.time() + delay
        self.timer = self.loop.call_at(self.due, self.step)

    def step(self) -> None:
        if self.number == self.tokens:
            end = _END % (self.tokens, self.tokens + 9)
            self.transport.write(_chunk(end) + b"0\r\n\r\n")
            return
        token = b"%d@%d; " % (self.number, time.monotonic_ns())
        self.transport.write(_chunk(_TOKEN % token))
        self.number += 1
        if self.gap:
            self.due += self.gap
            self.timer = self.loop.call_at(self.due, self.step)
        else:
            self.timer = self.loop.call_soon(self.step)


async def serve(port: int, models: tuple[str, ...]) -> None:
    Upstream.models = models
    loop = asyncio.get_running_loop()
    async with await loop.create_server(Upstream, "127.0.0.1", port, backlog=2048) as server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]), tuple(sys.argv[2:])))
    except KeyboardInterrupt:
        pass
