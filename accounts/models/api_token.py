"""API tokens: credentials of programs, for one workspace. Of the secret only a digest is kept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.user import User
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import WorkspaceOwned


class ApiToken(WorkspaceOwned):
    """A person's own, or a service account's. It never does more than `user` may do at the moment of use."""

    id_prefix: ClassVar[str] = "tok"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens", editable=False)
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    previous_digest = models.CharField(max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False, help_text="Until then the secret before works.")
    scopes = models.JSONField(default=list, help_text="Names as in core.authz.Permission.")
    limited = models.BooleanField(default=False, help_text="Reaches only the agents in its rows.")
    networks = models.JSONField(default=list, help_text="Addresses it may come from; empty: any.")
    per_minute = models.PositiveIntegerField(null=True, help_text="Its own rate, instead of the usual one.")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    rotated_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True, help_text="To the minute.")
    last_used_ip = models.GenericIPAddressField(null=True)

    class Meta:
        verbose_name = "API token"
        verbose_name_plural = "API tokens"
        indexes = [models.Index(fields=["workspace", "user", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.name} (aap_{self.prefix}_…)"

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        """One's own; those of service accounts for who may edit these; to see and revoke, all for who manages tokens."""
        reached = models.Q(user_id=actor.user_id)
        looks = permission == Permission.API_TOKEN_VIEW
        if actor.has(Permission.SERVICE_ACCOUNT_VIEW if looks else Permission.SERVICE_ACCOUNT_EDIT):
            reached |= models.Q(user__kind=User.Kind.SERVICE)
        if permission != Permission.API_TOKEN_EDIT and actor.has(Permission.API_TOKEN_MANAGE):
            return models.Q()
        return reached


class ApiTokenObject(models.Model):
    """One agent that a limited token reaches. A plain id: this app knows no agents."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="objects_reached")
    object_id = models.CharField(max_length=ID_LENGTH)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "object_id"], name="one_row_per_object_of_a_token")]

    def __str__(self) -> str:
        return self.object_id
