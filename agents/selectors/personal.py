"""What the product holds of one person's work: for their own copy of it. Plain values, read in small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.models import Agent, AgentVersion, Conversation, Decision, Message, Run
from agents.selectors.agents import draft_content, version_content
from core.clock import rfc3339

_AT_ONCE = 100


def conversations_of(user_id: str) -> Iterator[dict[str, Any]]:
    """A person's conversations in all workspaces, oldest first; deleted ones that are still kept too.

    `{id, workspace, title, agent, created_at, deleted, messages: [...]}`; each is read when it is asked for.
    """
    after = ""
    while True:
        rows = (
            Conversation.objects.filter(owner_id=user_id, pk__gt=after)
            .select_related("agent", "workspace")
            .order_by("pk")[:_AT_ONCE]
        )
        found = list(rows)
        for row in found:
            yield {
                "id": row.id,
                "workspace": row.workspace.slug,
                "title": row.title,
                "agent": row.agent.name,
                "created_at": rfc3339(row.created_at),
                "deleted": row.deleted_at is not None,
                "messages": [_message(one) for one in _messages(row.id)],
            }
        if len(found) < _AT_ONCE:
            return
        after = found[-1].pk


def runs_elsewhere(user_id: str) -> Iterator[dict[str, Any]]:
    """Runs that a person started in somebody else's conversation, with what was said in them."""
    rows = Run.objects.filter(started_by_id=user_id).exclude(conversation__owner_id=user_id).order_by("pk")
    for pk in rows.values_list("pk", flat=True):
        messages = Message.objects.filter(run_id=pk).order_by("seq")
        yield {"id": pk, "messages": [_message(one) for one in messages]}


def agents_of(user_id: str) -> list[dict[str, Any]]:
    """The agents that a person owns, with the draft and every published version."""
    return [
        {
            "id": row.id,
            "workspace": row.workspace.slug,
            "name": row.name,
            "description": row.description,
            "draft": draft_content(row),
            "versions": [
                {"number": one.number, "notes": one.notes, **version_content(one)}
                for one in AgentVersion.objects.filter(agent=row, number__isnull=False).order_by("number")
            ],
        }
        for row in Agent.objects.filter(owner_id=user_id).select_related("workspace").order_by("pk")
    ]


def decisions_of(user_id: str) -> list[dict[str, Any]]:
    """What a person decided, in whosever runs."""
    rows = Decision.objects.filter(resolved_by_id=user_id).order_by("pk")
    return [
        {
            "id": row.id,
            "run": row.run_id,
            "asked": row.prompt,
            "resolution": row.resolution,
            "result": row.result,
            "reason": row.reason,
            "at": rfc3339(row.resolved_at) if row.resolved_at else None,
        }
        for row in rows
    ]


def _messages(conversation_id: str) -> Iterator[Message]:
    after_run, after_seq = "", -1
    while True:
        rows = Message.objects.filter(conversation_id=conversation_id).order_by("run_id", "seq")
        if after_run:
            rows = rows.filter(run_id__gte=after_run).exclude(run_id=after_run, seq__lte=after_seq)
        found = list(rows[:_AT_ONCE])
        yield from found
        if len(found) < _AT_ONCE:
            return
        after_run, after_seq = found[-1].run_id, found[-1].seq


def _message(row: Message) -> dict[str, Any]:
    return {
        "id": row.id,
        "run": row.run_id,
        "at": rfc3339(row.at),
        "role": row.role,
        "text": row.text,
        "reasoning": row.reasoning,
        "finish": row.finish,
        "tool_calls": row.tool_calls,
    }
