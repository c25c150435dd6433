"""One parsed URL for the check and for the connection. Knows no DNS and opens nothing.

Parsers disagree about odd URLs, and every disagreement has been somebody's hole: what one reads as the user name,
another reads as the host. So this reads a small, plain subset and refuses the rest with a sentence that says what is
wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from core.egress.errors import EgressRefused

MAX_URL = 2_000
_UNSEEN = re.compile(r"[\x00-\x20\x7f]")
_SHAPE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?]*)(?P<path>/[^?]*)?(?P<query>\?.*)?\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/-]*\Z")
_NUMBER_LIKE = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. `host` is lower case, without brackets; an IP address is in its canonical spelling."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    literal: IPv4Address | IPv6Address | None = None

    @property
    def authority(self) -> str:
        """`host:port` as it is listed in ALLOWED_PRIVATE_HOSTS; IPv6 in brackets."""
        return authority(self.host, self.port)

    @property
    def origin(self) -> str:
        """scheme://host[:port], the default port left out. A stored key belongs to one of these."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return f"{self.scheme}://{host}" if self.port == default else f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL again, from the parsed parts only, without a slash at the end."""
        return self.origin + self.path.rstrip("/")


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=512)  # a provider's address is read anew for each of its calls; a refusal is never kept
def parse_url(text: str) -> Target:
    """Read an http(s) URL; EgressRefused for what is not plain."""
    if len(text) > MAX_URL:
        raise EgressRefused("The address is too long.")
    if not text.isascii():
        raise EgressRefused("The address holds characters outside ASCII. Write the host in its xn-- form.")
    if _UNSEEN.search(text):
        raise EgressRefused("The address holds spaces or control characters.")
    if "\\" in text:
        raise EgressRefused("The address holds a backslash.")
    if "#" in text:
        raise EgressRefused("The address holds a fragment (#). Leave it out.")
    match = _SHAPE.match(text)
    if match is None:
        raise EgressRefused("This is not a web address. Write it like https://api.example.com/v1.")
    scheme = match["scheme"].lower()
    if scheme not in ("http", "https"):
        raise EgressRefused("The address must begin with https:// or http://.")
    if match["query"] is not None:
        raise EgressRefused("The address holds a query (?). Leave it out.")
    if "@" in match["authority"]:
        raise EgressRefused("The address holds a user name or password. Leave it out; the key has its own field.")
    path = match["path"] or ""
    if not _PATH.match(path) or any(part in (".", "..") for part in path.split("/")) or "//" in path:
        raise EgressRefused("The path of the address holds parts that are not allowed.")
    host, port = _split_authority(match["authority"], 443 if scheme == "https" else 80)
    name, literal = parse_host(host)
    return Target(scheme="https" if scheme == "https" else "http", host=name, port=port, path=path, literal=literal)


def _split_authority(text: str, default: int) -> tuple[str, int]:
    if text.startswith("["):
        host, closed, rest = text.partition("]")
        host = host + closed
        if not closed or (rest and not rest.startswith(":")):
            raise EgressRefused("The IPv6 address is not closed by a bracket.")
        digits = rest[1:] if rest else None
    else:
        host, colon, after = text.partition(":")
        digits = after if colon else None
    if not host or host == "[]":
        raise EgressRefused("The address has no host.")
    if digits is None:
        return host, default
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) < 65536:
        raise EgressRefused("The port must be a number from 1 to 65535.")
    return host, int(digits)


def parse_host(text: str) -> tuple[str, IPv4Address | IPv6Address | None]:
    """The host in its one spelling, and its IP address where it is one. Other spellings are refused."""
    if text.startswith("[") and text.endswith("]"):
        inner = text[1:-1]
        if "%" in inner:
            raise EgressRefused("IPv6 zone ids are not allowed.")
        try:
            v6 = IPv6Address(inner)
        except ValueError:
            raise EgressRefused("This is not an IPv6 address.") from None
        return str(v6), v6
    if ":" in text:
        raise EgressRefused("Write an IPv6 address in brackets.")
    host = text.lower()
    if host.endswith("."):
        raise EgressRefused("Leave out the dot at the end of the host.")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise EgressRefused("The host holds characters that a host name cannot have.")
    # A resolver reads 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1: a host that ends in a number must be plain.
    if _NUMBER_LIKE.match(labels[-1]):
        try:
            v4 = IPv4Address(host)
        except ValueError:
            raise EgressRefused("Write an IPv4 address as four decimal numbers.") from None
        return str(v4), v4
    return host, None
