"""Serves the web client's static export: real files, deep links to pages with an id, and a true 404.

A dynamic route is exported once, as `/agents/_/`. So `/agents/<anything>/` gets that page, and the files that the
client's router asks for beside it (`__next.*.txt`, `index.txt`) likewise; without them every click is a full reload.
Each page goes out with a Content-Security-Policy that names the hashes of its own inline scripts.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
PLACEHOLDER = "_"
#: File systems do not say of a longer name that it is not there; they fail.
_LONGEST_NAME = 255
_POLICY = (
    "default-src 'self'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'{sockets}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the export, ready to send."""

    body: bytes
    content_type: str
    etag: str
    script_hashes: str


def client_page(request: HttpRequest) -> HttpResponse:
    """The page or file for this path; the client's own 404 page, with status 404, for any other."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    found = find_file(request.path)
    if found is None and not request.path.endswith("/") and find_file(request.path + "/") is not None:
        query = request.META.get("QUERY_STRING")
        target = request.path + "/" + (f"?{query}" if query else "")
        return HttpResponse(status=308, headers={"Location": "/" + target.lstrip("/\\")})
    status = 200 if found else 404
    path = found or settings.CLIENT_BUILD / "404.html"
    if not path.is_file():
        return HttpResponse(_NOT_BUILT, status=503, content_type="text/html; charset=utf-8")
    page = load_page(path, path.stat().st_mtime_ns)
    headers = {"Cache-Control": "no-cache", "ETag": page.etag}
    if page.content_type.startswith("text/html"):
        sockets = f" ws://{request.get_host()} wss://{request.get_host()}"
        headers["Content-Security-Policy"] = _POLICY.format(hashes=page.script_hashes, sockets=sockets)
    if status == 200 and request.headers.get("If-None-Match") == page.etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(page.body, status=status, content_type=page.content_type, headers=headers)


def favicon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for on their own on pages that name no icon: the client's."""
    path = settings.CLIENT_BUILD / "icon.svg"
    if not path.is_file():
        return HttpResponse(status=204)
    icon = load_page(path, path.stat().st_mtime_ns)
    headers = {"Cache-Control": "max-age=86400", "ETag": icon.etag}
    return HttpResponse(icon.body, content_type="image/svg+xml", headers=headers)


def find_file(url_path: str) -> Path | None:
    """The exported file for a path of the address bar, or None. Never leaves the export's folder."""
    root: Path = settings.CLIENT_BUILD
    folder = root
    parts = url_path.strip("/").split("/") if url_path.strip("/") else []
    if any(part in ("", ".", "..") or "\\" in part or part.startswith(".") for part in parts):
        return None
    if any(len(part.encode("utf-8", "replace")) > _LONGEST_NAME for part in parts):
        return None
    last_is_file = bool(parts) and not url_path.endswith("/") and "." in parts[-1]
    for part in parts[:-1] if last_is_file else parts:
        if (folder / part).is_dir() and part != PLACEHOLDER:
            folder = folder / part
        elif (folder / PLACEHOLDER).is_dir() and len(part) <= 64:
            folder = folder / PLACEHOLDER
        else:
            return None
    if last_is_file:
        candidate = folder / parts[-1]
    elif not parts or url_path.endswith("/"):
        candidate = folder / "index.html"
    else:
        return None
    return candidate if candidate.is_file() else None


@lru_cache(maxsize=512)
def load_page(path: Path, _changed: int) -> Page:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    hashes = ""
    if path.suffix == ".html":
        found = {hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(body)}
        hashes = "".join(f" 'sha256-{base64.b64encode(digest).decode()}'" for digest in sorted(found))
    return Page(body, kind, f'"{hashlib.sha256(body).hexdigest()[:24]}"', hashes)


_NOT_BUILT = """<!doctype html><html lang="en"><title>The web client is not built</title>
<body style="font:16px/1.5 system-ui;max-width:36em;margin:15vh auto;padding:0 1em">
<h1 style="font-size:20px">The web client is not built yet</h1>
<p>Run <code>make run</code>, which builds it, or <code>make client</code> to build it alone. The API and the
<a href="/admin/">operator admin</a> work without it.</p></body></html>"""
