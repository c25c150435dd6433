"""Letting go of many runs: in small pieces, whoever reads meanwhile, whatever else goes on from them, killed half-way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext

from accounts.models import Workspace
from agents.models import Conversation, Message, Run, RunEvent
from agents.runtime.reading import PAGE, look_at_runs
from agents.sse import _stream
from audit.models import AuditEntry
from core.clock import now
from core.db import in_db
from privacy import retention
from privacy.models import Retention
from privacy.tests.test_privacy import due, talk
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def old_run(api: Api, agent: dict[str, Any], days: float, events: int = 0) -> Run:
    """One that began and ended so many days ago; with a journal of so many events if asked."""
    run = talk(api, agent["id"], f"{days} days", days_ago=days)
    if events:
        RunEvent.objects.filter(run=run).delete()
        kinds = ["run.queued", *["tool.progress"] * (events - 2), "run.succeeded"]
        RunEvent.objects.bulk_create(
            RunEvent(run=run, seq=seq, type=kind, at=run.ended_at, event={"type": kind, "call": "c"})
            for seq, kind in enumerate(kinds, start=1)
        )
        Run.objects.filter(pk=run.pk).update(last_seq=events)
        run.refresh_from_db()
    return run


def test_a_look_ends_after_its_time_and_the_rest_is_due_at_once(
    owner: Api, agent: dict[str, Any], workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [old_run(owner, agent, 40 + number) for number in range(5)]
    monkeypatch.setattr("agents.services.disposal._RUNS_AT_ONCE", 2)
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.0)
    owner.patch("retention/", {"run_days": 30})
    assert due(workspace) == {}, "no time, nothing done"
    policy = Retention.objects.get(workspace=workspace)
    assert policy.next_at <= now(), "and the next look is due"
    monkeypatch.setattr(retention, "LOOK_SECONDS", 5.0)
    assert due(workspace) == {"runs": len(old)}
    policy.refresh_from_db()
    assert policy.next_at > now() + timedelta(minutes=50)


def test_few_runs_go_in_one_transaction(
    owner: Api, agent: dict[str, Any], workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nobody waits for a lock for long, and whoever is killed has lost one small piece of work."""
    for number in range(7):
        old_run(owner, agent, 40 + number)
    monkeypatch.setattr("agents.services.disposal._RUNS_AT_ONCE", 2)
    owner.patch("retention/", {"run_days": 30})
    with CaptureQueriesContext(connection) as captured:
        assert due(workspace) == {"runs": 7}
    deletes = [one["sql"] for one in captured if one["sql"].startswith('DELETE FROM "agents_runevent"')]
    assert len(deletes) >= 4 and max(sql.count("'run_") for sql in deletes) == 2


def test_a_run_that_another_goes_on_from_stays_as_long_as_that_one(
    owner: Api, agent: dict[str, Any], workspace: Any
) -> None:
    base, link, tip = (old_run(owner, agent, days) for days in (60, 50, 5))
    Run.objects.filter(pk=link.pk).update(continues=base, continues_seq=1, conversation=base.conversation_id)
    Run.objects.filter(pk=tip.pk).update(continues=link, continues_seq=1, conversation=base.conversation_id)
    owner.patch("retention/", {"run_days": 30})
    assert due(workspace) == {}
    tip.refresh_from_db()
    assert tip.continues_id == link.pk
    owner.patch("retention/", {"run_days": 3})
    assert due(workspace) == {"runs": 3}, "in the end all of them"


def test_the_installation_decides_where_the_workspace_says_nothing(
    owner: Api, agent: dict[str, Any], workspace: Any, settings: Any, make_workspace: Any, make_person: Any
) -> None:
    old_run(owner, agent, 40)
    assert owner.get("retention/").data["installation_run_days"] is None
    settings.RUN_DAYS = 30
    answer = owner.get("retention/").data
    assert (answer["run_days"], answer["installation_run_days"]) == (None, 30)
    assert owner.patch("retention/", {"run_days": 50}).status_code == 200
    assert due(workspace) == {}, "its own word counts"
    assert owner.patch("retention/", {"run_days": None}).status_code == 200
    assert due(workspace) == {"runs": 1}
    assert owner.patch("retention/", {"installation_run_days": 1}).status_code == 400, "nobody sets it from here"


def test_a_workspace_that_nobody_looked_at_has_a_policy_too(workspace: Any) -> None:
    assert not Retention.objects.exists()
    assert retention._due(10) == []
    policy = Retention.objects.get(workspace=workspace)
    assert timedelta() < policy.next_at - now() <= retention.EVERY
    assert retention._due(10) == []


def test_who_shortens_a_policy_during_a_look_does_not_wait_an_hour(
    owner: Api, agent: dict[str, Any], workspace: Any
) -> None:
    old_run(owner, agent, 40)
    owner.patch("retention/", {"run_days": 30})

    def edit(**_: Any) -> None:
        assert owner.patch("retention/", {"run_days": 20}).status_code == 200

    pre_delete.connect(edit, sender=Run)
    try:
        assert due(workspace) == {"runs": 1}
    finally:
        pre_delete.disconnect(edit, sender=Run)
    assert Retention.objects.get(workspace=workspace).next_at <= now()


# --- By hand ----------------------------------------------------------------------------------------------------------


def prune(*words: str) -> str:
    out = StringIO()
    call_command("prune_runs", *words, stdout=out)
    return out.getvalue()


def test_an_operator_counts_first_and_then_deletes(owner: Api, agent: dict[str, Any], workspace: Any) -> None:
    old, young = old_run(owner, agent, 40, events=5), old_run(owner, agent, 10)
    waiting = old_run(owner, agent, 90)
    Run.objects.filter(pk=waiting.pk).update(status="waiting", ended_at=None)
    assert "AAP_RUN_DAYS is not set" in prune("--dry-run")
    said = prune("--dry-run", "--older-than", "30")
    assert "1 runs with 5 events would go" in said and Run.objects.count() == 3
    assert not AuditEntry.objects.filter(kind="retention.prune").exists()
    assert "1 runs with 5 events are gone" in prune("--older-than", "30")
    assert set(Run.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk}
    assert not RunEvent.objects.filter(run_id=old.pk).exists() and not Message.objects.filter(run_id=old.pk).exists()
    assert Conversation.objects.filter(pk=old.conversation_id).exists()
    entry = AuditEntry.objects.get(kind="retention.prune")
    assert (entry.workspace_id, entry.data["deleted"], entry.data["days"]) == (workspace.pk, {"runs": 1}, 30)
    assert entry.data["os_user"]
    assert "0 runs" in prune("--older-than", "30")


def test_by_the_policies_each_workspace_by_its_own(
    owner: Api, agent: dict[str, Any], make_workspace: Any, make_person: Any
) -> None:
    old_run(owner, agent, 40)
    make_workspace("Elsewhere")
    owner.patch("retention/", {"run_days": 30})
    assert "1 runs with" in prune()
    assert Workspace.objects.count() == 2 and not Run.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "many", "1.5", "99999999", ""])
def test_days_that_are_none_delete_nothing(owner: Api, agent: dict[str, Any], days: str) -> None:
    old_run(owner, agent, 400)
    with pytest.raises((CommandError, SystemExit)):
        prune(f"--older-than={days}")
    assert Run.objects.count() == 1


# --- Whoever reads meanwhile -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_viewer_of_a_run_that_goes_gets_what_there_was_and_an_end(
    owner: Api, agent: dict[str, Any], workspace: Any
) -> None:
    """Never a gap, a repetition or half an event, and no stream that stays open for a run that is no more."""
    run = old_run(owner, agent, 40, events=PAGE * 2 + 50)
    owner.patch("retention/", {"run_days": 30})

    async def read() -> list[int]:
        (look,) = await in_db(look_at_runs, [run.pk])
        seen: list[int] = []

        async def still_there() -> bool:
            return await in_db(Run.objects.filter(pk=run.pk).exists)

        async for block in _stream(look, 0, still_there):
            seen += [int(line[4:]) for line in block.decode().splitlines() if line.startswith("id: ")]
            if len(seen) == PAGE:
                assert await in_db(due, workspace) == {"runs": 1}
        return seen

    assert asyncio.run(asyncio.wait_for(read(), 15)) == list(range(1, PAGE + 1))
    assert owner.get(f"runs/{run.pk}/events/?after={PAGE}").status_code == 404
    conversation = owner.get(f"conversations/{run.conversation_id}/messages/")
    assert conversation.status_code == 200 and conversation.data["results"] == []
