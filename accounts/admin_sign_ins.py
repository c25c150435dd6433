"""Sign-ins to the operator admin are sign-ins like all others: a row that is listed and ended with them, and audited.

Django's admin does the signing in and sends signals; its cookie session only names our row, which is asked on every
request (platform_site.middleware.admin_only).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import LoginSession, User
from accounts.rest.address import client_ip
from accounts.second_factor.rules import must_have_for_admin
from accounts.sessions import live_sessions, open_session, sign_out
from core.clock import now

KEY = "sign_in"
_NOTED_EVERY = timedelta(minutes=5)


@receiver(user_logged_in)
def _signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    how, second_factor = getattr(request, "sign_in_proof", ("", False))
    session = open_session(
        user,
        client=LoginSession.Client.ADMIN,
        ip=client_ip(request.META),
        user_agent=str(request.META.get("HTTP_USER_AGENT", "")),
        how=how,
        second_factor=second_factor,
    )
    request.session[KEY] = session.pk


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None and request.session.get(KEY):
        sign_out(session_id=str(request.session[KEY]), ip=client_ip(request.META))


def still_signed_in(request: HttpRequest) -> bool:
    """Whether the sign-in behind this cookie is still good, for the person that it names."""
    row = (
        live_sessions(str(request.user.pk))
        .filter(pk=request.session.get(KEY), client=LoginSession.Client.ADMIN)
        .first()
    )
    if row is None or (must_have_for_admin() and not row.second_factor):
        return False
    if now() - row.last_used_at > _NOTED_EVERY:
        LoginSession.objects.filter(pk=row.pk).update(last_used_at=now())
    return True
