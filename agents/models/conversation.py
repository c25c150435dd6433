"""Conversations, and their messages as a projection of the runs' journals."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.selectors import objects_of_token
from accounts.sharing import register_sharing
from agents.models.sharing import CONVERSATION
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import WorkspaceOwned


class Conversation(WorkspaceOwned):
    """A thread of one person with one agent. Runs of a conversation go one after the other."""

    id_prefix: ClassVar[str] = "cnv"

    owner = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey("Agent", on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    is_draft = models.BooleanField(default=False, help_text="A test chat on the agent's draft.")
    pinned = models.BooleanField(default=False)
    archived = models.BooleanField(default=False)
    active_at = models.DateTimeField(help_text="When something was last said.")
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["workspace", "owner", "-active_at", "-id"])]
        permissions = [
            ("run_conversation", "Can speak in this conversation"),
            ("edit_conversation", "Can change this conversation"),
            ("manage_conversation", "Can share and delete this conversation"),
        ]

    def __str__(self) -> str:
        return self.title or self.id

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        """Its owner's, and theirs it was shared with."""
        alive = models.Q(deleted_at=None)
        if actor.limited:
            alive &= models.Q(agent_id__in=objects_of_token(actor))
        return alive & CONVERSATION.reach_q(cls, actor, CONVERSATION.level_of(permission))


register_sharing(Conversation, CONVERSATION)


class Message(models.Model):
    """One message, written from the journal by the run's holder and rebuildable from it.

    `seq` is the journal's number of the event that completed it, so (run, seq) orders a conversation. The person's own
    message has the seq of `run.queued`, which carries it.
    """

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    run = models.ForeignKey("Run", on_delete=models.CASCADE, related_name="messages")
    seq = models.PositiveIntegerField()
    role = models.CharField(max_length=10)
    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    finish = models.CharField(max_length=12, blank=True)
    tool_calls = models.JSONField(default=list, help_text="[{call, name, arguments, outcome, result, started_at, …}]")
    vendor_state = models.JSONField(null=True, help_text="What the adapter wants handed back with this message.")
    usage = models.JSONField(null=True)
    cost_amount = models.DecimalField(max_digits=18, decimal_places=9, null=True)
    cost_currency = models.CharField(max_length=3, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="one_message_per_event")]
        indexes = [models.Index(fields=["conversation", "-run_id", "-seq"])]

    def __str__(self) -> str:
        return f"{self.role} message {self.id}"
