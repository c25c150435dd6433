"""Making and changing conversations."""

from __future__ import annotations

from typing import Any

from agents.models import Agent, Conversation, Run
from agents.services.runs import request_cancel
from audit.action import Action, action
from core.authz import Permission
from core.clock import now


@action("conversation.create", requires=Permission.CONVERSATION_CREATE)
def create_conversation(act: Action, *, agent: Agent, title: str = "", draft: bool = False) -> Conversation:
    """A conversation was begun."""
    return open_conversation(act, agent=agent, title=title, draft=draft)


def open_conversation(act: Action, *, agent: Agent, title: str = "", draft: bool = False) -> Conversation:
    """Make a conversation inside an action that is under way."""
    conversation = Conversation.objects.create(
        workspace_id=act.workspace_id,
        owner_id=act.person_id,
        agent=agent,
        title=title,
        is_draft=draft,
        active_at=now(),
    )
    act.target(conversation)
    return conversation


@action("conversation.update", requires=Permission.CONVERSATION_EDIT, on="conversation")
def update_conversation(act: Action, *, conversation: Conversation, **changes: Any) -> Conversation:
    """A conversation was renamed, pinned, archived or given another agent."""
    for field, value in changes.items():
        setattr(conversation, field, value)
    conversation.save(update_fields=[*changes, "updated_at"])
    act.record(fields=sorted(changes))
    return conversation


@action("conversation.delete", requires=Permission.CONVERSATION_DELETE, on="conversation")
def delete_conversation(act: Action, *, conversation: Conversation) -> None:
    """A conversation was deleted; its open runs were stopped."""
    conversation.deleted_at = now()
    conversation.save(update_fields=["deleted_at"])
    for run in Run.objects.filter(conversation=conversation, status__in=Run.OPEN):
        request_cancel(run)
