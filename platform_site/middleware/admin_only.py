"""Sessions, CSRF and messages for /admin/ only: the API takes bearer tokens and never looks at a cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
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


class AdminSignInMiddleware:
    """A cookie whose sign-in has ended, by whatever door, is nobody's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and request.user.is_authenticated:
            from accounts.admin_sign_ins import still_signed_in

            if not still_signed_in(request):
                request.session.flush()
                request.user = AnonymousUser()
        return self.get_response(request)


class AdminConfirmMiddleware:
    """Something dangerous needs a fresh proof. Asked after the CSRF check, which is a view middleware further up."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
        if request.method != "POST" or not request.path.startswith("/admin/"):
            return None
        from accounts.admin_confirm import ask_for_proof

        return ask_for_proof(request)


class AdminMessageMiddleware(_AdminOnly, MessageMiddleware):
    async_capable = False
