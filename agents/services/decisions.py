"""Deciding what a run asked. The next holder of the run turns it into an event; the row says at once that it is decided."""

from __future__ import annotations

from agents.models import Decision, Run
from agents.runtime.bells import ring_decided
from audit.action import Action, action
from core.authz import Permission
from core.clock import now, rfc3339
from core.errors import Conflict, ValidationFailed


@action("decision.resolve", requires=Permission.DECISION_RESOLVE, on="decision")
def resolve_decision(
    act: Action, *, decision: Decision, resolution: str, result: str = "", reason: str = ""
) -> Decision:
    """A person decided what a run had asked."""
    _check(decision, resolution, result)
    # The run's row first: two people who answer the last two questions at once must not each leave it to the other to
    # wake the run.
    run = (
        Run.objects.select_for_update()
        .only("id", "conversation_id", "workspace_id", "started_by_id")
        .get(pk=decision.run_id)
    )
    moment = now()
    taken = Decision.objects.filter(pk=decision.pk, status=Decision.Status.OPEN).update(
        status=Decision.Status.RESOLVED,
        resolution=resolution,
        result=result,
        reason=reason,
        resolved_by_id=act.person_id,
        resolved_at=moment,
        updated_at=moment,
    )
    decision.refresh_from_db()
    if not taken:
        raise _refusal(decision)
    if not Decision.objects.filter(run=run, status=Decision.Status.OPEN).exists():
        Run.objects.filter(pk=run.pk, status=Run.Status.WAITING).update(status=Run.Status.QUEUED)
    act.target(decision)
    act.record(run=run.pk, resolution=resolution)
    ring_decided(run.pk, run.conversation_id, run.workspace_id, run.started_by_id)
    return decision


def _check(decision: Decision, resolution: str, result: str) -> None:
    allowed = Decision.RESOLUTIONS[decision.kind]
    if resolution not in allowed:
        raise ValidationFailed.on("resolution", "invalid_choice", f"This can be decided with: {', '.join(allowed)}.")
    if resolution == "answer" and not result.strip():
        raise ValidationFailed.on("result", "blank", "Write an answer first.")


def _refusal(decision: Decision) -> Conflict:
    if decision.status == Decision.Status.EXPIRED:
        return Conflict("The run ended before this was decided. Nothing was changed.", code="decision_expired")
    who = decision.resolved_by.email if decision.resolved_by is not None else "somebody who is gone"
    when = rfc3339(decision.resolved_at) if decision.resolved_at is not None else "before"
    return Conflict(
        f"{who} decided this already, at {when}: {decision.resolution}. Nothing was changed.", code="already_resolved"
    )
