"""Speaking to a run that goes on. What comes too late for it becomes the question of the next run, by itself."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from accounts.tokens import actor_of_member
from agents.models import Conversation, Interjection, Run
from agents.runtime.bells import ring_run, speak_to_run
from agents.runtime.host import LEFT_OVER_KIND
from agents.services.runs import lock_conversation, write_run
from audit.action import Action, action
from core.authz import Permission, authorize
from core.clock import now
from core.db import in_db
from core.errors import NotFound, PermissionDenied, TooManyRequests
from core.ids import new_id
from jobs.registry import JobKind, register_kind

MAX_WAITING = 20


@action("run.steer", requires=Permission.RUN_CREATE, on="conversation")
def steer_run(act: Action, *, conversation: Conversation, text: str) -> tuple[Run, str] | None:
    """Something was said to the run that goes on in a conversation.

    Returns the run and the id of the message, None when none goes on.
    """
    authorize(act.actor, Permission.CONVERSATION_SPEAK, conversation)
    authorize(act.actor, Permission.AGENT_RUN, conversation.agent)
    lock_conversation(conversation)
    run = Run.objects.filter(conversation=conversation, status__in=Run.OPEN).order_by("id").first()
    if run is None:
        return None
    if Interjection.objects.filter(run=run, taken=False).count() >= MAX_WAITING:
        raise TooManyRequests(
            f"{MAX_WAITING} messages wait to be read already. Wait for the next step, or stop the answer.",
            code="too_many_messages",
            headers={"Retry-After": "5"},
        )
    said = Interjection.objects.create(
        id=new_id("msg"),
        run=run,
        author_id=act.person_id,
        token=act.actor.token_id or "",
        text=text,
        request_id=act.actor.request_id,
        created_at=now(),
    )
    act.target(run)
    act.record(message=said.pk, conversation=conversation.pk)
    speak_to_run(run.pk)
    return run, said.pk


@action("run.start_left_over", requires=Permission.RUN_CREATE, on="conversation")
def _start_left_over(act: Action, *, conversation: Conversation, said: Interjection) -> None:
    """A message that came too late for the run it was meant for became the next run."""
    authorize(act.actor, Permission.CONVERSATION_SPEAK, conversation)
    authorize(act.actor, Permission.AGENT_RUN, conversation.agent)
    lock_conversation(conversation)
    if not Interjection.objects.filter(pk=said.pk, taken=False).update(taken=True):
        return
    run = write_run(
        act,
        agent=conversation.agent,
        version=said.run.version,
        conversation=conversation,
        text=said.text,
        message_id=said.pk,
    )
    act.target(run)
    act.record(message=said.pk, after=said.run_id)
    ring_run(run.id, run.conversation_id, run.workspace_id, act.person_id)


def follow_up(run_id: str) -> None:
    """Start runs for what was said too late to a run that has ended, as whoever said it, with the rights that they, and the
    token they said it with, have now.
    """
    rows = Interjection.objects.filter(run_id=run_id, run__status__in=Run.TERMINAL, taken=False).order_by(
        "created_at", "id"
    )
    for said in rows.select_related("run__version", "run__conversation__agent"):
        conversation = said.run.conversation
        try:
            actor = actor_of_member(said.author_id, conversation.workspace_id, token_id=said.token)
            _start_left_over(actor, conversation=conversation, said=said)
        except (NotFound, PermissionDenied):
            Interjection.objects.filter(pk=said.pk).update(taken=True)  # nobody is left who may ask this


def register_left_overs() -> None:
    """Make them known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    async def run(run_id: str) -> None:
        await in_db(follow_up, run_id)

    register_kind(JobKind(name=LEFT_OVER_KIND, run=run, due=due, concurrency=20))


def _due(limit: int) -> list[str]:
    waiting = Interjection.objects.filter(run=OuterRef("pk"), taken=False)
    ended = Run.objects.filter(Exists(waiting), status__in=Run.TERMINAL)
    return list(ended.order_by("id").values_list("pk", flat=True)[:limit])
