"""Trying a run again and going on with one that failed: over HTTP, on the real runtime."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Run, RunEvent
from agents.runtime.history import load_history
from agents.tests.runtime_world import ended, post, runtime, start
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)

TWO_STEPS = 'Sum [[tool:calculator {"expression": "6*7"}]] [[tokens:80 gap:0]]'
FAILS_LATE = 'Sum [[tool:calculator {"expression": "6*7"}]] [[fail:400]]'


def types(run: str) -> list[str]:
    return list(RunEvent.objects.filter(run_id=run).order_by("seq").values_list("type", flat=True))


def texts(run: str) -> list[str]:
    """What a later run of the conversation gets to read."""
    later, _ = load_history(Run.objects.get(pk=run).conversation_id, before=run + "~")
    return [f"{type(message).__name__}: {message.text}" for message in later]


async def test_a_retry_answers_the_same_question_and_names_the_old_run(owner: Any, agent: Any) -> None:
    async with runtime():
        old = await ended(await start(owner, agent, "Once [[tokens:80 gap:0]]"))
        new = await post(owner, f"runs/{old.id}/retry/", {})
        assert new["continues"] == {"run": old.id, "seq": 1} and new["conversation"] == old.conversation_id
        done = await ended(new["id"])
    assert done.status == "succeeded" and "Once" in done.output_text
    assert await in_db(types, old.id) == await in_db(types, done.id)
    before = await in_db(lambda: RunEvent.objects.filter(run=old).count())
    assert before == old.last_seq, "the old journal stays as it was"
    assert await in_db(texts, done.id) == [
        "UserMessage: Once [[tokens:80 gap:0]]",
        f"AssistantMessage: {done.output_text}",
    ]


async def test_a_retry_from_a_step_keeps_what_was_done_before(owner: Any, agent: Any) -> None:
    async with runtime():
        old = await ended(await start(owner, agent, TWO_STEPS))
        new = await post(owner, f"runs/{old.id}/retry/", {"from_step": 2})
        done = await ended(new["id"])
    assert done.status == "succeeded", done.error_detail
    assert "tool.requested" not in await in_db(types, done.id), "the tool call of the first step is not made again"
    assert "42" in done.output_text
    read = await in_db(texts, done.id)
    assert [line.split(":")[0] for line in read] == [
        "UserMessage", "AssistantMessage", "ToolResultMessage", "AssistantMessage",
    ]  # fmt: skip


async def test_going_on_after_a_failure_starts_after_the_last_whole_step(owner: Any, agent: Any) -> None:
    async with runtime():
        old = await ended(await start(owner, agent, FAILS_LATE))
        assert old.status == "failed"
        new = await post(owner, f"runs/{old.id}/continue/", {})
        done = await ended(new["id"])
        again = await post(owner, f"runs/{done.id}/continue/", {})
        third = await ended(again["id"])
    assert "tool.requested" not in await in_db(types, done.id)
    assert "tool.requested" not in await in_db(types, third.id), "what was inherited is inherited on"
    assert again["continues"]["run"] == done.id


async def test_a_stopped_answer_is_written_anew(owner: Any, agent: Any) -> None:
    async with runtime():
        run = await start(owner, agent, "Long [[tokens:2000 gap:20]]")
        await post(owner, f"runs/{run}/cancel/", {})
        assert (await ended(run)).status == "cancelled"
        new = await post(owner, f"runs/{run}/continue/", {})
        assert new["continues"] == {"run": run, "seq": 1} or new["continues"]["seq"] == 2
        await post(owner, f"runs/{new['id']}/cancel/", {})
        await ended(new["id"])


async def test_what_does_not_fit_is_refused_in_words(owner: Any, agent: Any, make_person: Any, workspace: Any) -> None:
    async with runtime():
        open_run = await start(owner, agent, "Long [[tokens:2000 gap:20]]")
        assert (await post(owner, f"runs/{open_run}/retry/", {}, 409))["code"] == "run_not_ended"
        assert (await post(owner, f"runs/{open_run}/continue/", {}, 409))["code"] == "run_not_ended"
        await post(owner, f"runs/{open_run}/cancel/", {})
        await ended(open_run)
        done = await ended(await start(owner, agent, "Short [[tokens:3 gap:0]]"))
    assert (await post(owner, f"runs/{done.id}/continue/", {}, 409))["code"] == "nothing_to_continue"
    for step in (0, -1, "1", True, 1.5, 2, 10**12):
        problem = await post(owner, f"runs/{done.id}/retry/", {"from_step": step}, 400)
        assert [error["field"] for error in problem["errors"]] == ["from_step"]
    others = (await in_db(make_person, workspace, "user"), 404), (await in_db(make_person, None), 404)
    for person, status in (*others, (await in_db(make_person, workspace, "admin"), 403)):
        await post(person, f"runs/{done.id}/retry/", {}, status)
        await post(person, f"runs/{done.id}/continue/", {}, 409 if status == 403 else status)
