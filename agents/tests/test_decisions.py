"""What runs ask people: over HTTP, on the real runtime and database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import close_old_connections
from django.db.models import F

from agents.models import Decision, Message, Run, RunEvent
from agents.tests.runtime_world import ended, post, runtime, start, until
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)

ASK = '[[tool:ask_person {"question": "Red or blue?", "options": ["red", "blue"]}]] [[tokens:5 gap:0]]'


@pytest.fixture
def asker(owner: Any, demo_model: str) -> Any:
    """A published agent that may ask people."""
    body = {"name": "Asker", "instructions": "Ask.", "model": demo_model, "tools": ["ask_person"]}
    made = owner.post("agents/", body)
    assert owner.post(f"agents/{made.data['id']}/publish/", {}).status_code == 201
    return made.data


async def asked(run: str) -> str:
    """Wait until the run has put its question; returns the decision's id."""
    await until(lambda: Run.objects.filter(pk=run, status="waiting").exists())
    return str(await in_db(lambda: Decision.objects.get(run_id=run).pk))


async def test_a_question_waits_without_a_worker_and_goes_on_with_the_answer(owner: Any, asker: Any) -> None:
    async with runtime():
        run = await start(owner, asker, ASK)
        decision = await asked(run)
    # No runtime is at work now; deciding needs none.
    row = await in_db(lambda: Run.objects.get(pk=run))
    assert row.lease_until is None and row.lease_holder == ""
    shown = (await in_db(owner.get, "decisions/?status=open")).data["results"]
    assert [(d["id"], d["run"], d["kind"], d["tool"]) for d in shown] == [(decision, run, "question", "ask_person")]
    assert shown[0]["prompt"] == "Red or blue?" and shown[0]["options"] == ["red", "blue"]
    assert shown[0]["resolutions"] == ["answer", "decline"]
    done = await post(owner, f"decisions/{decision}/resolve/", {"resolution": "answer", "result": "blue"}, 200)
    assert (done["status"], done["result"], done["resolved_by"]["email"]) == ("resolved", "blue", owner.person.email)
    assert (await in_db(owner.get, f"runs/{run}/")).data["status"] == "queued"
    async with runtime():
        assert (await ended(run)).status == "succeeded"
    called = await in_db(lambda: Message.objects.filter(run_id=run, role="assistant").order_by("seq").first())
    assert called.tool_calls[0]["result"] == "blue" and called.tool_calls[0]["outcome"] == "ok"


async def test_only_what_fits_is_accepted_and_only_once(owner: Any, asker: Any) -> None:
    async with runtime():
        run = await start(owner, asker, ASK)
        path = f"decisions/{await asked(run)}/resolve/"
        refusals: list[tuple[Any, str]] = [
            ({}, "resolution"),
            ({"resolution": "happened"}, "resolution"),
            ({"resolution": 7}, "resolution"),
            ({"resolution": "answer"}, "result"),
            ({"resolution": "answer", "result": "  "}, "result"),
            ({"resolution": "answer", "result": "x" * 70_000}, "result"),
            ({"resolution": "decline", "arguments": {}}, "arguments"),
            ({"resolution": "decline", "extra": 1}, "extra"),
        ]
        for body, field in refusals:
            problem = await post(owner, path, body, 400)
            assert [error["field"] for error in problem["errors"]] == [field], problem
        assert (await post(owner, path, {"resolution": "decline", "reason": "later"}, 200))["reason"] == "later"
        again = await post(owner, path, {"resolution": "answer", "result": "red"}, 409)
        assert again["code"] == "already_resolved" and owner.person.email in again["detail"]
        assert (await ended(run)).status == "succeeded"
    events = await in_db(
        lambda: list(RunEvent.objects.filter(run_id=run).order_by("seq").values_list("event", flat=True))
    )
    assert [e["resolution"] for e in events if e["type"] == "decision.resolved"] == ["decline"]
    assert next(e for e in events if e["type"] == "tool.completed")["outcome"] == "denied"


async def test_incident_3_21_of_many_people_one_decides(
    owner: Any, asker: Any, make_person: Any, workspace: Any
) -> None:
    people = [owner, *[await in_db(make_person, workspace, "admin") for _ in range(5)]]

    def answer(number: int) -> int:
        body = {"resolution": "answer", "result": f"from {number}"}
        try:
            return int(people[number].post(f"decisions/{decision}/resolve/", body).status_code)
        finally:
            close_old_connections()

    def race() -> list[int]:
        with ThreadPoolExecutor(len(people)) as pool:
            return sorted(pool.map(answer, range(len(people))))

    async with runtime():
        run = await start(owner, asker, ASK)
        decision = await asked(run)
        assert await in_db(race) == [200] + [409] * 5
        done = await ended(run)
    said = await in_db(lambda: Decision.objects.get(pk=decision).result)
    result = await in_db(lambda: RunEvent.objects.get(run_id=run, type="tool.completed").event["result"])
    assert result == said and done.status == "succeeded"


async def test_other_people_neither_see_nor_decide(owner: Any, asker: Any, make_person: Any, workspace: Any) -> None:
    member, viewer = await in_db(make_person, workspace, "user"), await in_db(make_person, workspace, "viewer")
    stranger = await in_db(make_person, None)
    async with runtime():
        decision = await asked(await start(owner, asker, ASK))
    body = {"resolution": "decline"}
    assert (await in_db(member.get, "decisions/")).data["results"] == []
    # A viewer may look at what is shared with them, and this is not; their role decides nothing at all.
    for person, status in ((member, 404), (viewer, 403), (stranger, 404)):
        assert (await in_db(person.get, f"decisions/{decision}/")).status_code == 404
        await post(person, f"decisions/{decision}/resolve/", body, status)
    assert (await in_db(owner.get, f"decisions/{decision}/")).data["status"] == "open"


async def test_a_stop_ends_a_waiting_run_and_expires_its_question(owner: Any, asker: Any) -> None:
    async with runtime():
        run = await start(owner, asker, ASK)
        decision = await asked(run)
        await post(owner, f"runs/{run}/cancel/", {})
        assert (await ended(run)).status == "cancelled"
        late = await post(owner, f"decisions/{decision}/resolve/", {"resolution": "decline"}, 409)
        assert late["code"] == "decision_expired"
        following = await start(owner, asker, "Next [[tokens:3 gap:0]]")
        assert (await ended(following)).status == "succeeded"


async def test_the_time_that_a_person_takes_is_not_the_runs(owner: Any, asker: Any) -> None:
    async with runtime():
        run = await start(owner, asker, ASK)
        decision = await asked(run)
    hour = timedelta(hours=1)  # it was asked an hour ago; the limit of a run is ten minutes
    await in_db(lambda: RunEvent.objects.filter(run_id=run).update(at=F("at") - hour))
    await in_db(lambda: Run.objects.filter(pk=run).update(started_at=F("started_at") - hour))
    await post(owner, f"decisions/{decision}/resolve/", {"resolution": "answer", "result": "red"}, 200)
    async with runtime():
        done = await ended(run)
    assert (done.status, done.stop_reason) == ("succeeded", "completed")
