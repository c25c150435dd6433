"""The guarded transport, under httpx2 (which carries the openai and anthropic SDKs) and under httpx (ollama's).

The two libraries differ by name only, so one class is made for each on first use; neither is imported here.
The client that a transport is given to must be made with `trust_env=False` and `follow_redirects=False`; `guarded_client`
does so. Being a transport of its own it never looks at proxy variables (documented: egress goes direct or not at all).
Besides the ordinary response stream it hands out two functions in `response.extensions`: "read" (await it for the next
bytes, b"" at the end; no generators in between) and "end_soon" (the reader is done; keep the connection).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING, Any

from core.egress.errors import EgressFailed, EgressTimedOut
from core.egress.guard import Resolver, is_listed
from core.egress.http1 import HttpCut, HttpFault, HttpPoolTimeout, HttpReadTimeout, Wire
from core.egress.pool import Exchange, Pool
from core.egress.wire import write_head
from core.tracing import header_for

if TYPE_CHECKING:
    import httpx2

MAX_CONNECTIONS = 2_000
CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 300.0
BETWEEN_SECONDS = 120.0


def guarded_transport(
    library: Any,
    *,
    limit: int = MAX_CONNECTIONS,
    between_timeout: float = BETWEEN_SECONDS,
    resolver: Resolver | None = None,
    carries_trace: bool = False,
) -> Any:
    """A transport to judged addresses for `library`, the module httpx or httpx2.

    `between_timeout`: seconds without bytes inside an answer. `carries_trace`: the other side is told the ids of the trace,
    as far as the operator wants that. Errors are the library's own TransportErrors.
    """
    pool = Pool(limit=limit, between_timeout=between_timeout, resolver=resolver)
    return _transport_class(library)(pool, carries_trace)


def guarded_client(transport: Any = None, *, carries_trace: bool = False) -> httpx2.AsyncClient:
    """The only httpx2 client of the product: guarded, no redirects, no environment, no compression."""
    import httpx2

    return httpx2.AsyncClient(
        transport=transport or guarded_transport(httpx2, carries_trace=carries_trace),
        trust_env=False,
        follow_redirects=False,
        headers={"Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
    )


@cache
def _transport_class(library: Any) -> Any:
    def as_theirs(fault: HttpFault) -> Exception:
        if isinstance(fault, HttpReadTimeout):
            kind = library.ReadTimeout
        elif isinstance(fault, HttpPoolTimeout):
            kind = library.PoolTimeout
        else:
            kind = library.ReadError if isinstance(fault, HttpCut) else library.RemoteProtocolError
        error: Exception = kind(str(fault))
        return error

    class Body(library.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, exchange: Exchange) -> None:
            self._exchange = exchange

        async def read(self) -> bytes:
            try:
                return await self._exchange.read()
            except HttpFault as fault:
                raise as_theirs(fault) from fault

        async def __aiter__(self) -> AsyncIterator[bytes]:
            while data := await self.read():
                yield data

        async def aclose(self) -> None:
            await self._exchange.aclose()

    class GuardedTransport(library.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, pool: Pool, carries_trace: bool) -> None:
            self._pool, self._carries_trace = pool, carries_trace

        async def handle_async_request(self, request: Any) -> Any:
            wire = await _wire(library, request, carries_trace=self._carries_trace)
            try:
                exchange = await self._pool.exchange(wire)
            except EgressTimedOut as error:
                raise library.ConnectTimeout(error.detail) from error
            except EgressFailed as error:
                raise library.ConnectError(error.detail) from error
            except HttpFault as fault:
                raise as_theirs(fault) from fault
            stream = Body(exchange)
            return library.Response(
                exchange.status,
                headers=exchange.headers,
                stream=stream,
                extensions={
                    "http_version": b"HTTP/1.1",
                    "reason_phrase": exchange.reason,
                    "read": stream.read,
                    "end_soon": exchange.end_soon,
                    "tap": exchange.tap,
                },
            )

        async def aclose(self) -> None:
            await self._pool.aclose()

    return GuardedTransport


def _is_own(url: Any) -> bool:
    return is_listed(url.host, url.port or (443 if url.scheme == "https" else 80))


async def _wire(library: Any, request: Any, *, carries_trace: bool) -> Wire:
    """The request as bytes for the pool, with the timeouts that the client was given."""
    times = request.extensions.get("timeout", {})
    headers = request.headers.raw
    if carries_trace and (trace := header_for(lambda: _is_own(request.url))) is not None:
        headers = [*headers, (b"traceparent", trace.encode("ascii"))]
    target, head, whole = write_head(request.method, str(request.url), headers)
    body: Any = b""
    if whole:
        body = request.content if hasattr(request, "_content") else await request.aread()
    elif isinstance(request.stream, library.AsyncByteStream):
        body = request.stream
    return Wire(
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
