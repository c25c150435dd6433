"""The address a request comes from, and what proxies say of it: only those count that the operator named."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from django.conf import settings


def client_ip(meta: Mapping[str, object]) -> str | None:
    """The client's IP, or None when it is not known (a Unix socket)."""
    peer = _parse(str(meta.get("REMOTE_ADDR") or ""))
    forwarded = str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    if peer is None or not forwarded:
        return str(peer) if peer else None
    address = peer
    for hop in reversed(forwarded.split(",")[-10:]):
        if not _is_trusted(address):
            break
        parsed = _parse(hop.strip())
        if parsed is None:
            break
        address = parsed
    return str(address)


def forwarded_scheme(peer: str | None, said: str | None) -> str | None:
    """The scheme that the client used, as `X-Forwarded-Proto` says it; None unless a trusted proxy says so in one word.

    A header that came twice is a list of two, and nobody's honest word.
    """
    address = _parse(peer or "")
    if said not in ("http", "https") or address is None or not _is_trusted(address):
        return None
    return said


def _is_trusted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in ipaddress.ip_network(item, strict=False) for item in settings.TRUSTED_PROXIES)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
