"""The address a request comes from; X-Forwarded-For counts only behind the proxies that the operator named."""

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
    networks = [ipaddress.ip_network(item, strict=False) for item in settings.TRUSTED_PROXIES]
    address = peer
    for hop in reversed(forwarded.split(",")[-10:]):
        if not any(address in network for network in networks):
            break
        parsed = _parse(hop.strip())
        if parsed is None:
            break
        address = parsed
    return str(address)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
