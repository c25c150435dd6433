"""The few bytes of HTTP and websocket that the driver, the mock and the relay speak; no library, to stay cheap."""

from __future__ import annotations

import base64
import hashlib
import os
import struct

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(method: str, host: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def upgrade(host: str, path: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    extra = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    return request("GET", host, path, {**extra, "Origin": f"http://{host}"})


def accept_upgrade(head: bytes) -> bytes:
    key = header(head, b"sec-websocket-key")
    digest = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n"
    )


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header, b"" without it."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def frame(payload: bytes, *, opcode: int = 1, masked: bool = False) -> bytes:
    """One whole websocket frame. A client's mask is all zeros: legal, and free."""
    size, bit = len(payload), 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, bit | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, size)
    return head + (b"\0\0\0\0" if masked else b"") + payload


class Frames:
    """Cuts a byte stream into websocket frames. Masks are taken to be zero, as `frame` makes them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The (opcode, payload) of every frame that is now complete."""
        data = self._rest + data if self._rest else data
        found, at, end = [], 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1] & 0x7F, at + 2
            if size == 126:
                if end - start < 2:
                    break
                size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            elif size == 127:
                if end - start < 8:
                    break
                size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
            if data[at + 1] & 0x80:
                start += 4
            if end - start < size:
                break
            found.append((data[at] & 0x0F, data[start : start + size]))
            at = start + size
        self._rest = data[at:]
        return found
