"""Which IP addresses are the public internet, judged on the packed address. Knows no names, settings or sockets.

`ipaddress.is_private` and `is_global` are no judges: NAT64, 6to4 and multicast count as global there, and carrier-grade
NAT is neither. The lists below are the IANA special-purpose registries (IPv4 and IPv6), plus one address that a cloud
uses as its internal control endpoint although it is public. For IPv6 only 2000::/3 can be public; an IPv4 address
inside an IPv6 address is taken out and judged itself.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_FORBIDDEN_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared (carrier-grade NAT)"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "reserved"),
        ("192.52.193.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "reserved"),
        ("198.18.0.0/15", "benchmark"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("168.63.129.16/32", "cloud control"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_FORBIDDEN_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "private (local NAT64)"),
        ("2001::/32", "tunnel (Teredo)"),
        ("2001:2::/48", "benchmark"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "tunnel (6to4)"),
        ("2620:4f:8000::/48", "reserved"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_V4_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
# The middle of an ISATAP interface identifier, with the universal bit cleared or set (RFC 5214).
_ISATAP = (0x00005EFE, 0x02005EFE)


def embedded_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet to `address` would end at, where the format says so; else None."""
    number = int(address)
    if address in _V4_MAPPED or address in _NAT64:
        return IPv4Address(number & 0xFFFFFFFF)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    return None


def why_forbidden(address: IPAddress) -> str | None:
    """What kind of internal address this is ("loopback", "private", …), or None for a public one."""
    if isinstance(address, IPv4Address):
        return next((what for network, what in _FORBIDDEN_V4 if address in network), None)
    inner = embedded_v4(address)
    if inner is not None:
        reason = why_forbidden(inner)
        if reason is not None:
            return reason
        if address in _V4_MAPPED or address in _NAT64:
            return None
    for network, what in _FORBIDDEN_V6:
        if address in network:
            return what
    return None if address in _PUBLIC_V6 else "reserved"
