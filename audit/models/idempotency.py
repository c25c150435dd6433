"""Answers that are kept so that a repeated request changes nothing twice."""

from __future__ import annotations

from django.db import models

from core.ids import ID_LENGTH


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
