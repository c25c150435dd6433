"""daphne's protocols with what the product needs of them: limits before a body is read, our error shape, slow viewers.

daphne's `send` never waits, so a viewer that stops reading would grow the server's memory. Twisted tells a push producer
when the transport's buffer is full: the socket's outbox asks its `Line` and sends merged text once the viewer reads again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from twisted.web import http
from zope.interface import implementer

MAX_BODY = 2 * 1024 * 1024
MAX_CREDENTIAL = 8 * 1024
PROBLEM_BASE = "/api/docs/errors/#"


@implementer(IPushProducer)
class Line:
    """One socket as its application sees it: a text frame goes out at once, and a slow viewer shows.

    In the scope as `extensions["aap.line"]`. A frame is written to the network where it is made, not handed through the
    ASGI message, autobahn's queue and the reactor's write event: that is four system calls and a turn of the loop less
    for each token and viewer (ADR 8).
    """

    def __init__(self, socket: Socket) -> None:
        self.paused = False
        self._socket = socket
        self._waiting: list[Callable[[], None]] = []

    def send_texts(self, texts: Sequence[str]) -> None:
        """One frame each, all in one write."""
        socket = self._socket
        if socket.state != Socket.STATE_OPEN:
            return
        parts = []
        for text in texts:
            payload = text.encode()
            size = len(payload)
            if size < 126:
                parts.append(b"\x81%c" % size)
            elif size < 65536:
                parts.append(b"\x81\x7e" + size.to_bytes(2, "big"))
            else:
                parts.append(b"\x81\x7f" + size.to_bytes(8, "big"))
            parts.append(payload)
        write_now(socket.transport, b"".join(parts))

    def when_writable(self, callback: Callable[[], None]) -> None:
        """Call back once when the transport takes more, or is gone."""
        self._waiting.append(callback)

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    def stopProducing(self) -> None:
        self.resumeProducing()


def write_now(transport: Any, data: bytes) -> None:
    """Write to the network what it takes at once and leave the rest, and every fault, to the transport."""
    if not transport.disconnecting and not transport._tempDataLen and len(transport.dataBuffer) == transport.offset:
        sent = transport.writeSomeData(data)  # an error object if the connection is gone: the transport meets it again
        if isinstance(sent, int):
            data = data[sent:]
    if data:
        transport.write(data)


class Socket(WebSocketProtocol):
    """A websocket whose application knows when its viewer is slow, and whose close code arrives."""

    # Autobahn would copy each setting from the factory to each socket, and print them all for its debug log, which takes
    # longer than the handshake. `SocketFactory.settle` puts them here.
    CONFIG_ATTRS = ()

    def dataReceived(self, data: bytes) -> None:
        self._dataReceived(data)  # without the debug line that autobahn puts together, in colours, for each read

    def onOpen(self) -> None:
        super().onOpen()
        line = getattr(self, "line", None)
        if line is not None:
            # Autobahn registers no producer of its own for a server protocol.
            with contextlib.suppress(RuntimeError):
                self.transport.registerProducer(line, True)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        line = getattr(self, "line", None)
        if line is not None:
            line.stopProducing()
        super().onClose(wasClean, code, reason)

    def sendClose(self, code: int | None = None, reason: str | None = None) -> None:
        # Autobahn lets applications send 1000 and 3000-4999 only; a server also restarts (1012) and is full (1013).
        text = reason.encode()[:123] if reason else None
        self.sendCloseFrame(code=code, reasonUtf8=text, isReply=False)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        try:
            super().onMessage(payload, isBinary)
        except UnicodeDecodeError:
            self.sendClose(1007)


class SocketFactory(WebSocketFactory):
    protocol = Socket

    def settle(self, **options: object) -> None:
        """Set the options of all sockets."""
        self.setProtocolOptions(**options)
        for name in WebSocketProtocol.CONFIG_ATTRS:
            value = getattr(self, name)
            # A function on a class would be bound to the socket and called with one argument too many.
            setattr(Socket, name, staticmethod(value) if callable(value) else value)


class Request(WebRequest):
    """An HTTP request that is refused as soon as its headers say that it will be."""

    refused = False

    def __init__(self, channel: Any, *queued: Any) -> None:
        # Django parses forms; Twisted would do so first, and throw the result away.
        super().__init__(channel, *queued, parsePOSTFormSubmission=False)

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > MAX_BODY:
            self._refuse(413, "too_large", "The body is larger than 2 MiB. Send less at once.")
            length = 0
        elif any(len(value) > MAX_CREDENTIAL for value in self.requestHeaders.getRawHeaders(b"authorization") or ()):
            self._refuse(401, "not_authenticated", "The token is malformed. Sign in again.")
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        if self.refused:
            return
        if self.content.tell() + len(data) > MAX_BODY:  # a chunked body, which names no length
            self._refuse(413, "too_large", "The body is larger than 2 MiB. Send less at once.")
            return
        super().handleContentChunk(data)

    def process(self) -> Any:
        if self.refused:
            return None
        origins = self.requestHeaders.getRawHeaders(b"origin") or []
        if len(origins) > 1 and len(set(origins)) == 1:
            # Some clients say the same origin twice; joined by a comma it would be none.
            self.requestHeaders.setRawHeaders(b"origin", origins[:1])
        return super().process()

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        path = getattr(self, "uri", b"") or b""
        if not path.startswith(b"/api/"):
            super().basic_error(status, status_text, body)
            return
        code = {400: "malformed", 503: "unavailable"}.get(status, "internal_error")
        document = problem(status, code, "The request is malformed." if status == 400 else "Try again in a moment.")
        self.handle_reply(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"Content-Type", b"application/problem+json")],
            }
        )
        self.handle_reply({"type": "http.response.body", "body": document})

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer before the body has come, and hang up: nobody is going to read the rest."""
        if self.refused:
            return
        self.refused = True
        body = problem(status, code, detail)
        request_id = orjson.loads(body)["request_id"].encode()
        reason = {401: b"Unauthorized", 413: b"Content Too Large"}[status]
        channel = self.channel
        channel.transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nConnection: close\r\n"
            b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nX-Request-ID: %s\r\n\r\n"
            % (status, reason, len(body), request_id)
            + body
        )
        channel.loseConnection()


class Factory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol: Any = http.HTTPFactory.buildProtocol(self, addr)
        protocol.requestFactory = Request
        return protocol

    def log(self, request: Any) -> None:
        """Nothing: RequestIdMiddleware has logged the request, with its id and without its query."""


def problem(status: int, code: str, detail: str) -> bytes:
    """A problem document for an answer that no view makes."""
    from core.ids import new_id

    return orjson.dumps(
        {
            "type": f"{PROBLEM_BASE}{code}",
            "title": http.RESPONSES.get(status, b"Error").decode(),
            "status": status,
            "code": code,
            "detail": detail,
            "request_id": new_id("req"),
        }
    )
