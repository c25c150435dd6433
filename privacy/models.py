"""For how long a workspace keeps what, and the erasures that were asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import Identified, WorkspaceOwned

TRASH_DAYS = 30


class Retention(WorkspaceOwned):
    """A workspace's policy. Empty: kept until somebody deletes it."""

    id_prefix: ClassVar[str] = "ret"

    workspace = models.OneToOneField("accounts.Workspace", on_delete=models.CASCADE, related_name="+", editable=False)  # type: ignore[assignment]
    conversation_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Conversations in which nothing was said for so many days are deleted."
    )
    run_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Runs that ended so many days ago are deleted, with their messages and traces."
    )
    trash_days = models.PositiveIntegerField(
        default=TRASH_DAYS, help_text="Conversations that people deleted are gone for good after so many days."
    )
    usage_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Records of tokens and cost are deleted after so many days."
    )
    next_at = models.DateTimeField(editable=False, help_text="When the policy is applied next.")

    class Meta:
        verbose_name = "retention of a workspace"
        verbose_name_plural = "retention of workspaces"
        indexes = [models.Index(fields=["next_at"])]

    def __str__(self) -> str:
        return f"retention of {self.workspace_id}"

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        return models.Q()


class Erasure(Identified):
    """One person's wish to be forgotten, and the proof that it was carried out. Holds their opaque id, nothing else."""

    id_prefix: ClassVar[str] = "ers"

    subject = models.CharField(max_length=ID_LENGTH, unique=True, editable=False)
    requested_by = models.CharField(max_length=ID_LENGTH, editable=False)
    code_digest = models.CharField(max_length=64, blank=True, editable=False)
    requested_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    deleted = models.JSONField(default=dict, editable=False, help_text="How many rows of each kind were deleted.")
    key = models.CharField(max_length=16, blank=True, editable=False)
    proof = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["finished_at"])]

    def __str__(self) -> str:
        return self.id

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("The proof of an erasure is kept.")
