"""Reading runs and conversations: the only way in, for HTTP and the socket alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from agents.models import Agent, AgentVersion, Conversation, Message, Run
from core.authz import Actor, Permission, verbs_on, visible_to
from core.prepared import PreparedForActor, columns, instance


def runs_visible_to(actor: Actor, permission: Permission = Permission.RUN_VIEW) -> QuerySet[Run]:
    return visible_to(actor, permission, Run.objects.select_related("agent", "version", "started_by"))


def conversations_visible_to(
    actor: Actor, permission: Permission = Permission.CONVERSATION_VIEW
) -> QuerySet[Conversation]:
    return visible_to(actor, permission, Conversation.objects.select_related("agent"))


_SPOKEN_IN = PreparedForActor(
    lambda actor, value: (
        conversations_visible_to(actor)
        .filter(pk=value("conversation"))
        .order_by()
        .values_list(*columns(Conversation), *columns(Agent, "agent"), *columns(AgentVersion, "agent__published"))
    )
)


def conversation_to_speak_in(actor: Actor, conversation_id: str) -> Conversation | None:
    """The conversation, if the actor may see it, with its agent and the agent's published version; one query."""
    row = _SPOKEN_IN.row(actor, conversation=conversation_id)
    if row is None:
        return None
    first, second = len(columns(Conversation)), len(columns(Conversation)) + len(columns(Agent))
    conversation = instance(Conversation, row[:first])
    conversation.agent = instance(Agent, row[first:second])
    if conversation.agent.published_id is not None:
        conversation.agent.published = instance(AgentVersion, row[second:])
    return conversation


_VERBS = {
    "speak": Permission.CONVERSATION_SPEAK,
    "edit": Permission.CONVERSATION_EDIT,
    "delete": Permission.CONVERSATION_DELETE,
    "share": Permission.CONVERSATION_SHARE,
}


def conversation_verbs(actor: Actor, rows: Sequence[Conversation]) -> dict[str, list[str]]:
    """For each conversation's id, what the actor may do with it: some of speak, edit, delete, share."""
    return verbs_on(actor, Conversation, [row.pk for row in rows], _VERBS)


def with_last_run(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """The same conversations with `last_run_id` and `last_run_status`."""
    last = Run.objects.filter(conversation=OuterRef("pk")).order_by("-id")
    return rows.annotate(
        last_run_id=Subquery(last.values("id")[:1]), last_run_status=Subquery(last.values("status")[:1])
    )


def as_listed(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """The same conversations with what a list shows and nothing more: an agent's texts are long, and there are many."""
    shown = ("title", "owner_id", "agent__name", "is_draft", "pinned", "archived", "created_at", "active_at")
    return with_last_run(rows).only(*shown)


def open_runs_of(conversation: Conversation) -> list[str]:
    """Ids of the conversation's runs that have not ended, oldest first."""
    return list(
        Run.objects.filter(conversation=conversation, status__in=Run.OPEN).order_by("id").values_list("id", flat=True)
    )


def messages_of(conversation: Conversation) -> QuerySet[Message]:
    """The messages of ended runs; those of open runs are read from their journals."""
    return Message.objects.filter(conversation=conversation, run__status__in=Run.TERMINAL)


def newest_messages(*, most: int, **where: str) -> list[Message]:
    """The newest messages of a `conversation_id` or a `run_id` that are complete, oldest of them first."""
    rows = Message.objects.filter(**where).select_related("run__agent").order_by("-run_id", "-seq")
    return list(reversed(rows[:most]))


def open_run_counts(actor: Actor) -> tuple[int, int]:
    """How many runs go on or wait: (of this person in this workspace, of the workspace)."""
    found = Run.objects.filter(workspace_id=actor.workspace_id, status__in=Run.OPEN).aggregate(
        mine=Count("pk", filter=Q(started_by_id=actor.user_id)), all=Count("pk")
    )
    return found["mine"], found["all"]


def queue_is_full(limit: int) -> bool:
    """Whether so many runs wait for a worker, in all workspaces."""
    return Run.objects.filter(status=Run.Status.QUEUED)[limit - 1 : limit].exists()


def usage_json(run: Run) -> dict[str, Any]:
    return {
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "reasoning_tokens": run.reasoning_tokens,
        "cached_tokens": run.cached_tokens,
    }
