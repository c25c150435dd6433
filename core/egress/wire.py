"""From a client library's request to the bytes of an HTTP/1.1 head. Imports neither library."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.egress.errors import EgressRefused
from core.egress.urls import Target, parse_url

_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*\Z")
# Not the dot, the slashes and NUL: escaped, they are read differently by different servers.
_ESCAPED = re.compile(r"%(?!2[eEfF]|5[cC]|00)[0-9A-Fa-f]{2}")
# Headers that belong to the connection: written here or not at all.
_OURS = frozenset((b"host", b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"expect"))


def write_head(method: str, url: str, headers: Iterable[tuple[bytes, bytes]]) -> tuple[Target, bytes, bool]:
    """(where to connect, the head up to the empty line, whether the body has a known length).

    The URL is read once more by our own parser, so that what is written and what is judged are the same object. Escaped
    characters in the path (a vendor's id, quoted by its SDK) and a query (made by an SDK) are let through after a
    check.
    """
    address, _, query = url.partition("?")
    if not _QUERY.match(query):
        raise EgressRefused("The query of the address holds characters that are not allowed.")
    start = address.find("/", address.find("://") + 3)
    base, path = (address, "/") if start < 0 else (address[:start], address[start:])
    target = parse_url(base)
    parse_url(base + _ESCAPED.sub("x", path))
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii"), (path + ("?" + query if query else "")).encode("ascii"))]
    default = target.port == (443 if target.scheme == "https" else 80)
    shown = target.authority.rpartition(":")[0] if default else target.authority
    lines.append(b"Host: " + shown.encode("ascii"))
    whole = True
    for name, value in headers:
        lowered = name.lower()
        if lowered in _OURS:
            continue
        if not _TOKEN.match(name) or b"\r" in value or b"\n" in value or b"\0" in value:
            raise EgressRefused("A header of the request holds control characters. Check the key and the options.")
        if lowered == b"transfer-encoding":
            whole = False
        lines.append(name + b": " + value)
    lines.append(b"\r\n")
    return target, b"\r\n".join(lines), whole
