"""Deleting for good: what retention lets go, and what a person leaves behind. In small transactions, safe to repeat.

Only runs that have ended are deleted; whoever wants the others gone has them stopped first. What may be much is deleted as
long as `go_on` says so, which is asked between two transactions; whoever stopped comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from agents.models import Agent, Conversation, Interjection, Message, MessageChunk, Run, RunEvent
from agents.services.runs import request_cancel

GoOn = Callable[[], bool]
_RUNS_AT_ONCE = 50
_ENDED = Q(status__in=Run.TERMINAL)


def _always() -> bool:
    return True


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
    runs = _delete_runs(Run.objects.filter(_ENDED, _of_person(user_id)).order_by("pk"), _always)
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


def delete_old_conversations(workspace_id: str, *, silent_since: datetime, go_on: GoOn = _always) -> int:
    """Delete a workspace's conversations in which nothing was said since then and no run is open; how many."""
    rows = Conversation.objects.filter(workspace_id=workspace_id, active_at__lt=silent_since)
    return _delete_conversations(rows, go_on)


def empty_trash(workspace_id: str, *, deleted_before: datetime, go_on: GoOn = _always) -> int:
    """Delete for good what people deleted before then."""
    rows = Conversation.objects.filter(workspace_id=workspace_id, deleted_at__lt=deleted_before)
    return _delete_conversations(rows, go_on)


def old_runs(workspace_id: str, *, ended_before: datetime) -> QuerySet[Run]:
    """Runs that ended before then. One that another run goes on from stays as long as that one: without its journal the
    other could not be carried on.

    What ended before then began before then, and of that there is an index: where little is old, little is looked at.
    """
    rows = Run.objects.filter(_ENDED, workspace_id=workspace_id, created_at__lt=ended_before, ended_at__lt=ended_before)
    return rows.exclude(Exists(Run.objects.filter(continues=OuterRef("pk")))).order_by("created_at", "id")


def delete_old_runs(workspace_id: str, *, ended_before: datetime, go_on: GoOn = _always) -> int:
    """Delete runs that ended before then, with their messages and journals; how many."""
    return _delete_runs(old_runs(workspace_id, ended_before=ended_before), go_on)


def count_old_runs(workspace_id: str, *, ended_before: datetime) -> tuple[int, int]:
    """(how many runs would go, with how many events of their journals)"""
    counted = (
        old_runs(workspace_id, ended_before=ended_before).order_by().aggregate(runs=Count("pk"), events=Sum("last_seq"))
    )
    return counted["runs"], counted["events"] or 0


def _of_person(user_id: str) -> Q:
    return Q(started_by_id=user_id) | Q(conversation__owner_id=user_id)


def _delete_conversations(rows: QuerySet[Conversation], go_on: GoOn) -> int:
    open_runs = Run.objects.filter(conversation=OuterRef("pk"), status__in=Run.OPEN)
    deleted = 0
    rows = rows.exclude(Exists(open_runs)).order_by("pk")
    while go_on() and (ids := list(rows.values_list("pk", flat=True)[:_RUNS_AT_ONCE])):
        _delete_runs(Run.objects.filter(_ENDED, conversation_id__in=ids).order_by("pk"), go_on)
        if not go_on():
            break  # what is left of their runs would go in one large transaction
        with transaction.atomic():
            # A run that was begun in between keeps its conversation for another day.
            gone = Conversation.objects.filter(pk__in=ids).exclude(Exists(open_runs))
            count = gone.count()
            gone.delete()
        deleted += count
        if not count:
            break
    return deleted


def _delete_runs(rows: QuerySet[Run], go_on: GoOn) -> int:
    deleted = 0
    while go_on() and (ids := list(rows.values_list("pk", flat=True)[:_RUNS_AT_ONCE])):
        with transaction.atomic():
            ids = list(
                rows.filter(pk__in=ids).values_list("pk", flat=True)
            )  # not one that somebody goes on from by now
            for model in (RunEvent, MessageChunk, Message):  # the many first, each by one statement
                model.objects.filter(run_id__in=ids).delete()
            Run.objects.filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted
