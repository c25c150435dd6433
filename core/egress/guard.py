"""The one judge of where this installation may connect to. Opens no connection itself; see `connect`.

A name is resolved once; every address of it must be public, else the whole name is refused (a name that answers with a
public and a private address is an attack, not a service). The exception is what the operator listed as `host:port` in
ALLOWED_PRIVATE_HOSTS, compared with the literal host and port of the URL.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from core.egress.addresses import IPAddress, why_forbidden
from core.egress.errors import EgressFailed, EgressRefused
from core.egress.urls import Target, authority, parse_host

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> IP addresses as text, in order of preference."""


@dataclass(frozen=True, slots=True)
class Address:
    """A judged address: the only thing that `connect` connects to."""

    ip: IPAddress
    port: int


def allowed_private_hosts() -> frozenset[str]:
    """`host:port` entries that the operator lets through, in canonical spelling."""
    from django.conf import settings

    return _canonical(tuple(getattr(settings, "ALLOWED_PRIVATE_HOSTS", ())))


_canonical_cache: dict[tuple[str, ...], frozenset[str]] = {}


def _canonical(entries: tuple[str, ...]) -> frozenset[str]:
    known = _canonical_cache.get(entries)
    if known is None:
        known = frozenset(_canonical_entry(entry) for entry in entries if entry.strip())
        _canonical_cache.clear()
        _canonical_cache[entries] = known
    return known


def _canonical_entry(entry: str) -> str:
    host, _, port = entry.strip().rpartition(":")
    try:
        return authority(parse_host(host)[0], int(port))
    except (EgressRefused, ValueError):
        # An entry that cannot be read allows nothing; start-up checks tell the operator about it.
        return f"unreadable:{entry}"


def is_listed(host: str, port: int) -> bool:
    """True when the operator listed this literal host and port."""
    return authority(host, port) in allowed_private_hosts()


async def judge(host: str, port: int, *, resolver: Resolver | None = None) -> list[Address]:
    """The addresses of `host` that may be connected to, in order; never empty.

    Raises EgressRefused when any of them is internal and `host:port` is not listed, EgressFailed when the name is
    unknown.
    """
    name, literal = parse_host(f"[{host}]" if ":" in host else host)
    if not 0 < port < 65536:
        raise EgressRefused("The port must be a number from 1 to 65535.")
    listed = is_listed(name, port)
    if literal is not None:
        judge_ip(literal, name, port, listed=listed)
        return [Address(literal, port)]
    if not listed and (name == "localhost" or name.endswith(".localhost")):
        raise refusal(name, port, "loopback")
    texts = await (resolver or resolve)(name, port)
    if not texts:
        raise EgressFailed(f"The name {name} is not known. Check the address.")
    addresses = []
    for text in texts:
        ip = ip_address(text.partition("%")[0])
        judge_ip(ip, name, port, listed=listed)
        addresses.append(Address(ip, port))
    return addresses


def judge_ip(ip: IPAddress, host: str, port: int, *, listed: bool) -> None:
    """Raises EgressRefused when `ip` is internal and not listed."""
    reason = None if listed else why_forbidden(ip)
    if reason is not None:
        raise refusal(host, port, reason)


def judge_target(target: Target) -> None:
    """What can be said about a URL without asking a name server; for forms, so that mistakes show at the field."""
    listed = is_listed(target.host, target.port)
    if target.literal is not None:
        judge_ip(target.literal, target.host, target.port, listed=listed)
    if target.scheme == "http" and not listed:
        raise EgressRefused(
            f"Plain http is only allowed to hosts that the operator listed. Use https, or ask the operator to add "
            f"{target.authority} to AAP_ALLOWED_PRIVATE_HOSTS."
        )
    if not listed and (target.host == "localhost" or target.host.endswith(".localhost")):
        raise refusal(target.host, target.port, "loopback")


def refusal(host: str, port: int, reason: str) -> EgressRefused:
    return EgressRefused(
        f"{authority(host, port)} leads to a {reason} address, which is not allowed. If it should be, ask the operator "
        f"to add {authority(host, port)} to AAP_ALLOWED_PRIVATE_HOSTS."
    )


async def resolve(host: str, port: int) -> list[str]:
    """The system's resolver, off the event loop; both address families."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise EgressFailed(f"The name {host} is not known. Check the address.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
