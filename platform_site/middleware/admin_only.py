"""Sessions, CSRF and messages for /admin/ only: the API takes bearer tokens and never looks at a cookie."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware


class _AdminOnly:
    def __call__(self, request: HttpRequest) -> Any:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]

    def process_view(self, request: Any, *args: Any) -> Any:
        if request.path.startswith("/admin/") and hasattr(super(), "process_view"):
            return super().process_view(request, *args)  # type: ignore[misc,no-any-return]
        return None


class AdminSessionMiddleware(_AdminOnly, SessionMiddleware):
    async_capable = False


class AdminCommonMiddleware(_AdminOnly, CommonMiddleware):
    async_capable = False


class AdminCsrfMiddleware(_AdminOnly, CsrfViewMiddleware):  # type: ignore[misc]
    async_capable = False


class AdminAuthenticationMiddleware(_AdminOnly, AuthenticationMiddleware):
    async_capable = False


class AdminMessageMiddleware(_AdminOnly, MessageMiddleware):
    async_capable = False
