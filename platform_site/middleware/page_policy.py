"""What browsers may do with an answer: a Content-Security-Policy for each, and stricter rules for the operator admin.

A view that needs another policy (the web client's pages) sets its own.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
# JSON, event streams and plain files: nothing in them is ever run. Our error pages bring one style sheet.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The admin's menus are Alpine.js, which builds functions from attributes; inline scripts stay forbidden.
ADMIN_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


# Nothing of ours asks for any of these.
PERMISSIONS = (
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), display-capture=(), "
    "browsing-topics=(), accelerometer=(), gyroscope=(), magnetometer=()"
)


class PagePolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        admin = request.path.startswith("/admin/")
        if HEADER not in response.headers:
            response.headers[HEADER] = ADMIN_POLICY if admin else POLICY
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if admin:  # pages of the admin stay in no cache, not even the browser's own
            response.headers["Cache-Control"] = "no-store"
        elif request.path.startswith(
            "/api/v1/"
        ):  # tokens above all; lists that may be asked for again say so themselves
            response.headers.setdefault("Cache-Control", "no-store")
        return response
