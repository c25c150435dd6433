"""The web server of one process: daphne's, with our protocols, a start hook on its loop, and a drain at its end."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from daphne.server import Server as DaphneServer
from twisted.internet import reactor as _reactor
from twisted.internet import tcp

from platform_site.server.protocols import Factory, Line, Socket, SocketFactory

log = logging.getLogger("platform.server")
reactor: Any = _reactor

SOCKET_OPTIONS = {
    "allowNullOrigin": True,
    "openHandshakeTimeout": 20,
    "autoPingTimeout": 40,
    "maxFramePayloadSize": 64 * 1024,
    "maxMessagePayloadSize": 64 * 1024,
    "failByDrop": False,  # else the peer sees a dropped connection in place of the close code
    "perMessageCompressionAccept": lambda _offers: None,  # deflate on frames of 60 bytes costs more than it saves
}


class Server(DaphneServer):
    """`on_start` runs on the loop before the port opens; `on_stop` when a signal came, within `patience` seconds."""

    def __init__(
        self,
        application: Any,
        *,
        host: str,
        port: int,
        on_start: Callable[[], Awaitable[None]],
        on_listening: Callable[[int], None],
        on_stop: Callable[[], Awaitable[None]],
        patience: float = 20.0,
    ) -> None:
        interface = host.replace(":", "\\:")
        super().__init__(
            application,
            endpoints=[f"tcp:port={port}:interface={interface}:backlog=2048"],
            signal_handlers=False,
            ping_interval=25,
            ping_timeout=40,
            websocket_connect_timeout=20,
            websocket_handshake_timeout=20,
            request_buffer_size=256 * 1024,
            application_close_timeout=10,
            websocket_timeout=-1,
            verbosity=1,
            server_name="",
        )
        self._on_start, self._on_listening, self._on_stop = on_start, on_listening, on_stop
        self._patience = patience
        self._stopping = False
        self.failed = False

    def run(self) -> None:
        """Serve until a signal comes; returns when everything is drained and closed."""
        from twisted.logger import globalLogBeginner

        self.connections: dict[Any, dict[str, Any]] = {}
        self.http_factory = Factory(self)
        self.ws_factory = SocketFactory(self, server=None)
        self.ws_factory.settle(**SOCKET_OPTIONS)
        quiet: Any = lambda _event: None  # noqa: E731
        globalLogBeginner.beginLoggingTo([quiet], redirectStandardIO=False, discardBuffer=True)
        tcp.Connection.SEND_LIMIT = 128 * 1024
        loop = reactor._asyncioEventloop
        asyncio.set_event_loop(loop)
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._begin_stop)
        reactor.callWhenRunning(lambda: loop.create_task(self._start()))
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        reactor.run(installSignalHandlers=False)

    async def _start(self) -> None:
        from twisted.internet.endpoints import serverFromString

        try:
            await self._on_start()
            for description in self.endpoints:
                port = (
                    await serverFromString(reactor, description)
                    .listen(self.http_factory)
                    .asFuture(asyncio.get_running_loop())
                )
                self.listeners.append(port)
                self._on_listening(port.getHost().port)
        except Exception as error:
            log.critical("the server could not start: %s", error)
            self.failed = True
            self.stop()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, Socket):
            protocol.line = Line(protocol)
            scope["extensions"] = {"aap.line": protocol.line}
        return super().create_application(protocol, scope)

    def _begin_stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        asyncio.get_event_loop().create_task(self._drain())

    async def _drain(self) -> None:
        """Stop listening, hand the work over, tell every viewer to come back, then end."""
        for port in self.listeners:
            if hasattr(port, "stopListening"):
                port.stopListening()
        try:
            await asyncio.wait_for(self._on_stop(), self._patience)
        except Exception as error:
            log.warning("not everything was drained: %r", error)
        for protocol in list(self.connections):
            if isinstance(protocol, Socket) and protocol.state == protocol.STATE_OPEN:
                protocol.sendClose(code=1012, reason="restarting")
        await asyncio.sleep(0.2)
        self.stop()

    def kill_all_applications(self) -> Any:
        for details in self.connections.values():
            details.setdefault("application_instance", asyncio.ensure_future(_nothing()))
        return super().kill_all_applications()


async def _nothing() -> None:
    return None
