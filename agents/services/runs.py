"""Starting and stopping runs. From the commit on, a run is the engine's: nothing here waits for it."""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from django.db import connection

from agents.engine.events import RunQueued
from agents.models import Agent, AgentVersion, Conversation, Run, RunEvent
from agents.runtime.bells import ring_run, signal_run
from agents.runtime.projection import write_first_events
from agents.runtime.spans import announce_run
from agents.selectors.runs import open_run_counts, queue_is_full
from agents.services.agents import version_to_run
from audit.action import Action, action
from core.authz import Permission, authorize
from core.clock import now
from core.errors import NotFound, TooManyRequests, Unavailable
from core.ids import new_id
from core.prepared import Prepared

Mode = Literal["queue", "interrupt"]


@action("run.start", requires=Permission.RUN_CREATE)
def start_run(
    act: Action,
    *,
    agent: Agent,
    text: str,
    conversation: Conversation | None = None,
    version: int | str | None = None,
    mode: Mode = "queue",
) -> Run:
    """A run was started."""
    from agents.services.conversations import open_conversation

    authorize(act.actor, Permission.AGENT_RUN, agent)
    check_room(act)
    if conversation is None:
        authorize(act.actor, Permission.CONVERSATION_CREATE)
        conversation = open_conversation(act, agent=agent, draft=version == "draft")
    else:
        authorize(act.actor, Permission.CONVERSATION_SPEAK, conversation)
        lock_conversation(conversation)
        if version is None and conversation.is_draft:
            version = "draft"
    chosen = version_to_run(act.actor, agent, version)
    if mode == "interrupt":
        for earlier in Run.objects.filter(conversation=conversation, status__in=Run.OPEN):
            request_cancel(earlier)
    run = write_run(act, agent=agent, version=chosen, conversation=conversation, text=text, mode=mode)
    act.target(run)
    act.record(agent=agent.id, version=chosen.number, conversation=conversation.id)
    ring_run(run.id, run.conversation_id, run.workspace_id, act.person_id)
    return run


_LOCKED = Prepared(
    lambda value: (
        Conversation.objects.select_for_update()
        .filter(pk=value("conversation"))
        .values_list("deleted_at", "is_draft", "title")
    )
)


def lock_conversation(conversation: Conversation) -> None:
    """Nobody else starts a run in it until the transaction ends; what matters of it is read anew. NotFound once deleted."""
    row = _LOCKED.row(conversation=conversation.pk)
    if row is None or row[0] is not None:
        raise NotFound()
    _, conversation.is_draft, conversation.title = row


@action("run.cancel", requires=Permission.RUN_CANCEL, on="run")
def cancel_run(act: Action, *, run: Run) -> Run:
    """A run was asked to stop."""
    request_cancel(run)
    run.refresh_from_db()
    return run


def request_cancel(run: Run) -> None:
    """Leave the wish to stop on the run's row and wake its holder; nothing happens to a run that has ended."""
    changed = Run.objects.filter(pk=run.pk, status__in=Run.OPEN, cancel_requested_at=None).update(
        cancel_requested_at=now()
    )
    if changed:
        signal_run(run.id)


def check_room(act: Action) -> None:
    """Refuse what would only lengthen a queue that is long already: of this person, of this workspace, of all."""
    if settings.RATE_LIMITS == "off":
        return
    factor = float(settings.RATE_LIMITS)
    mine, of_workspace = open_run_counts(act.actor)
    if mine >= settings.MAX_OPEN_RUNS * factor:
        raise TooManyRequests(
            f"You have {mine} runs going on or waiting. Wait for one to end, or stop one.",
            code="too_many_open_runs",
            headers={"Retry-After": "5"},
        )
    if of_workspace >= settings.MAX_OPEN_RUNS_OF_WORKSPACE * factor:
        raise TooManyRequests(
            f"This workspace has {of_workspace} runs going on or waiting. Wait for some to end.",
            code="too_many_open_runs_of_workspace",
            headers={"Retry-After": "5"},
        )
    if queue_is_full(int(settings.MAX_QUEUED_RUNS * factor)):
        raise Unavailable(
            "More runs wait than the workers get through. Try again in a little while.",
            code="queue_full",
            headers={"Retry-After": "10"},
        )


def write_run(
    act: Action,
    *,
    agent: Agent,
    version: AgentVersion,
    conversation: Conversation,
    text: str | None,
    mode: Mode = "queue",
    continues: tuple[Run, int] | None = None,
    message_id: str | None = None,
) -> Run:
    """The run with the first event of its journal (epoch 0: nobody holds it yet), and the message it answers.

    `text` None: it has no words of its own, because it `continues` another run after one of its events.
    """
    moment = now()
    run = Run(
        workspace_id=act.workspace_id,
        agent=agent,
        version=version,
        conversation=conversation,
        started_by_id=act.person_id,
        owner_id=conversation.owner_id,
        token=act.actor.token_id or "",
        request_id=act.actor.request_id,
    )
    if continues is not None:
        run.continues, run.continues_seq = continues
    if text is not None and message_id is None:
        message_id = new_id("msg")
    queued = RunQueued(
        agent=agent.id,
        agent_name=agent.name,
        version=version.number,
        draft=version.number is None,
        conversation=conversation.id,
        model_name=version.model_name,
        request_id=act.actor.request_id,
        input={"message": message_id, "text": text, **({"mode": mode} if mode != "queue" else {})}
        if message_id is not None and text is not None
        else None,
        continues={"run": continues[0].id, "seq": continues[1]} if continues is not None else None,
    )
    write_first_events(run, [queued], at=moment)
    announce_run(run, agent_name=agent.name)
    run.input_message = message_id
    if not conversation.title and text is not None:
        table = connection.ops.quote_name(Conversation._meta.db_table)
        with connection.cursor() as cursor:
            title = title_from(text)
            cursor.execute(f"UPDATE {table} SET title = %s WHERE id = %s", [title, conversation.pk])  # noqa: S608
    return run


def title_from(text: str) -> str:
    """A conversation's first title: the beginning of what was asked, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


def input_message_id(run: Run) -> str:
    """The id of the person's message that the run answers."""
    return run.input_message or str(
        RunEvent.objects.filter(run=run, seq=1).values_list("event__input__message", flat=True).get()
    )
