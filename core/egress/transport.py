"""The guarded transport under httpx2, which carries the openai and anthropic SDKs. Import it lazily: it loads httpx2.

The client that it is given to must be made with `trust_env=False` and `follow_redirects=False`; `guarded_client` does
so. Being a transport of its own it never looks at proxy variables (documented: egress goes direct or not at all).
Besides the ordinary response stream it hands out two functions in `response.extensions`: "read" (await it for the next
bytes, b"" at the end; no generators in between) and "end_soon" (the reader is done; keep the connection).
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from core.egress.errors import EgressFailed, EgressTimedOut
from core.egress.guard import Resolver
from core.egress.http1 import HttpCut, HttpFault, HttpPoolTimeout, HttpReadTimeout, Wire
from core.egress.pool import Exchange, Pool
from core.egress.wire import write_head

MAX_CONNECTIONS = 2_000
CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 300.0
BETWEEN_SECONDS = 120.0


class _Body(httpx2.AsyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def read(self) -> bytes:
        try:
            return await self._exchange.read()
        except HttpFault as fault:
            raise as_httpx2(fault) from fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def aclose(self) -> None:
        await self._exchange.aclose()


class GuardedTransport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 to judged addresses. `between_timeout`: seconds without bytes inside an answer."""

    def __init__(
        self,
        *,
        limit: int = MAX_CONNECTIONS,
        between_timeout: float = BETWEEN_SECONDS,
        resolver: Resolver | None = None,
    ) -> None:
        self._pool = Pool(limit=limit, between_timeout=between_timeout, resolver=resolver)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url, times = request.url, request.extensions.get("timeout", {})
        target, head, whole = write_head(request.method, str(url), request.headers.raw)
        body: bytes | httpx2.AsyncByteStream = b""
        if whole:
            body = request.content if hasattr(request, "_content") else await request.aread()
        elif isinstance(request.stream, httpx2.AsyncByteStream):
            body = request.stream
        wire = Wire(
            method=request.method.encode("ascii"),
            host=target.host,
            port=target.port,
            tls=target.scheme == "https",
            head=head,
            body=body,
            connect_timeout=times.get("connect") or CONNECT_SECONDS,
            read_timeout=times.get("read") or FIRST_BYTE_SECONDS,
            pool_timeout=times.get("pool") or CONNECT_SECONDS,
        )
        try:
            exchange = await self._pool.exchange(wire)
        except EgressTimedOut as error:
            raise httpx2.ConnectTimeout(error.detail) from error
        except EgressFailed as error:
            raise httpx2.ConnectError(error.detail) from error
        except HttpFault as fault:
            raise as_httpx2(fault) from fault
        stream = _Body(exchange)
        return httpx2.Response(
            exchange.status,
            headers=exchange.headers,
            stream=stream,
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": exchange.reason,
                "read": stream.read,
                "end_soon": exchange.end_soon,
            },
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


def as_httpx2(fault: HttpFault) -> httpx2.TransportError:
    if isinstance(fault, HttpReadTimeout):
        return httpx2.ReadTimeout(str(fault))
    if isinstance(fault, HttpPoolTimeout):
        return httpx2.PoolTimeout(str(fault))
    if isinstance(fault, HttpCut):
        return httpx2.ReadError(str(fault))
    return httpx2.RemoteProtocolError(str(fault))


def guarded_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """The only httpx2 client of the product: guarded, no redirects, no environment, no compression."""
    return httpx2.AsyncClient(
        transport=transport or GuardedTransport(),
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
    )
