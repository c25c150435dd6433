"""What waits for a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents.models.run import Run
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import WorkspaceOwned


class Decision(WorkspaceOwned):
    """One question that a run put to a person, and what they said.

    The run's holder makes it, in the transaction of `decision.requested`; a person resolves it, once; the next holder
    writes that into the journal.
    """

    id_prefix: ClassVar[str] = "dec"

    class Kind(models.TextChoices):
        QUESTION = "question", "Question"
        UNKNOWN_OUTCOME = "unknown_outcome", "Unknown outcome"

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        RESOLVED = "resolved", "Resolved"
        EXPIRED = "expired", "Expired"

    #: What may be decided, by kind.
    RESOLUTIONS: ClassVar[dict[str, tuple[str, ...]]] = {
        "question": ("answer", "decline"),
        "unknown_outcome": ("happened", "run_again", "stop"),
    }

    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="decisions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    call = models.CharField(max_length=ID_LENGTH, blank=True)
    tool = models.CharField(max_length=64, blank=True)
    arguments = models.JSONField(default=dict)
    prompt = models.TextField(blank=True)
    options = models.JSONField(default=list, help_text="Answers to choose from, if any were offered.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    resolution = models.CharField(max_length=20, blank=True)
    result = models.TextField(blank=True, help_text="The answer, or what the person says about what happened.")
    reason = models.TextField(blank=True, help_text="Why; not shown to the model.")
    resolved_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"]),
            models.Index(fields=["run", "status"]),
        ]

    def __str__(self) -> str:
        return self.prompt[:80] or self.id

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        """Whoever may see the run may see what it asks; whoever may stop it may decide."""
        return Run.reach_q(actor, permission, through="run__")
