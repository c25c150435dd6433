"""Whoever held a run before may do nothing to it any more: each write of theirs is refused, and the present holder's works.

By name and epoch: a process that held a run, lost it and took it again is another holder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from agents.engine import events as ev
from agents.models import MessageChunk, Run, RunEvent
from agents.runtime.group_commit import GroupWriter, SavedText, StaleLease
from agents.runtime.host import host
from agents.runtime.hub import Channel, Watch, hub
from agents.runtime.journal import RunJournal
from agents.runtime.lease import HOLDER, Held, LeaseKeeper, claim_run, due_runs, release_run, void_leases
from agents.runtime.projection import Projector
from agents.tests.runtime_world import post, runtime, start, until
from agents.tools.registry import DEFAULT_MODULES, registered_tools
from core.clock import now
from core.db import in_db
from tests.fixtures.counter import counting_service

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "wrk_other"


@pytest.fixture
def run(owner: Any, agent: dict[str, Any]) -> Run:
    """Claimed twice by this process: epoch 1 is over, epoch 2 holds."""
    pk = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}}).data["id"]
    assert claim_run(pk)
    Run.objects.filter(pk=pk).update(lease_until=now() - timedelta(seconds=1))
    assert claim_run(pk)
    return Run.objects.get(pk=pk)


@pytest.fixture
def writer() -> Iterator[GroupWriter]:
    one = GroupWriter()
    yield one
    one.close()


def journal(run: Run, writer: GroupWriter, *, epoch: int = 2, last_seq: int = 1) -> RunJournal:
    channel = Channel(run.pk)
    channel.adopt(last_seq, held=True)
    return RunJournal(
        run=run.pk,
        conversation=run.conversation_id,
        epoch=epoch,
        last_seq=last_seq,
        projector=Projector(run=run.pk, conversation=run.conversation_id, workspace=run.workspace_id),
        channel=channel,
        writer=writer,
    )


def stored(run: Run) -> list[Any]:
    return [
        list(Run.objects.filter(pk=run.pk).values()),
        list(RunEvent.objects.filter(run=run).order_by("seq").values()),
        list(MessageChunk.objects.filter(run=run).values()),
    ]


STARTED = [ev.RunStarted(1)]
ENDED = [ev.RunStarted(1), ev.RunFailed("internal_error", "Something went wrong.")]


@pytest.mark.parametrize("events", [STARTED, ENDED], ids=["append", "finish"])
@pytest.mark.parametrize(
    ("epoch", "last_seq"), [(1, 1), (3, 1), (2, 0), (2, 4)], ids=["before", "not yet", "behind", "ahead"]
)
async def test_only_the_present_holder_appends_and_only_what_comes_next(
    run: Run, writer: GroupWriter, events: list[Any], epoch: int, last_seq: int
) -> None:
    before = await in_db(stored, run)
    with pytest.raises(StaleLease):
        await journal(run, writer, epoch=epoch, last_seq=last_seq).append(events)
    assert await in_db(stored, run) == before
    await journal(run, writer).append(events)
    assert (await in_db(Run.objects.get, pk=run.pk)).last_seq == 1 + len(events)


async def test_who_was_told_that_the_lease_is_lost_writes_nothing(run: Run, writer: GroupWriter) -> None:
    """The keeper could renew nothing for longer than a lease: the row may say still that it is ours."""
    ours = journal(run, writer)
    ours.lost = True
    before = await in_db(stored, run)
    with pytest.raises(StaleLease):
        await ours.append(STARTED)
    assert await in_db(stored, run) == before


async def test_only_the_present_holders_text_is_saved(run: Run, writer: GroupWriter) -> None:
    writer.save_texts([SavedText(run.pk, epoch, f"msg_{epoch}", "text", 0, "said") for epoch in (1, 2, 3)])
    await asyncio.wrap_future(writer.flush())
    assert await in_db(lambda: list(MessageChunk.objects.values_list("message", flat=True))) == ["msg_2"]


def test_only_the_present_holder_gives_the_lease_back(run: Run) -> None:
    before = stored(run)
    for epoch in (1, 3):
        release_run(run.pk, epoch)
        assert stored(run) == before and due_runs(10) == []
    release_run(run.pk, 2)
    assert due_runs(10) == [run.pk]


def test_only_a_free_lease_is_taken(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_holder=OTHER)
    before = stored(run)
    assert not claim_run(run.pk) and stored(run) == before
    Run.objects.filter(pk=run.pk).update(lease_until=now() - timedelta(seconds=1))
    assert claim_run(run.pk)
    assert Run.objects.get(pk=run.pk).lease_holder == HOLDER


def test_who_starts_voids_only_the_leases_of_their_predecessor(run: Run) -> None:
    before = stored(run)
    assert void_leases(OTHER) == 0 and stored(run) == before
    assert void_leases(HOLDER) == 1
    row = Run.objects.get(pk=run.pk)
    assert (row.lease_until, row.lease_holder, row.lease_epoch) == (None, "", 3), "what it writes now is stale"


def keep(run: Run, epoch: int) -> tuple[LeaseKeeper, list[str]]:
    """A keeper that has looked once or more, and what its holder was told."""
    told: list[str] = []
    keeper = LeaseKeeper(heartbeat=0.02)
    keeper.hold(run.pk, Held(epoch, lambda: told.append("lost"), lambda: told.append("cancelled")))
    return keeper, told


@pytest.mark.parametrize("epoch", [1, 3])
async def test_a_keeper_tells_the_holder_of_another_epoch_that_the_lease_is_lost(run: Run, epoch: int) -> None:
    """The row names this process, which lost the run and took it again."""
    keeper, told = keep(run, epoch)
    await until(lambda: "lost" in told)
    await asyncio.to_thread(keeper.close)
    keeper, told = keep(run, 2)
    await until(lambda: renewed(run))
    await asyncio.to_thread(keeper.close)
    assert told == []


def renewed(run: Run) -> bool:
    until = Run.objects.get(pk=run.pk).lease_until
    return until is not None and run.lease_until is not None and until > run.lease_until


async def test_a_keeper_renews_no_lease_of_somebody_else(run: Run) -> None:
    await in_db(lambda: Run.objects.filter(pk=run.pk).update(lease_holder=OTHER))
    before = await in_db(stored, run)
    keeper, told = keep(run, 2)
    await until(lambda: "lost" in told)
    await asyncio.to_thread(keeper.close)
    assert await in_db(stored, run) == before


class Unlucky:
    """Watches a run whose lease is lost between the moment its tool counts as started and its call."""

    def __init__(self, run: str) -> None:
        self.run, self.done = run, False

    def wake(self, watch: Watch) -> None:
        watch.dirty = False
        loop = asyncio.get_running_loop()
        if not self.done and any("tool.started" in frame for frame in watch.take()):
            self.done = True
            loop.call_soon(host.keeper._held[self.run].on_lost)  # as the keeper's thread would

    wake_now = wake


@pytest.mark.parametrize("lost", [False, True])
async def test_no_tool_is_called_once_the_lease_is_lost(
    owner: Any, demo_model: str, settings: Any, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """Whoever holds the run next calls it or asks: what it does outside is done once."""
    settings.AGENT_TOOL_MODULES = [*DEFAULT_MODULES, "tests.toolbox"]
    registered_tools.cache_clear()
    try:
        with counting_service() as service:
            service.gate.set()
            monkeypatch.setenv("AAP_TEST_COUNTER", service.url)
            made = await post(owner, "agents/", {"name": "A", "model": demo_model, "tools": ["count_once"]}, 201)
            await post(owner, f"agents/{made['id']}/publish/", {}, 201)
            pk = await start(owner, made, "[[tool:count_once {}]] [[tokens:2 gap:0]]")
            if lost:
                hub.watch(pk, Unlucky(pk), after_seq=1)
            async with runtime():
                await until(lambda: RunEvent.objects.filter(run_id=pk, type="tool.started").exists())
                await until(lambda: pk not in host.live)
            assert service.calls.total() == (0 if lost else 1)
            row = await in_db(Run.objects.get, pk=pk)
            assert row.status == ("running" if lost else "succeeded")
    finally:
        registered_tools.cache_clear()
