"""Agents: a name and an owner with a draft, and the immutable versions published from it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.selectors import objects_of_token
from accounts.sharing import OPEN, RESTRICTED, register_sharing
from agents.models.sharing import AGENT
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import WorkspaceOwned


class Agent(WorkspaceOwned):
    """What people talk to. The `draft_*` fields are what its builders edit; people get `published`."""

    id_prefix: ClassVar[str] = "agt"

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    draft_instructions = models.TextField(blank=True)
    draft_model = models.ForeignKey(
        "llm_providers.LanguageModel", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    draft_tools = models.JSONField(default=list, blank=True)
    draft_limits = models.JSONField(default=dict, blank=True)
    draft_starters = models.JSONField(default=list, blank=True)
    published = models.ForeignKey("AgentVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    visibility = models.CharField(
        max_length=12, choices=[(OPEN, OPEN), (RESTRICTED, RESTRICTED)], default=OPEN, db_default=OPEN
    )
    revision = models.PositiveIntegerField(default=1, help_text="Rises with every change; the ETag is made from it.")
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-created_at", "-id"])]
        permissions = [
            ("run_agent", "Can run this agent"),
            ("edit_agent", "Can edit and publish this agent"),
            ("manage_agent", "Can share and delete this agent"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        """Its owner's, theirs it was shared with, theirs whose role may edit any; unless restricted, all may run it."""
        alive = models.Q(deleted_at=None)
        if actor.limited:
            alive &= models.Q(pk__in=objects_of_token(actor))
        return alive & AGENT.reach_q(cls, actor, AGENT.level_of(permission))


register_sharing(Agent, AGENT)


class AgentVersion(WorkspaceOwned):
    """An immutable snapshot. Published ones are numbered from 1; `number` None is a draft as it was run once."""

    id_prefix: ClassVar[str] = "agv"

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(null=True)
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the content as canonical JSON.")
    instructions = models.TextField(blank=True)
    model_id = models.CharField(max_length=ID_LENGTH, help_text="The model's id; kept when the model goes.")
    model_name = models.CharField(max_length=200)
    tools = models.JSONField(default=list)
    limits = models.JSONField(default=dict)
    starters = models.JSONField(default=list)
    notes = models.CharField(max_length=500, blank=True)
    published_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="one_version_per_number"),
            models.UniqueConstraint(
                fields=["agent", "content_hash"], condition=models.Q(number=None), name="one_snapshot_per_content"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent} v{self.number}" if self.number else f"{self.agent} (draft)"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self._state.adding:
            raise TypeError("A version is never changed; publish a new one.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]
