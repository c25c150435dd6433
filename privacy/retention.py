"""Letting go of what a workspace no longer wants to keep. A policy is a row that is due once an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from agents.services import disposal
from audit.action import Action, action
from core.authz import Actor, Permission
from core.clock import now
from core.db import in_db
from core.ids import new_id
from jobs.registry import JobKind, register_kind
from llm_providers.services.disposal import delete_old_usage
from privacy.models import Retention

RETENTION_KIND = "retention"
EVERY = timedelta(hours=1)
#: Whoever has taken a policy is given so long before somebody else does: what was deleted by then stays deleted.
PATIENCE = timedelta(minutes=10)


def retention_of(workspace_id: str) -> Retention:
    """The workspace's policy; one that keeps everything if it has none yet."""
    found, _ = Retention.objects.get_or_create(workspace_id=workspace_id, defaults={"next_at": now()})
    return found


@action("retention.edit", requires=Permission.RETENTION_EDIT)
def edit_retention(act: Action, *, changes: dict[str, int | None]) -> Retention:
    """Somebody said for how long the workspace keeps what."""
    policy = Retention.objects.select_for_update().get(pk=retention_of(act.workspace_id).pk)
    before = {name: getattr(policy, name) for name in changes}
    for name, days in changes.items():
        setattr(policy, name, days)
    policy.next_at = now()
    policy.save()
    act.target(policy)
    act.record(before=before, after=changes)
    return policy


def apply_retention(policy_id: str) -> dict[str, int]:
    """Delete what the policy lets go; how much of each. Twice at once does no harm."""
    moment = now()
    taken = Retention.objects.filter(pk=policy_id, next_at__lte=moment).update(next_at=moment + PATIENCE)
    policy = Retention.objects.filter(pk=policy_id).first()
    if not taken or policy is None:
        return {}
    deleted = _delete(policy)
    Retention.objects.filter(pk=policy_id).update(next_at=now() + EVERY)
    if deleted:
        actor = Actor("system", None, "retention", policy.workspace_id, request_id=new_id("req"))
        record_retention(actor, policy=policy, deleted=deleted)
    return deleted


@action("retention.apply", requires=None)
def record_retention(act: Action, *, policy: Retention, deleted: dict[str, int]) -> None:
    """What was older than the workspace's policy was deleted."""
    act.target(policy)
    act.record(deleted=deleted)


def _delete(policy: Retention) -> dict[str, int]:
    moment, space = now(), policy.workspace_id

    def before(days: int) -> Any:
        return moment - timedelta(days=days)

    deleted = {"trash": disposal.empty_trash(space, deleted_before=before(policy.trash_days))}
    if policy.conversation_days is not None:
        deleted["conversations"] = disposal.delete_old_conversations(
            space, silent_since=before(policy.conversation_days)
        )
    if policy.run_days is not None:
        deleted["runs"] = disposal.delete_old_runs(space, ended_before=before(policy.run_days))
    if policy.usage_days is not None:
        deleted["usage"] = delete_old_usage(space, before=before(policy.usage_days))
    return {name: count for name, count in deleted.items() if count}


def register_retention() -> None:
    """Make it known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    async def run(policy_id: str) -> None:
        await in_db(apply_retention, policy_id)

    register_kind(JobKind(name=RETENTION_KIND, run=run, due=due, concurrency=1))


def _due(limit: int) -> list[str]:
    rows = Retention.objects.filter(next_at__lte=now()).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])
