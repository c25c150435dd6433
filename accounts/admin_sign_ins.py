"""Signing in to and out of the operator admin leaves the same audit entries as the API's doors.

Django's admin does the signing in and sends signals; the API does not use Django's login and writes its own entries.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.attempts import count_wrong
from accounts.models import User, clean_email
from accounts.rest.address import client_ip
from audit import kinds, record
from core.authz import Actor
from core.request_context import current_request_id

_DATA = {"client": "admin"}


def _actor(request: HttpRequest, user: User | None) -> Actor:
    return Actor(
        kind="user",
        user_id=user.pk if user else None,
        label=user.email if user else "nobody",
        workspace_id=None,
        request_id=current_request_id(),
        ip=client_ip(request.META),
    )


@receiver(user_logged_in)
def _signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    record.write_entry(_actor(request, user), kind=kinds.SIGN_IN, target=("user", user.pk), data=_DATA)


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record.write_entry(_actor(request, user), kind=kinds.SIGN_OUT, target=("user", user.pk), data=_DATA)


@receiver(user_login_failed)
def _refused(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is None:  # the API's sign-in records its own refusals
        return
    email = clean_email(str(credentials.get("username") or ""))
    count_wrong(email=email, ip=client_ip(request.META))
    known = User.objects.filter(email=email).values_list("id", flat=True).first()
    record.record_refusal(_actor(request, None), kind=kinds.SIGN_IN, target=("user", known or ""), data=_DATA)
