"""Sign-ins: what an access token is only a short-lived copy of."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.user import User
from core.ids import ID_LENGTH
from core.models import Identified


class LoginSession(Identified):
    """One sign-in, from a browser, an API client or into the operator admin. Its access tokens die with it.

    `refresh_id` is the id of the only refresh token that is valid now; `previous_refresh_id` the one before it, which a
    second tab may still send for a few seconds after `rotated_at`. `proved_at` is when the person last proved who they are,
    `second_factor` whether they did so with one.
    """

    id_prefix: ClassVar[str] = "ses"

    class Client(models.TextChoices):
        WEB = "web"
        API = "api"
        ADMIN = "admin"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_sessions")
    client = models.CharField(max_length=10, choices=Client.choices)
    refresh_id = models.CharField(max_length=ID_LENGTH)
    previous_refresh_id = models.CharField(max_length=ID_LENGTH, blank=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    second_factor = models.BooleanField(default=False)
    how = models.CharField(max_length=60, blank=True, help_text="How they proved who they are.")
    user_agent = models.CharField(max_length=300, blank=True)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = "sign-in"
        verbose_name_plural = "sign-ins"
        indexes = [models.Index(fields=["user", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.client} sign-in of {self.user_id}"
