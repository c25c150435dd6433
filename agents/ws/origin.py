"""Which pages may open a socket: the product's own, and those that the operator listed. Judged before the socket opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from accounts.rest.address import forwarded_scheme

_DEFAULT_PORTS = {"http": 80, "https": 443}


def may_connect(scope: Mapping[str, Any]) -> bool:
    """A known Host, and an Origin that is absent, listed, or the request's own scheme, host and port."""
    headers = _headers(scope)
    host = headers.get("host", "")
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    if "origin" not in headers:
        return True  # the credential is in the first frame, so there is nothing that a browser would add by itself
    origin = headers["origin"]
    if origin in settings.ALLOWED_ORIGINS:
        return True
    return _parts(origin) == _parts(f"{_scheme(scope, headers)}://{host}") != None  # noqa: E711


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope.get("headers", ()):
        key = name.decode("latin-1").lower()
        # A header that comes twice is nobody's honest request: make it match nothing.
        found[key] = value.decode("latin-1") if key not in found else "\x00"
    return found


def _scheme(scope: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    own = "https" if scope.get("scheme") in ("wss", "https") else "http"
    return forwarded_scheme((scope.get("client") or ("",))[0], headers.get("x-forwarded-proto")) or own


def _parts(origin: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(origin)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port is None or parts.path or parts.query:
        return None
    return parts.scheme, parts.hostname.lower(), port
