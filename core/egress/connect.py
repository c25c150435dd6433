"""The one function of the product that opens an outbound connection. Must not know HTTP or who wants to connect."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import TypeVar

from core.egress.errors import EgressFailed, EgressRefused, EgressTimedOut
from core.egress.guard import Address, Resolver, is_listed, judge
from core.egress.urls import authority

P = TypeVar("P", bound=asyncio.BaseProtocol)

_tls_lock = threading.Lock()
_tls_context: ssl.SSLContext | None = None


def tls_context() -> ssl.SSLContext:
    """The process's one TLS client context. Building it reads all root certificates (30 ms): call it in a thread."""
    global _tls_context
    with _tls_lock:
        if _tls_context is None:
            import certifi

            context = ssl.create_default_context()
            context.load_verify_locations(certifi.where())  # slim images have no certificates of their own
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            _tls_context = context
        return _tls_context


async def connect(
    host: str,
    port: int,
    *,
    tls: bool,
    protocol_factory: Callable[[], P],
    timeout: float,
    resolver: Resolver | None = None,
    context: ssl.SSLContext | None = None,
) -> tuple[asyncio.Transport, P]:
    """Judge `host`, connect to a judged address and to nothing else, and check the certificate against `host`.

    `timeout` in seconds holds for the name, all attempts and TLS together. Raises EgressRefused, EgressFailed,
    EgressTimedOut.
    """
    try:
        async with asyncio.timeout(timeout):
            addresses = await judge(host, port, resolver=resolver)
            if not tls and not is_listed(host, port):
                raise EgressRefused(
                    "Plain http is only allowed to hosts that the operator listed. Use https, or ask the operator to "
                    f"add {authority(host, port)} to AAP_ALLOWED_PRIVATE_HOSTS."
                )
            if tls and context is None:
                context = _tls_context or await asyncio.to_thread(tls_context)
            return await _first_that_answers(host, addresses, context if tls else None, protocol_factory, timeout)
    except TimeoutError:
        raise EgressTimedOut(f"{authority(host, port)} did not answer within {timeout:g} seconds.") from None


async def _first_that_answers(
    host: str,
    addresses: list[Address],
    context: ssl.SSLContext | None,
    protocol_factory: Callable[[], P],
    timeout: float,
) -> tuple[asyncio.Transport, P]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    failure: Exception | None = None
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        # One address that swallows packets must not use up the time of the others.
        share = (deadline - loop.time()) / left
        try:
            async with asyncio.timeout(max(share, 0.05)):
                return await loop.create_connection(
                    protocol_factory,
                    str(address.ip),
                    address.port,
                    ssl=context,
                    server_hostname=host if context is not None else None,
                )
        except ssl.SSLCertVerificationError as error:
            raise EgressFailed(
                f"The certificate of {host} is not valid for it ({error.verify_message}). Nothing was sent."
            ) from None
        except (OSError, TimeoutError) as error:
            failure = error
    where = authority(host, addresses[0].port)
    if isinstance(failure, TimeoutError):
        raise EgressTimedOut(f"{where} did not answer within {timeout:g} seconds.")
    if isinstance(failure, ssl.SSLError):
        raise EgressFailed(f"{where} did not complete a TLS handshake. Is it an https address?")
    raise EgressFailed(f"No connection to {where}. Check that it runs and that the address is right.")
