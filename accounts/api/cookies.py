"""The web client's refresh cookie: HttpOnly, SameSite=Strict, sent to one path, named after the installation."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from accounts.models import LoginSession
from accounts.setup import installation
from core.clock import now
from core.errors import PermissionDenied

PATH = "/api/v1/auth/session/"


def cookie_name() -> str:
    """Two installations on one host name must not overwrite each other's cookie, nor anybody on a line without TLS."""
    return f"{'__Secure-' if _secure() else ''}aap_refresh_{installation().name_id}"


def require_web_client(request: Request) -> None:
    """A page of another site cannot send this header, so the cookie is no use to it."""
    if request.headers.get("X-AAP-Client") != "web":
        raise PermissionDenied("This is the web client's own door. API clients use /api/v1/auth/token/.")


def read_refresh_cookie(request: Request) -> str:
    return str(request.COOKIES.get(cookie_name(), ""))


def set_refresh_cookie(response: Any, token: str, session: LoginSession) -> None:
    request_is_secure = _secure()
    response.set_cookie(
        cookie_name(),
        token,
        max_age=max(1, int((session.expires_at - now()).total_seconds())),
        path=PATH,
        httponly=True,
        secure=request_is_secure,
        samesite="Strict",
    )


def clear_refresh_cookie(response: Any) -> None:
    response.delete_cookie(cookie_name(), path=PATH, samesite="Strict")


def _secure() -> bool:
    from django.conf import settings

    return bool(settings.PRODUCTION)
