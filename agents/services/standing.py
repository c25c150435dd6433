"""Runs of people who may no longer run them are asked to stop, in the transaction that took the right away.

A run that was begun with an API token stands on what that token leaves of its holder's rights: it stops when the token is
revoked or narrowed, like the person's runs with the person. A token that runs out does so in nobody's transaction, so a
sweep looks for what such tokens began. The same holds for what was said to a run and is not in its journal yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.rights import RightsShrank, when_rights_shrink
from accounts.selectors import live_tokens
from accounts.tokens import actor_of_member
from agents.models import Agent, Conversation, Interjection, Run
from agents.services.runs import request_cancel
from audit.action import Action, action
from core.authz import Actor, Permission, visible_to
from core.db import in_db
from core.errors import NotFound
from core.ids import new_id
from jobs.registry import JobKind, register_kind

EXPIRY_KIND = "token_over"
#: Whose rights something stands on: (person, workspace, the token that was shown or "").
Standing = tuple[str, str, str]


def stop_what_is_not_allowed(change: RightsShrank) -> None:
    """Look at every open run, and all that waits to be heard by one, with the rights that its author holds now."""
    runs, sayings = Run.objects.filter(status__in=Run.OPEN), Interjection.objects.filter(taken=False)
    if change.workspace_id is not None:
        runs = runs.filter(workspace_id=change.workspace_id)
        sayings = sayings.filter(run__workspace_id=change.workspace_id)
    if change.user_ids is not None:
        runs = runs.filter(started_by_id__in=change.user_ids)
        sayings = sayings.filter(author_id__in=change.user_ids)
    _stop(runs, sayings)


def _stop(runs: QuerySet[Run], sayings: QuerySet[Interjection]) -> int:
    """How many there were to stop or to leave unheard."""
    stopped = 0
    by_starter: dict[Standing, list[Run]] = {}
    for run in runs.only("id", "started_by_id", "token", "workspace_id", "agent_id", "conversation_id"):
        by_starter.setdefault((run.started_by_id, run.workspace_id, run.token), []).append(run)
    for standing, theirs in by_starter.items():
        allowed = _allowed(standing, theirs)
        for run in theirs:
            if run.pk not in allowed:
                request_cancel(run)
                stopped += 1
    by_author: dict[Standing, list[Interjection]] = {}
    for said in sayings.select_related("run"):
        by_author.setdefault((said.author_id, said.run.workspace_id, said.token), []).append(said)
    for standing, words in by_author.items():
        allowed = _allowed(standing, [said.run for said in words], began=False)
        unheard = [said.pk for said in words if said.run_id not in allowed]
        stopped += Interjection.objects.filter(pk__in=unheard).update(taken=True)
    return stopped


def _allowed(standing: Standing, runs: list[Run], *, began: bool = True) -> set[str]:
    """Those of the runs that could be started (`began` False: spoken to) with these rights now."""
    user_id, workspace_id, token = standing
    try:
        actor = actor_of_member(user_id, workspace_id, token_id=token)
    except NotFound:
        return set()
    if not actor.has(Permission.RUN_CREATE):
        return set()
    # A deleted agent's runs go on to their end, so the question is about the right alone.
    agents = _among(visible_to(actor, Permission.AGENT_RUN, Agent.objects.all()), {run.agent_id for run in runs})
    agents |= _among(Agent.objects.exclude(deleted_at=None), {run.agent_id for run in runs})
    speaks = visible_to(actor, Permission.CONVERSATION_SPEAK, Conversation.objects.all())
    threads = _among(speaks, {run.conversation_id for run in runs})
    reached = {run.pk for run in runs if run.conversation_id in threads}
    if began and actor.has(Permission.CONVERSATION_CREATE):
        reached |= _first_runs({run.pk for run in runs})
    return {run.pk for run in runs if run.agent_id in agents and run.pk in reached}


def _first_runs(ids: set[str]) -> set[str]:
    """Those that began their conversation: it takes no right to speak in one that was there."""
    earlier = Run.objects.filter(conversation=OuterRef("conversation"), pk__lt=OuterRef("pk"))
    return _among(Run.objects.filter(conversation__deleted_at=None).exclude(Exists(earlier)), ids)


def _among(rows: QuerySet[Any], ids: set[str]) -> set[str]:
    return set(rows.filter(pk__in=ids).values_list("pk", flat=True))


def listen() -> None:
    """When the app starts."""
    when_rights_shrink(stop_what_is_not_allowed)


def register_expiry() -> None:
    """Make the sweep for tokens that ran out known; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(tokens_over, limit)

    async def run(token: str) -> None:
        await in_db(end_token, token)

    register_kind(JobKind(name=EXPIRY_KIND, run=run, due=due, concurrency=1))


def tokens_over(limit: int) -> list[str]:
    """Tokens that hold no more, with something that goes on or waits to be heard."""
    alive = Exists(live_tokens().filter(pk=OuterRef("token")))
    runs = Run.objects.filter(status__in=Run.OPEN, cancel_requested_at=None)
    found: set[str] = set()
    for rows in (runs, Interjection.objects.filter(taken=False)):
        over = rows.exclude(token="").exclude(alive).values_list("token", flat=True)
        found |= set(over.distinct()[:limit])
    return sorted(found)[:limit]


def end_token(token: str) -> None:
    """Stop what was begun with a token that ran out, and leave unheard what was said with it."""
    workspace = Run.objects.filter(token=token).values_list("workspace_id", flat=True).first()
    workspace = (
        workspace or Interjection.objects.filter(token=token).values_list("run__workspace_id", flat=True).first()
    )
    stop_after_token(Actor("system", None, "expiry", workspace, request_id=new_id("req")), token=token)


@action("api_token.run_out", requires=None)
def stop_after_token(act: Action, *, token: str) -> None:
    """An API token had run out; what it had started was stopped."""
    runs = Run.objects.filter(status__in=Run.OPEN, cancel_requested_at=None, token=token)
    act.name_target("apitoken", token)
    act.record(stopped=_stop(runs, Interjection.objects.filter(taken=False, token=token)))
