"""What happened: one row per change and per denial, written in the transaction of the change itself."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import Identified


class _AppendOnly(models.QuerySet["AuditEntry"]):
    """Nothing but the count of a repeated denial changes, and nothing is deleted."""

    def update(self, **changes: Any) -> int:
        if set(changes) != {"count"}:
            raise TypeError("Audit entries are written once and never changed.")
        return super().update(**changes)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise TypeError("Audit entries are written once and never changed.")

    def delete(self) -> Any:
        raise TypeError("Audit entries are never deleted.")


class AuditEntry(Identified):
    """Append-only: the ORM refuses to change or delete a row once it is written.

    `actor_id` is an opaque id; the person's e-mail stands only in accounts and is looked up when it is shown.
    """

    id_prefix: ClassVar[str] = "aud"

    class Outcome(models.TextChoices):
        DONE = "done"
        DENIED = "denied"
        FAILED = "failed"

    workspace = models.ForeignKey(
        "accounts.Workspace", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    at = models.DateTimeField(editable=False)
    kind = models.CharField(max_length=60, editable=False)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=ID_LENGTH, blank=True, editable=False)
    target_type = models.CharField(max_length=40, blank=True, editable=False)
    target_id = models.CharField(max_length=ID_LENGTH, blank=True, editable=False)
    request_id = models.CharField(max_length=128, blank=True, editable=False)
    ip = models.GenericIPAddressField(null=True, editable=False)
    count = models.PositiveIntegerField(default=1, editable=False, help_text="Repeats of one denial within a minute.")
    data = models.JSONField(default=dict, editable=False)

    objects = _AppendOnly.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"]),
            models.Index(fields=["workspace", "kind", "-at"]),
            models.Index(fields=["target_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome} {self.target_id}"

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        return models.Q()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Audit entries are written once and never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Audit entries are never deleted.")


class IdempotencyKey(models.Model):
    """The answer that a creating request got, so that its repetition gets the same one. Kept for 24 hours at least."""

    actor_id = models.CharField(max_length=ID_LENGTH)
    scope = models.CharField(max_length=200, help_text="Workspace and route.")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="Keyed digest of the body.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor_id", "scope", "key"], name="one_answer_per_key")]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.scope} {self.key[:40]}"
