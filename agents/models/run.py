"""Runs, their journals, and the text of messages that are still being written."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.selectors import objects_of_token
from accounts.sharing import Level
from agents.models.conversation import Conversation
from agents.models.sharing import CONVERSATION
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import WorkspaceOwned


class Run(WorkspaceOwned):
    """One execution of one AgentVersion.

    What it did stands in its journal. The columns are a projection for lists and for claiming: only the holder of the
    lease (`lease_epoch`) changes them, but for `cancel_requested_at`, which anybody who may cancel sets.
    """

    id_prefix: ClassVar[str] = "run"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    TERMINAL: ClassVar[tuple[str, ...]] = ("succeeded", "failed", "cancelled")
    OPEN: ClassVar[tuple[str, ...]] = ("queued", "running", "waiting")

    agent = models.ForeignKey("Agent", on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey("AgentVersion", on_delete=models.PROTECT, related_name="+")
    conversation = models.ForeignKey("Conversation", on_delete=models.CASCADE, related_name="runs")
    started_by = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(
        "accounts.User",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
        help_text="Whose conversation it is, so that a list of runs need not look through all conversations. None in rows "
        "that a version wrote which did not know it.",
    )
    token = models.CharField(
        max_length=ID_LENGTH,
        blank=True,
        help_text="The API token it was started with, if any: the run never does more than that token may do now.",
    )
    request_id = models.CharField(max_length=128, blank=True)

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    stop_reason = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_detail = models.TextField(blank=True)
    output_text = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    last_seq = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    cost_amount = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    cost_currency = models.CharField(max_length=3, blank=True)
    continues = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    continues_seq = models.PositiveIntegerField(null=True, help_text="Up to this event of the other run.")
    superseded_after = models.PositiveIntegerField(
        null=True, help_text="Another run took over after this event: what follows it is no part of later prompts."
    )
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    lease_epoch = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=ID_LENGTH, blank=True)
    cancel_requested_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"]),
            models.Index(fields=["conversation", "id"]),
            models.Index(fields=["owner"], name="runs_by_owner"),
            models.Index(
                fields=["status", "lease_until"],
                condition=models.Q(status__in=["queued", "running", "waiting"]),
                name="open_runs",
            ),
        ]

    input_message: str | None = None
    """The id of the message that the run answers, on the object that `start_run` returned."""

    def __str__(self) -> str:
        return self.id

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        return cls.reach_q(actor, permission)

    @classmethod
    def reach_q(cls, actor: Actor, permission: Permission, *, through: str = "") -> models.Q:
        """A run is its starter's. Who was given a conversation to read sees its runs; who may speak there may stop them.
        `run.view_any` lets look at everybody's, `run.manage_any` stop them and decide for them.

        `through` leads from another table to the run.
        """
        looks = permission in (Permission.RUN_VIEW, Permission.DECISION_VIEW)
        named = models.Q(**{f"{through}agent_id__in": objects_of_token(actor)}) if actor.limited else models.Q()
        if actor.has(Permission.RUN_VIEW_ANY if looks else Permission.RUN_MANAGE_ANY):
            return named
        thread = f"{through}conversation__"
        level = Level.VIEW if looks else Level.RUN
        granted = CONVERSATION.granted_q(Conversation, actor, level, through=thread)
        theirs = models.Q(**{f"{through}owner_id": actor.user_id})
        unknown = models.Q(**{f"{through}owner_id": None, f"{thread}owner_id": actor.user_id})
        own = models.Q(**{f"{through}started_by_id": actor.user_id})
        return named & (own | (models.Q(**{f"{thread}deleted_at": None}) & (theirs | unknown | granted)))


class RunEvent(models.Model):
    """One event of a run's journal; `seq` is dense from 1. Never changed, never deleted but with its run."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=40)
    at = models.DateTimeField()
    event = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_event_per_seq")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.seq} {self.type}"


class MessageChunk(models.Model):
    """A piece of the text of an open message, saved in bulk behind the live frames; gone once the message is complete."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    message = models.CharField(max_length=ID_LENGTH)
    part = models.CharField(max_length=10)
    offset = models.PositiveIntegerField(help_text="In code points.")
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "part", "offset"], name="one_chunk_per_offset")]
        indexes = [models.Index(fields=["run"])]

    def __str__(self) -> str:
        return f"{self.message} {self.part} from {self.offset}"
