"""The same guard under httpx 0.28, which the ollama SDK is built on. Import it lazily: it loads httpx.

A twin of `transport`, word for word but for the library's name; connections, limits and rules come from `pool`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from core.egress.errors import EgressFailed, EgressTimedOut
from core.egress.guard import Resolver
from core.egress.http1 import HttpCut, HttpFault, HttpPoolTimeout, HttpReadTimeout, Wire
from core.egress.pool import Exchange, Pool
from core.egress.wire import write_head

MAX_CONNECTIONS = 2_000
CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 300.0
BETWEEN_SECONDS = 120.0


class _Body(httpx.AsyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def read(self) -> bytes:
        try:
            return await self._exchange.read()
        except HttpFault as fault:
            raise as_httpx(fault) from fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def aclose(self) -> None:
        await self._exchange.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 to judged addresses. `between_timeout`: seconds without bytes inside an answer."""

    def __init__(
        self,
        *,
        limit: int = MAX_CONNECTIONS,
        between_timeout: float = BETWEEN_SECONDS,
        resolver: Resolver | None = None,
    ) -> None:
        self._pool = Pool(limit=limit, between_timeout=between_timeout, resolver=resolver)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url, times = request.url, request.extensions.get("timeout", {})
        target, head, whole = write_head(request.method, str(url), request.headers.raw)
        body: bytes | httpx.AsyncByteStream = b""
        if whole:
            body = request.content if hasattr(request, "_content") else await request.aread()
        elif isinstance(request.stream, httpx.AsyncByteStream):
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
            raise httpx.ConnectTimeout(error.detail) from error
        except EgressFailed as error:
            raise httpx.ConnectError(error.detail) from error
        except HttpFault as fault:
            raise as_httpx(fault) from fault
        stream = _Body(exchange)
        return httpx.Response(
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


def as_httpx(fault: HttpFault) -> httpx.TransportError:
    if isinstance(fault, HttpReadTimeout):
        return httpx.ReadTimeout(str(fault))
    if isinstance(fault, HttpPoolTimeout):
        return httpx.PoolTimeout(str(fault))
    if isinstance(fault, HttpCut):
        return httpx.ReadError(str(fault))
    return httpx.RemoteProtocolError(str(fault))
