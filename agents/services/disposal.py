"""Deleting for good: what retention lets go, and what a person leaves behind. In small transactions, safe to repeat.

Only runs that have ended are deleted; whoever wants the others gone has them stopped first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import Agent, Conversation, Interjection, Message, MessageChunk, Run, RunEvent
from agents.services.runs import request_cancel

_RUNS_AT_ONCE = 50
_ENDED = Q(status__in=Run.TERMINAL)


def stop_runs_of(user_id: str) -> int:
    """Ask every open run of a person, or in a conversation of theirs, to stop; how many there were."""
    rows = Run.objects.filter(_of_person(user_id), status__in=Run.OPEN)
    for run in rows:
        request_cancel(run)
    return len(rows)


def has_open_runs(user_id: str) -> bool:
    return Run.objects.filter(_of_person(user_id), status__in=Run.OPEN).exists()


def delete_work_of(user_id: str) -> dict[str, int]:
    """Delete a person's conversations and runs; how many of each. Call it when none of their runs is open."""
    runs = _delete_runs(Run.objects.filter(_of_person(user_id)))
    return {
        "runs": runs,
        "conversations": Conversation.objects.filter(owner_id=user_id).delete()[0],
        "interjections": Interjection.objects.filter(author_id=user_id).delete()[0],
    }


def hand_over_agents(user_id: str, *, to: Callable[[str], str | None]) -> int:
    """Give a person's agents to whom `to` names for a workspace; one whom nobody takes is deleted. How many there were."""
    rows = list(Agent.objects.filter(owner_id=user_id))
    for agent in rows:
        heir = to(agent.workspace_id)
        if heir is None:
            Run.objects.filter(agent=agent).delete()
            Conversation.objects.filter(agent=agent).delete()
            Agent.objects.filter(pk=agent.pk).update(published=None)
            agent.delete()
        else:
            Agent.objects.filter(pk=agent.pk).update(owner_id=heir)
    return len(rows)


def delete_old_conversations(workspace_id: str, *, silent_since: datetime) -> int:
    """Delete a workspace's conversations in which nothing was said since then and no run is open; how many."""
    rows = Conversation.objects.filter(workspace_id=workspace_id, active_at__lt=silent_since)
    return _delete_conversations(rows)


def empty_trash(workspace_id: str, *, deleted_before: datetime) -> int:
    """Delete for good what people deleted before then."""
    return _delete_conversations(Conversation.objects.filter(workspace_id=workspace_id, deleted_at__lt=deleted_before))


def delete_old_runs(workspace_id: str, *, ended_before: datetime) -> int:
    """Delete runs that ended before then, with their messages and journals; how many."""
    return _delete_runs(Run.objects.filter(workspace_id=workspace_id, ended_at__lt=ended_before))


def _of_person(user_id: str) -> Q:
    return Q(started_by_id=user_id) | Q(conversation__owner_id=user_id)


def _delete_conversations(rows: QuerySet[Conversation]) -> int:
    open_runs = Run.objects.filter(conversation=OuterRef("pk"), status__in=Run.OPEN)
    deleted = 0
    while ids := list(rows.exclude(Exists(open_runs)).order_by("pk").values_list("pk", flat=True)[:_RUNS_AT_ONCE]):
        _delete_runs(Run.objects.filter(conversation_id__in=ids))
        with transaction.atomic():
            # A run that was begun in between keeps its conversation for another day.
            gone = Conversation.objects.filter(pk__in=ids).exclude(Exists(open_runs))
            count = gone.count()
            gone.delete()
        deleted += count
        if not count:
            break
    return deleted


def _delete_runs(rows: QuerySet[Run]) -> int:
    deleted = 0
    while ids := list(rows.filter(_ENDED).order_by("pk").values_list("pk", flat=True)[:_RUNS_AT_ONCE]):
        with transaction.atomic():
            for model in (RunEvent, MessageChunk, Message):  # the many first, each by one statement
                model.objects.filter(run_id__in=ids).delete()
            Run.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
