"""The outbox of one socket: nothing that a viewer is owed waits for the next piece of news."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agents.engine import events as ev
from agents.models import Run
from agents.runtime.group_commit import GroupWriter
from agents.runtime.hub import Channel, hub
from agents.runtime.journal import RunJournal
from agents.runtime.projection import Projector
from agents.tests.runtime_world import start
from agents.ws.outbox import Outbox
from core.db import in_db

pytestmark = pytest.mark.django_db(transaction=True)


class Line:
    """A viewer's side of a socket that always has room."""

    paused = False

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def send_texts(self, texts: Sequence[str]) -> None:
        self.frames.extend(json.loads(text) for text in texts)

    def when_writable(self, callback: Callable[[], None]) -> None:
        raise AssertionError("there is always room")

    async def wait_for(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while not (found := [frame for frame in self.frames if frame["type"] == kind]):
                await asyncio.sleep(0.01)
        return found[-1]


async def test_text_that_comes_while_the_journal_is_read_is_sent(owner: Any, agent: Any) -> None:
    """Another process carries the run on: its events are read from the journal here, and its text comes meanwhile."""
    run = await in_db(Run.objects.get, pk=await start(owner, agent, "Tell me"))
    line, failures = Line(), list[Exception]()
    outbox = Outbox(line, on_ended=lambda watch: None, on_failed=failures.append)
    channel = hub.channel(run.id)
    watch = hub.watch(run.id, outbox, after_seq=1)
    channel.adopt(1, held=False)
    await line.wait_for("caught_up")
    writer = GroupWriter()
    elsewhere = RunJournal(
        run=run.id,
        conversation=run.conversation_id,
        epoch=0,
        last_seq=1,
        projector=Projector(run=run.id, conversation=run.conversation_id, workspace=run.workspace_id),
        channel=Channel(run.id),
        writer=writer,
    )
    opening = ev.RunStarted(1), ev.StepStarted(1, "mdl", "model"), ev.MessageStarted("msg_a", "assistant", 1)
    await elsewhere.append(opening)
    channel.adopt(4, held=False)
    await asyncio.sleep(0)  # the outbox has asked the journal, and has no answer yet
    assert watch.behind_ring
    channel.learn_text("msg_a", 4, "Once upon a time", "")
    assert (await line.wait_for("delta"))["text"] == "Once upon a time"
    assert [frame["seq"] for frame in line.frames if frame["type"] == "event"] == [2, 3, 4]
    assert line.frames[-1]["type"] == "delta" and failures == []
    hub.leave(watch)
    outbox.close()
    await asyncio.to_thread(writer.close)
