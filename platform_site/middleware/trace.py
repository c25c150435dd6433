"""A span for each request, in the trace that the client names in `traceparent`, if any. Only there when spans are wanted.

Of the client's header the ids count; whether the trace is kept is the sampler's say. An address is told without its query.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.tracing import Span, Tracer, traced
from platform_site.middleware.request_id import QUIET

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


class TraceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(QUIET):
            return self.get_response(request)
        method = request.method if request.method in METHODS else "_OTHER"

        def begin(tracer: Tracer) -> Span:
            facts = {
                "http.request.method": method,
                "url.scheme": request.scheme,
                "url.path": request.path[:300].encode("utf-8", "replace").decode(),
            }
            return tracer.begin(method or "HTTP", "server", facts, request.META.get("HTTP_TRACEPARENT"))

        with traced(begin) as span:
            response = self.get_response(request)
            if span is not None:
                status = response.status_code
                span.note({"http.response.status_code": status})
                if request.resolver_match is not None:
                    route = "/" + _PLACE.sub(r"{\1}", request.resolver_match.route)
                    span.note({"http.route": route})
                    span.rename(f"{method} {route}")
                if status >= 500:
                    span.fail(str(status))
            return response
