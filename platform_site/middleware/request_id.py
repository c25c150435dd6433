"""Every request gets an id: in the answer, in every log line, in audit entries and in runs; and one access line."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from core.request_context import begin_request

log = structlog.get_logger("platform.access")
QUIET = ("/healthz", "/readyz", "/metrics", "/_next/", "/static/")


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = begin_request(request.META.get("HTTP_X_REQUEST_ID"))
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if not request.path.startswith(QUIET):
            log.info(
                "request",
                method=request.method,
                path=request.path[:300].encode("utf-8", "replace").decode(),
                status=response.status_code,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )
        return response
