"""Bytes that no client of good will sends, on a real port: refused at once, for next to nothing."""

from __future__ import annotations

import base64
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.product import Product, running_product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
HOST = b"Host: localhost\r\n"
POST = b"POST /api/v1/setup/ HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    yield from running_product(Path(tmp_path_factory.mktemp("wire")) / "data")


def cost(product: Product) -> tuple[float, float]:
    """(CPU seconds, resident MB) of the product so far."""
    assert product.process is not None
    fields = Path(f"/proc/{product.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    pages = int(Path(f"/proc/{product.process.pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def talk(product: Product, *parts: bytes) -> bytes:
    """What comes back until the server hangs up."""
    found = b""
    with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # it hung up already; what it said is there to be read
        try:
            while data := connection.recv(65536):
                found += data
        except ConnectionResetError:
            pass
    return found


CHUNK = b"10000\r\n" + b"a" * 65536 + b"\r\n"
BAD: dict[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = {
    "a header of 10 MB": ((b"GET / HTTP/1.1\r\n" + HOST + b"X-A: ", *[b"a" * 65536] * 160), (b"", b"400", b"431")),
    "20,000 headers": (
        (b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: b\r\n" % n for n in range(20_000)),),
        (b"400", b""),
    ),
    "one header 20,000 times": ((b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n" * 20_000,), (b"400", b"")),
    "a chunked body past 2 MiB": ((POST + b"Transfer-Encoding: chunked\r\n\r\n", *[CHUNK] * 40), (b"413",)),
    "a length past 2 MiB": ((POST + b"Content-Length: 2097153\r\n\r\n",), (b"413",)),
    "a length and chunks": ((POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",), (b"400",)),
    "a length that is no number": ((POST + b"Content-Length: ]\r\n\r\n",), (b"400",)),
    "a length in raised digits": ((POST + b"Content-Length: \xb2\r\n\r\n",), (b"400",)),
    # The server drops names with an underscore, which Django would take for the other spelling.
    "a length by another name": (
        (POST + b"Connection: close\r\nContent_Length: ]\r\nContent-Length: 0\r\n\r\n",),
        (b"400", b"409"),
    ),
    "two lengths": ((POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",), (b"400",)),
    "a negative length": ((POST + b"Content-Length: -4\r\n\r\nabcde",), (b"400",)),
    "no HTTP": ((b"NONSENSE\r\n\r\n",), (b"400",)),
    "a path of 60,000": ((b"GET /api/" + b"a" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",), (b"400", b"414", b"")),
}


@pytest.mark.parametrize(("parts", "statuses"), BAD.values(), ids=BAD.keys())
def test_incident_2_67_g14_refused_for_next_to_nothing(
    product: Product, parts: tuple[bytes, ...], statuses: tuple[bytes, ...]
) -> None:
    cpu, memory = cost(product)
    answer = talk(product, *parts)
    assert answer.partition(b" ")[2][:3] in statuses, answer[:300]
    assert answer.count(b"HTTP/1.1") <= 1, "nothing was taken for a second request"
    spent, more = (after - before for after, before in zip(cost(product), (cpu, memory), strict=True))
    assert spent < 0.2 and more < 20
    assert b"Server:" not in answer and b"Traceback" not in answer
    assert product.call("GET", "/healthz")["status"] == "ok"


def test_a_slow_body_holds_up_nobody(product: Product) -> None:
    slow = [socket.create_connection(("127.0.0.1", product.port)) for _ in range(60)]
    try:
        for connection in slow:
            connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
        begun = time.monotonic()
        for _ in range(10):
            product.call("GET", "/api/v1/me/")
        assert time.monotonic() - begun < 3
    finally:
        for connection in slow:
            connection.close()


def upgrade(product: Product, extra: bytes = b"") -> tuple[socket.socket, bytes]:
    connection = socket.create_connection(("127.0.0.1", product.port), timeout=5)
    key = base64.b64encode(os.urandom(16))
    connection.sendall(
        b"GET /ws/v1/ HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n" + extra + b"\r\n"
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    return connection, head


def close_code(connection: socket.socket) -> int:
    frame = connection.recv(300)
    assert frame[0] == 0x88, frame
    return int(struct.unpack(">H", frame[2:4])[0])


def masked(first: int, payload: bytes) -> bytes:
    return bytes([first, 0x80 | 126]) + struct.pack(">H", len(payload)) + bytes(4) + payload


def test_incident_2_68_a_deflate_bomb_is_not_inflated(product: Product) -> None:
    connection, head = upgrade(product, b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
    with connection:
        assert b"101 " in head and b"permessage-deflate" not in head, "compression is never agreed to"
        maker = zlib.compressobj(9, wbits=-15)
        bomb = (maker.compress(bytes(1_000_000)) + maker.flush(zlib.Z_SYNC_FLUSH))[:-4]
        memory = cost(product)[1]
        connection.sendall(masked(0xC1, bomb))
        assert close_code(connection) == 1002
        assert cost(product)[1] - memory < 8


@pytest.mark.parametrize(("length", "code"), [(4 << 30, 1009), (65_537, 1009), (1 << 63, 1002)])
def test_incident_3_30_a_huge_frame_is_closed_at_its_header(product: Product, length: int, code: int) -> None:
    connection, _ = upgrade(product)
    with connection:
        begun = time.monotonic()
        connection.sendall(bytes([0x81, 0x80 | 127]) + struct.pack(">Q", length) + bytes(4))
        assert close_code(connection) == code
        assert time.monotonic() - begun < 4, "it waited for the rest"
