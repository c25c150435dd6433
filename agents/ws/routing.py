"""The websocket application: one address, judged by host and origin before it opens."""

from __future__ import annotations

from typing import Any

from agents.ws.consumer import RunSocket
from agents.ws.origin import may_connect

PATH = "/ws/v1/"

_socket = RunSocket.as_asgi()


async def websocket_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI. A wrong address or a foreign page is refused in the handshake (HTTP 403)."""
    if scope["path"] != PATH or not may_connect(scope):
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await _socket(scope, receive, send)
