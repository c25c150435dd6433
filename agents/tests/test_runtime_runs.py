"""Runs from the API to their end on the real runtime, the real database and the demo model."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from agents.engine.events import from_json
from agents.engine.state import fold
from agents.models import Message, MessageChunk, Run, RunEvent
from agents.runtime import lease
from agents.runtime.bells import signal_run
from agents.runtime.host import host
from agents.runtime.projection import rebuild_messages
from agents.tests.runtime_world import Follower, ended, post, runtime, start, until
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)


def journal(run: str) -> list[dict[str, Any]]:
    rows = list(RunEvent.objects.filter(run_id=run).order_by("seq").values_list("seq", "event"))
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    return [event for _, event in rows]


def message_rows(conversation: str) -> list[dict[str, Any]]:
    return list(Message.objects.filter(conversation_id=conversation).order_by("run_id", "seq").values())


async def test_incident_3_4_a_run_answers_and_everything_is_stored(owner: Any, agent: Any) -> None:
    async with runtime():
        run_id = await start(owner, agent, "Hello [[tokens:30 gap:1]]")
        run = await ended(run_id)
        events = await in_db(journal, run_id)
    assert run.status == "succeeded" and run.stop_reason == "completed" and run.lease_until is None
    answer = next(event for event in events if event["type"] == "message.completed")
    assert run.output_text == answer["text"] != ""
    assert run.output_tokens > 0 and run.last_seq == len(events)
    assert fold(from_json(event) for event in events).status == "succeeded"
    assert await in_db(MessageChunk.objects.count) == 0


async def test_tools_and_their_results_reach_message_and_journal(owner: Any, agent: Any) -> None:
    async with runtime():
        run_id = await start(owner, agent, '[[tool:calculator {"expression": "6*7"}]] [[tokens:5 gap:0]]')
        run = await ended(run_id)
        events = await in_db(journal, run_id)
        rows = await in_db(message_rows, run.conversation_id)
    assert run.status == "succeeded", run.error_detail
    assert next(event for event in events if event["type"] == "tool.completed")["result"] == "42"
    called = [row for row in rows if row["tool_calls"]]
    assert called[0]["tool_calls"][0]["result"] == "42" and called[0]["tool_calls"][0]["outcome"] == "ok"


async def test_snapshot_and_events_are_a_fresh_snapshot(owner: Any, agent: Any) -> None:
    async with runtime():
        first = await ended(
            await start(owner, agent, 'One [[tool:calculator {"expression": "1+1"}]] [[tokens:5 gap:0]]')
        )
        await ended(await start(owner, agent, "Two [[tokens:5 gap:0]]", conversation=first.conversation_id))
    before = await in_db(message_rows, first.conversation_id)
    columns = await in_db(lambda: Run.objects.values().get(pk=first.pk))
    await in_db(rebuild_messages, first.conversation_id)
    assert await in_db(message_rows, first.conversation_id) == before and len(before) == 5
    assert await in_db(lambda: Run.objects.values().get(pk=first.pk)) == columns


async def test_a_follower_gets_every_character_and_no_frame_out_of_place(owner: Any, agent: Any) -> None:
    async with runtime():
        run_id = await start(owner, agent, "Count [[tokens:60 gap:3]]")
        followers = [Follower(run_id) for _ in range(5)]
        await asyncio.gather(*(follower.follow() for follower in followers))
    for follower in followers:
        assert follower.done and all(follower.texts[message] == text for message, text in follower.done.items())
    assert [frame["type"] for frame in followers[0].frames].count("caught_up") == 1


@pytest.mark.parametrize("kind", ["cut", "resume"])
async def test_incident_3_1_cut_at_every_frame_and_go_on(owner: Any, agent: Any, kind: str) -> None:
    """INCIDENTS 3.1: wherever the connection breaks, what a client ends up with is the stored text, byte for byte."""
    async with runtime():
        for cut in range(1, 30, 2):
            run_id = await start(owner, agent, f"Cut at {cut} [[tokens:12 gap:2]]")
            first = Follower(run_id)
            await first.follow(stop_at=cut)
            still_open = next(iter(first.open), None)
            have = len(first.texts.get(still_open or "", ""))
            resume = (still_open, have) if kind == "resume" and still_open is not None else None
            second = Follower(run_id, after=first.after, resume=resume)
            second.open, second.texts, second.done = set(first.open), dict(first.texts), dict(first.done)
            await second.follow()
            run = await ended(run_id)
            assert list(second.done.values())[-1] == run.output_text
            for message, text in second.texts.items():
                assert second.done[message].startswith(text)


@pytest.fixture
def no_heartbeats() -> Iterator[None]:
    """What a heartbeat would find is not found by one."""
    host.keeper = lease.LeaseKeeper(heartbeat=60)
    yield
    host.keeper = lease.LeaseKeeper()


async def test_incident_3_5_cancel_keeps_the_text_and_is_quick(owner: Any, agent: Any, no_heartbeats: None) -> None:
    """By its bell alone: nothing else looks whether somebody wants it to stop."""
    async with runtime(sweep_seconds=60):
        run_id = await start(owner, agent, "Long [[tokens:3000 gap:10]]")
        follower = Follower(run_id)
        task = asyncio.create_task(follower.follow())
        async with asyncio.timeout(20):
            while not follower.texts:
                await asyncio.sleep(0.01)
        answer = await in_db(owner.post, f"runs/{run_id}/cancel/")
        assert answer.status_code == 202
        run = await ended(run_id)
        await task
    assert run.status == "cancelled" and run.stop_reason == "cancelled"
    (text,) = follower.done.values()
    assert text and run.output_text == text == follower.texts[next(iter(follower.done))]


async def test_a_cancelled_run_in_the_queue_ends_without_its_turn(owner: Any, agent: Any) -> None:
    async with runtime():
        first = await start(owner, agent, "Long [[tokens:2000 gap:20]]")
        conversation = (await in_db(lambda: Run.objects.get(pk=first))).conversation_id
        second = await start(owner, agent, "Waits", conversation=conversation)
        await asyncio.sleep(0.1)
        assert (await in_db(lambda: Run.objects.get(pk=second))).status == "queued"
        await in_db(owner.post, f"runs/{second}/cancel/")
        assert (await ended(second)).status == "cancelled"
        await in_db(owner.post, f"runs/{first}/cancel/")
        await ended(first)


async def test_a_conversation_runs_one_run_at_a_time_in_order(owner: Any, agent: Any) -> None:
    """The bell rings for the next: nothing else looks for it."""
    async with runtime(sweep_seconds=60):
        first = await start(owner, agent, "A [[tokens:10 gap:5]]")
        conversation = (await in_db(lambda: Run.objects.get(pk=first))).conversation_id
        others = [await start(owner, agent, f"{n} [[tokens:5 gap:1]]", conversation=conversation) for n in range(4)]
        runs = [await ended(run) for run in [first, *others]]
    for before, after in pairwise(runs):
        assert before.ended_at <= after.started_at


@pytest.mark.parametrize(("code", "expected"), [(429, "provider_rate_limited"), (401, "provider_auth_failed")])
async def test_a_provider_that_fails_fails_the_run_in_words(owner: Any, agent: Any, code: int, expected: str) -> None:
    async with runtime():
        run = await ended(await start(owner, agent, f"[[fail:{code}]]"), 30)
    assert (run.status, run.error_code, run.stop_reason) == ("failed", expected, expected) and run.error_detail


async def test_a_restart_in_the_middle_carries_on(owner: Any, agent: Any) -> None:
    async with runtime():
        run_id = await start(owner, agent, "Slow [[tokens:60 gap:30]]")
        await Follower(run_id).follow_until_text()
    row = await in_db(lambda: Run.objects.get(pk=run_id))
    assert row.status == "running" and row.lease_until is None, "the drain gave the lease back"
    assert await in_db(MessageChunk.objects.filter(run_id=run_id).count) > 0, "the text was saved"
    async with runtime():
        run = await ended(run_id)
        events = await in_db(journal, run_id)
    assert run.status == "succeeded" and run.attempts == 2
    restarted = next(event for event in events if event["type"] == "step.restarted")
    started = [event["message"] for event in events if event["type"] == "message.started"]
    assert restarted["dropped"] == started[:1] and len(started) == 2
    assert await in_db(MessageChunk.objects.count) == 0


@pytest.mark.slow
async def test_a_stale_holder_is_refused_and_stops(owner: Any, agent: Any) -> None:
    async with runtime():
        run_id = await start(owner, agent, "Slow [[tokens:100 gap:10]]")
        await Follower(run_id).follow_until_text()
        await in_db(lambda: Run.objects.filter(pk=run_id).update(lease_epoch=99, lease_until=None))
        run = await ended(run_id)
        events = await in_db(journal, run_id)
    assert run.status == "succeeded" and run.lease_epoch == 100
    assert [e["type"] for e in events].count("message.completed") == 1


async def test_losing_the_lease_is_noticed_by_the_heartbeat(owner: Any, agent: Any) -> None:
    host.keeper = lease.LeaseKeeper(heartbeat=0.1)
    try:
        async with runtime():
            run_id = await start(owner, agent, "Stalls [[stall:60]]")
            await until(lambda: Run.objects.filter(pk=run_id, status="running").exists())
            later = lease.now() + lease.LEASE
            theirs = {"lease_epoch": 50, "lease_until": later, "lease_holder": "wrk_other"}
            await in_db(lambda: Run.objects.filter(pk=run_id).update(**theirs))
            await until(lambda: run_id not in host.live)
            await in_db(lambda: Run.objects.filter(pk=run_id).update(lease_until=None))
            await asyncio.sleep(0.1)
            await in_db(owner.post, f"runs/{run_id}/cancel/")
            assert (await ended(run_id)).status == "cancelled"
    finally:
        host.keeper = lease.LeaseKeeper()


async def test_incident_3_14_a_run_that_nobody_announced_is_found_by_the_sweep(owner: Any, agent: Any) -> None:
    run_id = await start(owner, agent, "Quiet [[tokens:3 gap:0]]")
    async with runtime():
        assert (await ended(run_id)).status == "succeeded"
    await in_db(signal_run, run_id)  # a bell for an ended run, or without a runtime, is nothing


async def test_a_message_goes_into_the_history_of_the_next(owner: Any, agent: Any) -> None:
    from agents.runtime.history import load_history

    async with runtime():
        first = await ended(
            await start(owner, agent, 'One [[tool:calculator {"expression": "2+2"}]] [[tokens:5 gap:0]]')
        )
        second = await start(owner, agent, "Two [[tokens:5 gap:0]]", conversation=first.conversation_id)
        await ended(second)
        messages, omitted = await in_db(lambda: load_history(Run.objects.get(pk=second).conversation_id, before=second))
    assert [type(message).__name__ for message in messages] == [
        "UserMessage",
        "AssistantMessage",
        "ToolResultMessage",
        "AssistantMessage",
    ]
    assert omitted == 0


async def test_fifty_at_once_all_end(owner: Any, agent: Any) -> None:
    async with runtime():
        runs = [await start(owner, agent, f"{n} [[tokens:20 gap:5]]") for n in range(50)]
        done = [await ended(run, 40) for run in runs]
    assert {run.status for run in done} == {"succeeded"}
    for run in done:
        assert (await in_db(journal, run.pk))[-1]["type"] == "run.succeeded"


async def test_posting_without_a_runtime_only_queues(owner: Any, agent: Any) -> None:
    data = await post(owner, "runs/", {"agent": agent["id"], "input": {"text": "later"}})
    assert data["status"] == "queued" and data["last_seq"] == 1


@pytest.mark.slow
async def test_a_run_that_takes_too_long_is_stopped_in_words(owner: Any, demo_model: Any) -> None:
    body = {"name": "Hasty", "instructions": "", "model": demo_model, "limits": {"max_seconds": 5}}
    made = await post(owner, "agents/", body, status=201)
    await post(owner, f"agents/{made['id']}/publish/", {}, status=201)
    async with runtime():
        run = await ended(await start(owner, made, "Long [[tokens:1000 gap:30]]"))
    assert (run.status, run.error_code) == ("failed", "max_seconds") and "5 seconds" in run.error_detail
    assert run.output_text, "what was written is kept"


async def test_incident_2_55_a_journal_that_makes_no_sense_fails_the_run_and_nothing_else(
    owner: Any, agent: Any
) -> None:
    broken = await start(owner, agent, "broken")
    nonsense = {"type": "run.exploded"}
    await in_db(lambda: RunEvent.objects.filter(run_id=broken).update(event=nonsense, type="run.exploded"))
    async with runtime():
        good = await ended(await start(owner, agent, "good [[tokens:3 gap:0]]"))
        run = await ended(broken)
    assert good.status == "succeeded"
    assert (run.status, run.error_code) == ("failed", "internal_error") and run.request_id in run.error_detail
