"""The floor: the least that a Python process does to bring an upstream's tokens to a websocket.

No sign-in, no database, no journal, no JSON but of the frame: what the product costs above it is the product's own.
Run by itself: `python -m bench.relay PORT UPSTREAM_PORT`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from bench import wire

_CONTENT = re.compile(rb'"content":"([^"]*)"')


class Source(asyncio.Protocol):
    """The request to the upstream for one viewer."""

    def __init__(self, viewer: Viewer, model: str, host: str) -> None:
        self.viewer, self.model, self.host = viewer, model, host

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        body = json.dumps({"model": self.model, "stream": True, "messages": []}).encode()
        transport.write(wire.request("POST", self.host, "/v1/chat/completions", body=body))

    def data_received(self, data: bytes) -> None:
        text = b"".join(_CONTENT.findall(data))
        if text:
            self.viewer.send(b'{"type":"delta","text":"%b"}' % text)
        if b"[DONE]" in data:
            self.viewer.send(b'{"type":"done"}')
            self.transport.close()


class Viewer(asyncio.Protocol):
    upstream_port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.open, self.frames = transport, False, wire.Frames()

    def data_received(self, data: bytes) -> None:
        if not self.open:
            self.open = True
            self.transport.write(wire.accept_upgrade(data))
            return
        for opcode, payload in self.frames.feed(data):
            if opcode == 1:
                self.ask(json.loads(payload)["model"])

    def ask(self, model: str) -> None:
        host, loop = f"127.0.0.1:{self.upstream_port}", asyncio.get_running_loop()
        connecting = loop.create_connection(lambda: Source(self, model, host), "127.0.0.1", self.upstream_port)
        self.task = loop.create_task(connecting)

    def send(self, payload: bytes) -> None:
        self.transport.write(wire.frame(payload))


async def serve(port: int, upstream_port: int) -> None:
    Viewer.upstream_port = upstream_port
    loop = asyncio.get_running_loop()
    async with await loop.create_server(Viewer, "127.0.0.1", port, backlog=2048) as server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
