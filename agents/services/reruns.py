"""Trying again and going on: a new run that names the one it takes over from. An ended journal is never appended to."""

from __future__ import annotations

from agents.engine.events import Event, from_json
from agents.models import Run, RunEvent
from agents.runtime.bells import ring_run
from agents.services.runs import check_room, lock_conversation, write_run
from audit.action import Action, action
from core.authz import Permission, authorize
from core.errors import Conflict, PermissionDenied, ValidationFailed


@action("run.retry", requires=Permission.RUN_CREATE, on="run")
def retry_run(act: Action, *, run: Run, from_step: int | None = None) -> Run:
    """A run was tried again, from its beginning or from one of its steps."""
    _check_ended(run, "tried again")
    return _take_over(act, run, 1 if from_step is None else _before_step(run, from_step))


@action("run.continue", requires=Permission.RUN_CREATE, on="run")
def continue_run(act: Action, *, run: Run) -> Run:
    """A run that had failed or was stopped went on in a new one."""
    _check_ended(run, "continued")
    if run.status == Run.Status.SUCCEEDED:
        raise Conflict("This run came to its end. Say what to do next, or try it again.", code="nothing_to_continue")
    return _take_over(act, run, _last_whole(run))


def _take_over(act: Action, run: Run, seq: int) -> Run:
    if run.started_by_id != act.person_id:
        raise PermissionDenied("Only the person who started this run can try it again or go on with it.")
    authorize(act.actor, Permission.AGENT_RUN, run.agent)
    authorize(act.actor, Permission.CONVERSATION_SPEAK, run.conversation)
    check_room(act)
    lock_conversation(run.conversation)
    new = write_run(
        act,
        agent=run.agent,
        version=run.version,
        conversation=run.conversation,
        text=None,
        continues=(run, seq),
    )
    Run.objects.filter(pk=run.pk).update(superseded_after=seq)
    act.target(new)
    act.record(agent=run.agent_id, version=run.version.number, continues=run.pk, seq=seq)
    ring_run(new.id, new.conversation_id, new.workspace_id, act.person_id)
    return new


def _check_ended(run: Run, what: str) -> None:
    if run.status not in Run.TERMINAL:
        raise Conflict(f"The run is still going on. Stop it first; then it can be {what}.", code="run_not_ended")


def _journal(run: Run) -> list[tuple[int, Event]]:
    rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "event")
    return [(seq, from_json(event)) for seq, event in rows]


def _before_step(run: Run, number: int) -> int:
    for seq, event in _journal(run):
        if event.type == "step.started" and event.step == number:  # type: ignore[attr-defined]
            return 1 if number == 1 else seq - 1
    raise ValidationFailed.on("from_step", "invalid", f"This run has no step {number}.")


def _last_whole(run: Run) -> int:
    """The event up to which what was done can be kept: before a step whose answer was cut, else before the end."""
    last, started, cut = 1, 1, False
    for seq, event in _journal(run):
        match event.type:
            case "step.started":
                started, cut = seq - 1, True
            case "message.completed" if event.role == "assistant":  # type: ignore[attr-defined]
                cut = event.finish not in ("stop", "length", "tool_calls")  # type: ignore[attr-defined]
            case "run.failed" | "run.cancelled":
                break
        last = seq
    return max(1, started if cut else last)
