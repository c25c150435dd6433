"""Rows as the JSON of the API. Reads nothing by itself but what a whole page needs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from accounts.selectors import people_by_id
from agents.models import Agent, AgentVersion, Conversation, Decision, Message, Run
from agents.selectors.agents import DEFAULT_LIMITS, changed_fields, draft_content, permissions_on
from agents.selectors.runs import conversation_verbs, usage_json
from core.authz import Actor
from core.money import money_json

UNKNOWN_PERSON = {"id": "", "email": "", "name": "Somebody who is gone"}


def agents_json(actor: Actor) -> Callable[[Sequence[Agent]], list[dict[str, Any]]]:
    """A presenter of agents for one actor."""

    def present(rows: Sequence[Agent]) -> list[dict[str, Any]]:
        permissions = permissions_on(actor, rows)
        people = people_by_id(row.owner_id for row in rows)
        return [_agent(row, permissions[row.id], people) for row in rows]

    return present


def agent_json(actor: Actor, row: Agent) -> dict[str, Any]:
    return agents_json(actor)([row])[0]


def agent_etag(row: Agent) -> str:
    return f'"{row.id}.{row.revision}"'


def _agent(row: Agent, permissions: list[str], people: dict[str, dict[str, str]]) -> dict[str, Any]:
    content = draft_content(row)
    published = row.published
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "owner": people.get(row.owner_id, UNKNOWN_PERSON),
        "draft": {**content, "model_name": row.draft_model.name if row.draft_model else None},
        "published": {
            "number": published.number,
            "hash": published.content_hash,
            "published_at": published.created_at,
            "model": published.model_id,
            "model_name": published.model_name,
        }
        if published
        else None,
        "changes": changed_fields(row),
        "visibility": row.visibility,
        "permissions": permissions,
        "revision": row.revision,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def versions_json(rows: Sequence[AgentVersion]) -> list[dict[str, Any]]:
    people = people_by_id(row.published_by_id for row in rows if row.published_by_id)
    return [
        {
            "number": row.number,
            "hash": row.content_hash,
            "notes": row.notes,
            "published_at": row.created_at,
            "published_by": people.get(row.published_by_id or ""),
            "instructions": row.instructions,
            "model": row.model_id,
            "model_name": row.model_name,
            "tools": row.tools,
            "limits": {**DEFAULT_LIMITS, **row.limits},
            "starters": row.starters,
        }
        for row in rows
    ]


def conversations_json(actor: Actor) -> Callable[[Sequence[Any]], list[dict[str, Any]]]:
    """A presenter of conversations for one actor."""

    def present(rows: Sequence[Any]) -> list[dict[str, Any]]:
        permissions = conversation_verbs(actor, rows)
        people = people_by_id(row.owner_id for row in rows)
        return [_conversation(row, permissions[row.id], people) for row in rows]

    return present


def conversation_json(actor: Actor, row: Conversation) -> dict[str, Any]:
    return conversations_json(actor)([row])[0]


def _conversation(row: Conversation, permissions: list[str], people: dict[str, dict[str, str]]) -> dict[str, Any]:
    """`row` may carry `last_run_id` and `last_run_status` (selectors.runs.with_last_run)."""
    last_id = getattr(row, "last_run_id", None)
    return {
        "id": row.id,
        "title": row.title,
        "owner": people.get(row.owner_id, UNKNOWN_PERSON),
        "permissions": permissions,
        "agent": {"id": row.agent_id, "name": row.agent.name},
        "draft": row.is_draft,
        "pinned": row.pinned,
        "archived": row.archived,
        "created_at": row.created_at,
        "updated_at": row.active_at,
        "last_run": {"id": last_id, "status": getattr(row, "last_run_status", "")} if last_id else None,
    }


def runs_json(rows: Sequence[Run]) -> list[dict[str, Any]]:
    return [run_json(row) for row in rows]


def run_json(row: Run) -> dict[str, Any]:
    return {
        "id": row.id,
        "status": row.status,
        "stop_reason": row.stop_reason or None,
        "error": {"code": row.error_code, "detail": row.error_detail} if row.error_code else None,
        "agent": {"id": row.agent_id, "name": row.agent.name},
        "version": row.version.number,
        "draft": row.version.number is None,
        "model_name": row.version.model_name,
        "conversation": row.conversation_id,
        "last_seq": row.last_seq,
        "attempts": row.attempts,
        "output": {"text": row.output_text},
        "usage": usage_json(row),
        "cost": money_json(row.cost_amount, row.cost_currency),
        "started_by": _person(row.started_by),
        "request_id": row.request_id,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "continues": {"run": row.continues_id, "seq": row.continues_seq} if row.continues_id else None,
    }


def message_json(row: Message, run: Run) -> dict[str, Any]:
    return {
        "id": row.id,
        "run": row.run_id,
        "seq": row.seq,
        "role": row.role,
        "text": row.text,
        "reasoning": row.reasoning or None,
        "finish": row.finish,
        "at": row.at,
        "agent": {
            "id": run.agent_id,
            "name": run.agent.name,
            "version": run.version.number,
            "draft": run.version.number is None,
        },
        "model_name": run.version.model_name,
        "tool_calls": row.tool_calls,
        "usage": row.usage,
        "cost": money_json(row.cost_amount, row.cost_currency),
        "attempt": run.attempts,
    }


def decisions_json(rows: Sequence[Decision]) -> list[dict[str, Any]]:
    """Needs `run__agent`, `run__started_by` and `resolved_by` loaded."""
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "status": row.status,
            "run": row.run_id,
            "conversation": row.run.conversation_id,
            "agent": {"id": row.run.agent_id, "name": row.run.agent.name},
            "started_by": _person(row.run.started_by),
            "call": row.call or None,
            "tool": row.tool or None,
            "arguments": row.arguments,
            "prompt": row.prompt,
            "options": row.options,
            "resolutions": list(Decision.RESOLUTIONS[row.kind]),
            "resolution": row.resolution or None,
            "result": row.result or None,
            "reason": row.reason or None,
            "resolved_by": _person(row.resolved_by) if row.resolved_by is not None else None,
            "resolved_at": row.resolved_at,
            "created_at": row.created_at,
        }
        for row in rows
    ]


def _person(person: Any) -> dict[str, str]:
    return {"id": person.id, "email": person.email, "name": person.name}
