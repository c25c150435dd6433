"""Letting go of what a workspace no longer wants to keep. A policy is a row that is due once an hour.

Whole runs go, never a part of a journal (docs/adr/0017). However much there is, a look takes a few seconds of small
transactions, and then the policy is due again: nobody waits for it, and whoever kills it loses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from accounts.selectors import workspaces_except
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
PATIENCE = timedelta(minutes=1)
#: One look's seconds; what is left then is due again at once.
LOOK_SECONDS = 5.0


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


def run_days_of(policy: Retention) -> int | None:
    """After how many days its runs are deleted: as the workspace says, else as the installation does."""
    return policy.run_days if policy.run_days is not None else settings.RUN_DAYS or None


def apply_retention(policy_id: str) -> dict[str, int]:
    """Delete what the policy lets go, for a few seconds; how much of each. Twice at once does no harm."""
    moment = now()
    taken = Retention.objects.filter(pk=policy_id, next_at__lte=moment).update(next_at=moment + PATIENCE)
    policy = Retention.objects.filter(pk=policy_id).first()
    if not taken or policy is None:
        return {}
    deadline = time.monotonic() + LOOK_SECONDS
    deleted = _delete(policy, lambda: time.monotonic() < deadline)
    over = time.monotonic() < deadline
    # Whoever edited it meanwhile has made it due, and so it stays.
    mine = Retention.objects.filter(pk=policy_id, next_at=moment + PATIENCE)
    mine.update(next_at=now() + EVERY if over else now())
    if deleted:
        actor = Actor("system", None, "retention", policy.workspace_id, request_id=new_id("req"))
        record_retention(actor, policy=policy, deleted=deleted)
    return deleted


@action("retention.apply", requires=None)
def record_retention(act: Action, *, policy: Retention, deleted: dict[str, int]) -> None:
    """What was older than the workspace's policy was deleted."""
    act.target(policy)
    act.record(deleted=deleted)


def _delete(policy: Retention, go_on: Callable[[], bool]) -> dict[str, int]:
    moment, space, run_days = now(), policy.workspace_id, run_days_of(policy)

    def before(days: int) -> datetime:
        return moment - timedelta(days=days)

    deleted = {"trash": disposal.empty_trash(space, deleted_before=before(policy.trash_days), go_on=go_on)}
    if policy.conversation_days is not None:
        deleted["conversations"] = disposal.delete_old_conversations(
            space, silent_since=before(policy.conversation_days), go_on=go_on
        )
    if run_days is not None:
        deleted["runs"] = disposal.delete_old_runs(space, ended_before=before(run_days), go_on=go_on)
    if policy.usage_days is not None:
        deleted["usage"] = delete_old_usage(space, before=before(policy.usage_days), go_on=go_on)
    return {name: count for name, count in deleted.items() if count}


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune_runs` did in one workspace, or would do."""

    workspace: str
    days: int
    runs: int
    events: int


def prune_runs(actor: Actor, *, older_than: int | None, really: bool, facts: dict[str, Any]) -> Iterator[Pruned]:
    """By an operator's hand, in every workspace: what its policy lets go, or what ended more than so many days ago. Only
    counted unless `really`. Each workspace's is recorded there; cut off, it is begun again with the same command.
    """
    for workspace in list(workspaces_except(()).values_list("pk", flat=True)):
        policy = retention_of(workspace)
        days = older_than if older_than is not None else run_days_of(policy)
        if days is None:
            continue
        moment = now() - timedelta(days=days)
        runs, events = disposal.count_old_runs(workspace, ended_before=moment)
        if really and runs:
            runs = disposal.delete_old_runs(workspace, ended_before=moment)
            record_pruning(
                Actor(actor.kind, actor.user_id, actor.label, workspace),
                policy=policy,
                days=days,
                runs=runs,
                facts=facts,
            )
        yield Pruned(workspace, days, runs, events)


@action("retention.prune", requires=None)
def record_pruning(act: Action, *, policy: Retention, days: int, runs: int, facts: dict[str, Any]) -> None:
    """An operator deleted old runs by a command on the server."""
    act.target(policy)
    act.record(days=days, deleted={"runs": runs}, **facts)


def nothing_is_let_go() -> bool:
    """Whether no workspace's policy, nor the installation's, ever deletes a run."""
    policies = Retention.objects.exclude(run_days=None, conversation_days=None)
    return not settings.RUN_DAYS and not policies.exists()


def register_retention() -> None:
    """Make it known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    async def run(policy_id: str) -> None:
        await in_db(apply_retention, policy_id)

    register_kind(JobKind(name=RETENTION_KIND, run=run, due=due, concurrency=1))


def _due(limit: int) -> list[str]:
    have = Retention.objects.values("workspace")
    for workspace in workspaces_except(have).values_list("pk", flat=True)[:limit]:
        # Nobody has looked at it: its bin is emptied as well.
        Retention.objects.get_or_create(workspace_id=workspace, defaults={"next_at": now() + EVERY})
    rows = Retention.objects.filter(next_at__lte=now()).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])
