"""Reading agents and their versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from agents.models import Agent, AgentVersion
from core.authz import Actor, Permission, verbs_on, visible_to

DEFAULT_LIMITS: Mapping[str, Any] = {"max_steps": 12, "max_tokens": None, "max_seconds": 600, "max_cost": None}
CONTENT_FIELDS = ("instructions", "model", "tools", "limits", "starters")


def agents_visible_to(
    actor: Actor, permission: Permission = Permission.AGENT_VIEW, *, search: str | None = None
) -> QuerySet[Agent]:
    rows = visible_to(actor, permission, Agent.objects.select_related("owner", "draft_model", "published"))
    return rows.filter(name__icontains=search) if search else rows


def versions_of(agent: Agent) -> QuerySet[AgentVersion]:
    """The published versions; order them by -number."""
    return AgentVersion.objects.filter(agent=agent, number__isnull=False).select_related("published_by")


def draft_content(agent: Agent) -> dict[str, Any]:
    """What publishing the draft now would freeze."""
    return {
        "instructions": agent.draft_instructions,
        "model": agent.draft_model_id,
        "tools": list(agent.draft_tools),
        "limits": {**DEFAULT_LIMITS, **agent.draft_limits},
        "starters": list(agent.draft_starters),
    }


def version_content(version: AgentVersion) -> dict[str, Any]:
    return {
        "instructions": version.instructions,
        "model": version.model_id,
        "tools": list(version.tools),
        "limits": {**DEFAULT_LIMITS, **version.limits},
        "starters": list(version.starters),
    }


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 over the content as canonical JSON (sorted keys, no white space, UTF-8)."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changed_fields(agent: Agent) -> list[str]:
    """In which fields the draft differs from the published version; all of them when nothing is published."""
    if agent.published is None:
        return list(CONTENT_FIELDS)
    draft, published = draft_content(agent), version_content(agent.published)
    return [name for name in CONTENT_FIELDS if draft[name] != published[name]]


_VERBS = {
    "edit": Permission.AGENT_EDIT,
    "publish": Permission.AGENT_PUBLISH,
    "run": Permission.AGENT_RUN,
    "delete": Permission.AGENT_DELETE,
    "share": Permission.AGENT_SHARE,
}


def permissions_on(actor: Actor, rows: Sequence[Agent]) -> dict[str, list[str]]:
    """For each agent's id, what the actor may do with it: some of edit, publish, run, delete, share."""
    return verbs_on(actor, Agent, [row.pk for row in rows], _VERBS)
