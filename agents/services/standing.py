"""Runs of people who may no longer run them are asked to stop, in the transaction that took the right away."""

from __future__ import annotations

from accounts.rights import RightsShrank, when_rights_shrink
from accounts.tokens import actor_of_member
from agents.models import Agent, Conversation, Run
from agents.services.runs import request_cancel
from core.authz import Permission, visible_to
from core.errors import NotFound


def stop_what_is_not_allowed(change: RightsShrank) -> None:
    """Look at every open run that the change may concern, with the rights that its starter holds now."""
    runs = Run.objects.filter(status__in=Run.OPEN)
    if change.workspace_id is not None:
        runs = runs.filter(workspace_id=change.workspace_id)
    if change.user_ids is not None:
        runs = runs.filter(started_by_id__in=change.user_ids)
    by_starter: dict[tuple[str, str], list[Run]] = {}
    for run in runs.only("id", "started_by_id", "workspace_id", "agent_id", "conversation_id"):
        by_starter.setdefault((run.started_by_id, run.workspace_id), []).append(run)
    for (user_id, workspace_id), theirs in by_starter.items():
        allowed = _still_allowed(user_id, workspace_id, theirs)
        for run in theirs:
            if run.pk not in allowed:
                request_cancel(run)


def _still_allowed(user_id: str, workspace_id: str, runs: list[Run]) -> set[str]:
    """Those of somebody's open runs that they could start now."""
    try:
        actor = actor_of_member(user_id, workspace_id)
    except NotFound:
        return set()
    if not actor.has(Permission.RUN_CREATE):
        return set()
    # A deleted agent's runs go on to their end, so the question is about the right alone.
    agents = _among(visible_to(actor, Permission.AGENT_RUN, Agent.objects.all()), {run.agent_id for run in runs})
    agents |= _among(Agent.objects.exclude(deleted_at=None), {run.agent_id for run in runs})
    threads = _among(
        visible_to(actor, Permission.CONVERSATION_SPEAK, Conversation.objects.all()),
        {run.conversation_id for run in runs},
    )
    return {run.pk for run in runs if run.agent_id in agents and run.conversation_id in threads}


def _among(rows: object, ids: set[str]) -> set[str]:
    return set(rows.filter(pk__in=ids).values_list("pk", flat=True))  # type: ignore[attr-defined]


def listen() -> None:
    """When the app starts."""
    when_rights_shrink(stop_what_is_not_allowed)
