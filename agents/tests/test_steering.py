"""Speaking to a run that goes on: it is heard before the next model call, by this run or by the next, and once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.models import Interjection, Message, Run, RunEvent
from agents.tests.runtime_world import ended, post, runtime, start, until
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)


def journal(run: str) -> list[dict[str, Any]]:
    return list(RunEvent.objects.filter(run_id=run).order_by("seq").values_list("event", flat=True))


def said(events: list[dict[str, Any]]) -> list[str]:
    return [e["text"] for e in events if e["type"] == "message.completed" and e["role"] == "user"]


async def steer(owner: Any, run: str, text: str) -> Any:
    conversation = await in_db(lambda: Run.objects.get(pk=run).conversation_id)
    return await post(owner, f"conversations/{conversation}/messages/", {"text": text, "mode": "steer"})


async def test_what_is_said_meanwhile_is_answered_by_the_same_run(owner: Any, agent: Any) -> None:
    async with runtime():
        run = await start(owner, agent, "First [[tokens:200 gap:15]]")
        await until(lambda: RunEvent.objects.filter(run_id=run, type="message.started").exists())
        accepted = await steer(owner, run, "And second [[tokens:80 gap:0]]")
        assert accepted["run"] == run
        done = await ended(run)
    events = await in_db(journal, run)
    assert said(events) == ["And second [[tokens:80 gap:0]]"]
    answers = [e for e in events if e["type"] == "message.completed" and e["role"] == "assistant"]
    assert len(answers) == 2 and "And second" in answers[1]["text"] and done.status == "succeeded"
    rows = await in_db(lambda: list(Message.objects.filter(run_id=run).order_by("seq").values_list("role", "text")))
    assert [role for role, _ in rows] == ["user", "assistant", "user", "assistant"]
    assert done.output_text == rows[-1][1]
    listed = (await in_db(owner.get, f"conversations/{done.conversation_id}/messages/")).data["results"]
    assert [m["id"] for m in listed if m["role"] == "user"][-1] == accepted["message"]


async def test_what_is_said_to_a_run_in_the_queue_is_part_of_its_first_step(owner: Any, agent: Any) -> None:
    run = await start(owner, agent, "One [[tokens:3 gap:0]]")
    await steer(owner, run, "More [[tokens:80 gap:0]]")
    async with runtime():
        done = await ended(run)
    events = await in_db(journal, run)
    order = [e["type"] + (":" + e["role"] if "role" in e else "") for e in events]
    assert order.index("message.completed:user") < order.index("step.started") and order.count("step.started") == 1
    assert said(events) == ["More [[tokens:80 gap:0]]"] and "More" in done.output_text


async def test_what_comes_too_late_is_the_next_runs_question(owner: Any, agent: Any, workspace: Any) -> None:
    async with runtime():
        old = await ended(await start(owner, agent, "Done [[tokens:3 gap:0]]"))
        row = {"id": "msg_late", "run_id": old.id, "author_id": owner.person.id, "text": "Late [[tokens:3 gap:0]]"}
        await in_db(lambda: Interjection.objects.create(created_at=old.ended_at, **row))
        new = await until(lambda: Run.objects.filter(conversation=old.conversation_id).exclude(pk=old.pk).first())
        done = await ended(new.pk)
        await asyncio.sleep(0)
    first = (await in_db(journal, done.pk))[0]
    assert first["input"] == {"message": "msg_late", "text": "Late [[tokens:3 gap:0]]"}
    assert await in_db(lambda: Run.objects.filter(conversation=old.conversation_id).count()) == 2


async def test_without_a_run_going_on_it_is_an_ordinary_message(owner: Any, agent: Any) -> None:
    async with runtime():
        old = await ended(await start(owner, agent, "Done [[tokens:3 gap:0]]"))
        accepted = await steer(owner, old.id, "Next [[tokens:3 gap:0]]")
        assert accepted["run"] != old.id
        assert (await ended(accepted["run"])).status == "succeeded"


async def test_what_was_said_survives_a_restart_and_is_heard_once(owner: Any, agent: Any) -> None:
    run = await start(owner, agent, "First [[tokens:30 gap:2]]")
    for number in range(3):
        await steer(owner, run, f"Point {number}")
    for _ in range(3):
        async with runtime():
            await until(lambda: Run.objects.exclude(status="queued").filter(pk=run).exists())
    async with runtime():
        assert (await ended(run)).status == "succeeded"
        everything = await until(lambda: not Interjection.objects.filter(taken=False).exists())
    assert everything
    texts = await in_db(lambda: list(Message.objects.filter(role="user").order_by("id").values_list("text", flat=True)))
    assert sorted(texts) == ["First [[tokens:30 gap:2]]", "Point 0", "Point 1", "Point 2"]


async def test_only_the_conversations_owner_speaks(owner: Any, agent: Any, make_person: Any, workspace: Any) -> None:
    member, stranger = await in_db(make_person, workspace, "admin"), await in_db(make_person, None)
    async with runtime():
        run = await start(owner, agent, "Mine [[tokens:500 gap:10]]")
        conversation = await in_db(lambda: Run.objects.get(pk=run).conversation_id)
        for person in (member, stranger):
            await post(person, f"conversations/{conversation}/messages/", {"text": "x", "mode": "steer"}, 404)
        await post(owner, f"runs/{run}/cancel/", {})
        await ended(run)
    assert await in_db(Interjection.objects.count) == 0
