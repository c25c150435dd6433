"""The transport against real sockets: reuse, cuts, limits, timeouts, closing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.egress.tests.listeners import Listener, chunk, listening, read_request, stream_head, whole


@pytest.fixture
def allow(settings: Any) -> Any:
    def add(listener: Listener) -> None:
        settings.ALLOWED_PRIVATE_HOSTS = (listener.authority,)

    return add


@pytest.fixture
async def client() -> AsyncIterator[Any]:
    import httpx2

    from core.egress.transport import guarded_client, guarded_transport

    async with guarded_client(guarded_transport(httpx2, between_timeout=0.3, limit=3)) as made:
        yield made


def answering(*parts: bytes, gap: float = 0.0, then: str = "keep") -> Any:
    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            for part in parts:
                writer.write(part)
                await writer.drain()
                if gap:
                    await asyncio.sleep(gap)
            if then == "close":
                return

    return answer


async def test_connections_are_kept_and_reused(client: Any, allow: Any) -> None:
    async with listening(answering(stream_head(), chunk(b"one"), chunk(b"two"), b"0\r\n\r\n")) as server:
        allow(server)
        for _ in range(5):
            assert (await client.post(server.url, content=b"x" * 100_000)).content == b"onetwo"
        assert server.connections == 1
        assert server.bodies[0] == b"x" * 100_000


async def test_leaving_early_closes_the_connection(client: Any, allow: Any) -> None:
    async with listening(answering(stream_head(), *[chunk(b"x")] * 500, gap=0.01)) as server:
        allow(server)
        request = client.build_request("GET", server.url)
        response = await client.send(request, stream=True)
        assert await response.extensions["read"]() != b""
        await response.aclose()
        for _ in range(50):
            await asyncio.sleep(0.01)
            if server.closed:
                break
        assert server.closed == 1


async def test_end_soon_keeps_a_connection_whose_last_bytes_are_late(client: Any, allow: Any) -> None:
    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(stream_head() + chunk(b"all"))
            await asyncio.sleep(0.03)
            writer.write(b"0\r\n\r\n")

    async with listening(answer) as server:
        allow(server)
        for _ in range(3):
            response = await client.send(client.build_request("GET", server.url), stream=True)
            assert await response.extensions["read"]() == b"all"
            response.extensions["end_soon"]()
            await response.aclose()
            await asyncio.sleep(0.15)
        assert server.connections <= 2  # 1 on a machine that is not busy


async def test_whoever_leaves_as_their_turn_comes_passes_it_on(allow: Any) -> None:
    import httpx2

    from core.egress.transport import guarded_client, guarded_transport

    async with (
        listening(answering(stream_head(), *[chunk(b"x")] * 50, gap=0.01)) as server,
        guarded_client(guarded_transport(httpx2, between_timeout=0.3, limit=1)) as client,
    ):
        allow(server)

        async def begin() -> Any:
            return await client.send(client.build_request("GET", server.url), stream=True)

        first = await begin()
        second, third = asyncio.create_task(begin()), asyncio.create_task(begin())
        await asyncio.sleep(0.05)  # both wait for the only connection
        await first.aclose()  # the second's turn has come
        second.cancel()
        async with asyncio.timeout(2):
            await (await third).aclose()
        assert second.cancelled() and server.connections == 2


@pytest.mark.parametrize(
    ("parts", "then", "error"),
    [
        ((stream_head() + chunk(b"abc")[:-3],), "close", "ReadError"),
        ((stream_head() + chunk(b"abc"),), "close", "ReadError"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",), "close", "ReadError"),
        ((b"",), "close", "ReadError"),
        ((b"HTTP/1.1 200 OK\r\nX: y",), "close", "ReadError"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), "close", "RemoteProtocolError"),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",), "close", "RemoteProtocolError"),
        ((b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",), "close", "RemoteProtocolError"),
        (
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",),
            "close",
            "RemoteProtocolError",
        ),
        ((b"HTTP/1.1 500 No\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,), "close", "RemoteProtocolError"),
        (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", *[b"x" * 1_000_000] * 20),
            "close",
            "RemoteProtocolError",
        ),
        ((stream_head(), chunk(b"abc")), "keep", "ReadTimeout"),
    ],
)
async def test_broken_answers_are_errors(client: Any, allow: Any, parts: Any, then: str, error: str) -> None:
    import httpx2

    async with listening(answering(*parts, then=then)) as server:
        allow(server)
        with pytest.raises(httpx2.TransportError) as caught:
            await client.get(server.url)
        assert type(caught.value).__name__ == error


async def test_a_body_may_end_with_the_connection_and_100_continue_is_skipped(client: Any, allow: Any) -> None:
    parts = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"
    async with listening(answering(parts, then="close")) as server:
        allow(server)
        assert (await client.get(server.url)).content == b"abc"


async def test_the_first_byte_has_its_own_timeout(allow: Any) -> None:
    import httpx2

    from core.egress.transport import guarded_client

    async with listening() as server, guarded_client() as slow:
        allow(server)
        slow.timeout = httpx2.Timeout(0.2)
        with pytest.raises(httpx2.ReadTimeout):
            await slow.get(server.url)


async def test_nobody_listens(client: Any, settings: Any) -> None:
    import httpx2

    settings.ALLOWED_PRIVATE_HOSTS = ("127.0.0.1:9",)
    with pytest.raises(httpx2.ConnectError, match=r"No connection to 127\.0\.0\.1:9"):
        await client.get("http://127.0.0.1:9/")


async def test_a_full_pool_waits_then_says_so(client: Any, allow: Any) -> None:
    import httpx2

    async with listening(answering(stream_head(), *[chunk(b"x")] * 30, gap=0.02)) as server:
        allow(server)
        client.timeout = httpx2.Timeout(5, pool=0.1)
        open_ones = [await client.send(client.build_request("GET", server.url), stream=True) for _ in range(3)]
        with pytest.raises(httpx2.PoolTimeout):
            await client.get(server.url)
        client.timeout = httpx2.Timeout(5, pool=3)
        waiting = asyncio.create_task(client.send(client.build_request("GET", server.url), stream=True))
        await asyncio.sleep(0.05)
        await open_ones[0].aclose()
        fourth = await asyncio.wait_for(waiting, 2)
        for response in (*open_ones[1:], fourth):
            await response.aclose()


async def test_a_slow_reader_does_not_fill_the_memory(client: Any, allow: Any) -> None:
    sent = 0

    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        nonlocal sent
        await read_request(listener, reader)
        writer.transport.set_write_buffer_limits(high=0)  # the listener aborts at the end: nothing may wait in it then
        writer.write(stream_head())
        for _ in range(400):
            writer.write(chunk(b"x" * 100_000))
            await writer.drain()
            sent += 100_000
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with listening(answer) as server:
        allow(server)
        response = await client.send(client.build_request("GET", server.url), stream=True)
        await asyncio.sleep(0.4)
        assert sent < 20_000_000
        total = 0
        while data := await response.extensions["read"]():
            total += len(data)
        assert total == 40_000_000


async def test_bytes_that_nobody_asked_for_end_a_kept_connection(client: Any, allow: Any) -> None:
    async def answer(listener: Listener, reader: Any, writer: Any) -> None:
        while await read_request(listener, reader):
            writer.write(whole(b"{}"))
            await asyncio.sleep(0.05)
            writer.write(whole(b'{"smuggled": true}'))

    async with listening(answer) as server:
        allow(server)
        assert (await client.get(server.url)).content == b"{}"
        async with asyncio.timeout(10):
            while not server.closed:
                await asyncio.sleep(0.01)
        assert (await client.get(server.url)).content == b"{}"
        assert server.connections == 2


async def test_headers_cannot_be_injected(client: Any, allow: Any) -> None:
    from core.egress import EgressRefused

    async with listening(answering(whole(b"{}"))) as server:
        allow(server)
        for value in ("a\r\nX-Evil: 1", "a\nb", "a\0b"):
            with pytest.raises((EgressRefused, ValueError)):
                await client.get(server.url, headers={"X-Test": value})
        for path in ("/a%2f..%2fb", "/a/%2e%2e/b", "/a%5cb", "/a%00b"):
            with pytest.raises(EgressRefused):
                await client.get(server.url + path)
        assert server.connections == 0


async def test_tls_checks_the_certificate(settings: Any, tmp_path: Any) -> None:
    """A self-signed certificate is refused before anything is sent."""
    import ssl

    from core.egress.errors import EgressFailed
    from core.egress.tests.certificates import self_signed
    from core.egress.transport import guarded_client

    cert, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    got = b""

    async def serve(reader: Any, writer: Any) -> None:
        nonlocal got
        got += await reader.read(100)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings.ALLOWED_PRIVATE_HOSTS = (f"127.0.0.1:{port}",)
    async with guarded_client() as client:
        with pytest.raises(Exception, match="certificate") as caught:
            await client.get(f"https://127.0.0.1:{port}/")
        assert isinstance(caught.value.__cause__, EgressFailed)
    server.close()
    assert got == b""


def test_importing_egress_loads_no_http_library() -> None:
    import subprocess
    import sys

    code = "import sys, core.egress.connect; sys.exit(bool({'httpx', 'httpx2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    gc.collect()
