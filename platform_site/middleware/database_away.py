"""Requests that need the database are refused at once while it is away (`core.outage`)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core import outage
from platform_site.errors import answer
from platform_site.health import unready

_NEED_IT = ("/api/v1/", "/scim/", "/admin/", "/readyz")


class DatabaseAwayMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(_NEED_IT) or not outage.refuses():
            return self.get_response(request)
        if request.path == "/readyz":
            return unready("The database does not answer.")
        return answer(request, outage.refusal())
