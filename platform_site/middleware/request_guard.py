"""What is wrong with a request before any view sees it: its method, its host, its size, its path."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from core.errors import MethodRefused, TooLarge, ValidationFailed
from core.rest.problem import problem_response

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")


class RequestGuardMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            request.get_host()
        except DisallowedHost:
            if request.path not in ("/healthz", "/readyz", "/metrics"):
                return problem_response(
                    ValidationFailed(
                        "This host name is not served here. The operator lists the names in AAP_ALLOWED_HOSTS.",
                        code="unknown_host",
                    )
                )
        if request.method not in _METHODS:
            return problem_response(
                MethodRefused("No address takes this method.", headers={"Allow": ", ".join(_METHODS)})
            )
        if "\x00" in request.path:
            return problem_response(ValidationFailed("The path holds a null character.", code="malformed"))
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not (length.isascii() and length.isdigit()):
            return problem_response(ValidationFailed("Content-Length is not a number.", code="malformed"))
        if int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return problem_response(TooLarge("The body is larger than 2 MiB. Send less at once."))
        return self.get_response(request)
