"""The group commit: together on disk, fenced one by one, patient with a full disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from agents.engine import events as ev
from agents.models import MessageChunk, Run, RunEvent
from agents.runtime.group_commit import Append, GroupWriter, SavedText, StaleLease
from agents.runtime.hub import Channel, Watch
from agents.runtime.journal import RunJournal
from agents.runtime.projection import Projector
from agents.tests.runtime_world import start
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)


class FullDisk(GroupWriter):
    """SQLite may not grow its file for the first few commits, which is what a full disk looks like to it."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.refused = 0

    def _commit(self, appends: Any, texts: Any, rows: Any = ()) -> Any:
        if self.failures:
            self.failures -= 1
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA page_count")
                cursor.execute(f"PRAGMA max_page_count={cursor.fetchone()[0]}")
            try:
                return super()._commit(appends, texts, rows)
            except OperationalError:
                self.refused += 1
                raise
        return super()._commit(appends, texts, rows)


async def journals(owner: Any, agent: Any, writer: GroupWriter, count: int) -> list[RunJournal]:
    found = []
    for number in range(count):
        run = await in_db(Run.objects.get, pk=await start(owner, agent, f"run {number}"))
        channel = Channel(run.id)
        channel.adopt(1, held=True)
        found.append(
            RunJournal(
                run=run.id,
                conversation=run.conversation_id,
                epoch=0,
                last_seq=1,
                projector=Projector(run=run.id, conversation=run.conversation_id, workspace=run.workspace_id),
                channel=channel,
                writer=writer,
            )
        )
    return found


def count(run: str) -> Callable[[], int]:
    return lambda: RunEvent.objects.filter(run_id=run).count()


async def test_a_full_disk_makes_everybody_wait_and_nothing_is_lost(owner: Any, agent: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the fault is made with SQLite's page limit")
    writer = FullDisk(failures=2)
    held = await journals(owner, agent, writer, 5)
    large = ev.ReasoningCompleted("msg_a", "x" * 500_000)
    await asyncio.gather(*(journal.append([large]) for journal in held))
    for journal in held:
        assert await in_db(count(journal.run)) == 2
    assert writer.refused == 2 and not writer.waiting_for_storage
    await asyncio.to_thread(writer.close)


async def test_a_stale_holder_fails_alone(owner: Any, agent: Any) -> None:
    writer = GroupWriter()
    stale, good = await journals(owner, agent, writer, 2)
    await in_db(lambda: Run.objects.filter(pk=stale.run).update(lease_epoch=7))
    outcomes = await asyncio.gather(
        stale.append([ev.RunStarted(1)]), good.append([ev.RunStarted(1)]), return_exceptions=True
    )
    assert isinstance(outcomes[0], StaleLease) and outcomes[1] is None
    assert await in_db(count(stale.run)) == 1 and await in_db(count(good.run)) == 2
    with pytest.raises(StaleLease):
        await stale.append([ev.RunStarted(1)])
    await asyncio.to_thread(writer.close)


async def test_poison_does_not_spoil_the_others(owner: Any, agent: Any) -> None:
    writer = GroupWriter()
    bad, good = await journals(owner, agent, writer, 2)
    await in_db(
        lambda: RunEvent.objects.create(run_id=bad.run, seq=2, type="x", at=Run.objects.first().created_at, event={})
    )
    outcomes = await asyncio.gather(
        bad.append([ev.RunStarted(1)]), good.append([ev.RunStarted(1)]), return_exceptions=True
    )
    assert isinstance(outcomes[0], Exception) and outcomes[1] is None
    assert (await in_db(Run.objects.get, pk=bad.run)).status == "queued", "all of an append or nothing"
    await asyncio.to_thread(writer.close)


async def test_text_of_a_stale_holder_is_not_saved(owner: Any, agent: Any) -> None:
    writer = GroupWriter()
    (journal,) = await journals(owner, agent, writer, 1)
    writer.save_texts(
        [SavedText(journal.run, 0, "msg_a", "text", 0, "good"), SavedText(journal.run, 5, "msg_b", "text", 0, "bad")]
    )
    await asyncio.wrap_future(writer.flush())
    assert await in_db(lambda: list(MessageChunk.objects.values_list("message", "text"))) == [("msg_a", "good")]
    await asyncio.to_thread(writer.close)


async def test_tool_starts_are_synced_to_the_disk_and_text_is_not(owner: Any, agent: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL syncs every commit")
    levels: list[tuple[int, bool]] = []

    class Watched(GroupWriter):
        def _commit(self, appends: Any, texts: Any, rows: Any = ()) -> Any:
            result = super()._commit(appends, texts, rows)
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous")
                levels.append((cursor.fetchone()[0], any(append.durable for append in appends)))
            return result

    writer = Watched()
    (journal,) = await journals(owner, agent, writer, 1)
    await journal.append([ev.RunStarted(1)])
    await journal.append([ev.ToolStarted("call_1")])
    await journal.append([ev.ToolCompleted("call_1", "ok", "")])
    assert levels == [(1, False), (2, True), (1, False)]
    await asyncio.to_thread(writer.close)


async def test_who_waits_is_told_though_another_has_left(owner: Any, agent: Any) -> None:
    writer = GroupWriter()
    (journal,) = await journals(owner, agent, writer, 1)
    with writer._condition:  # both in one batch
        left, waits = writer.flush(), writer.flush()
        left.cancel()
    async with asyncio.timeout(10):
        await asyncio.wrap_future(waits)
        await journal.append([ev.RunStarted(1)])
    await asyncio.to_thread(writer.close)


async def test_a_watchers_fault_does_not_hold_up_the_run(owner: Any, agent: Any) -> None:
    class Broken:
        def wake(self, watch: Watch) -> None:
            raise RuntimeError("this watcher is broken")

        wake_now = wake

    writer, complaints = GroupWriter(), []
    (journal,) = await journals(owner, agent, writer, 1)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context["exception"]))
    journal._channel.watches.add(Watch(journal._channel, Broken(), 1))
    async with asyncio.timeout(10):
        await journal.append([ev.RunStarted(1)])
    assert [str(complaint) for complaint in complaints] == ["this watcher is broken"]
    await asyncio.to_thread(writer.close)


async def test_private_fields_are_stored_but_not_shown(owner: Any, agent: Any) -> None:
    from agents.runtime.reading import read_events

    writer = GroupWriter()
    (journal,) = await journals(owner, agent, writer, 1)
    await journal.append([ev.StepStarted(1, "m", "m"), ev.MessageStarted("msg_a", "assistant", 1)])
    await journal.append([ev.MessageCompleted("msg_a", "assistant", "hi \x01 €", "stop", {"signature": "secret"})])
    frames = await in_db(read_events, journal.run, after=0)
    assert "signature" not in "".join(event.frame for event in frames)
    stored = await in_db(lambda: RunEvent.objects.get(run_id=journal.run, seq=4).event)
    assert stored["vendor_state"] == {"signature": "secret"} and stored["text"] == "hi \x01 €"
    assert Append.__doc__
    await asyncio.to_thread(writer.close)
