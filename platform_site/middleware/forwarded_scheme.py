"""Whether a request came over TLS is the word of the proxies that the operator named, and of nobody else.

Django believes the header whoever sent it (SECURE_PROXY_SSL_HEADER), so it is taken out where it does not count, before
anything asks.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.rest.address import forwarded_scheme

HEADER = "HTTP_X_FORWARDED_PROTO"


class ForwardedSchemeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        said = request.META.get(HEADER)
        if said is not None and forwarded_scheme(request.META.get("REMOTE_ADDR"), said) is None:
            del request.META[HEADER]
        return self.get_response(request)
