"""Journals as earlier versions wrote them (tests/journals, named after the day): folded, and carried on, by today's code.

A file that is here is never changed; a new format adds new ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.engine.events import from_json
from agents.engine.state import fold
from agents.models import Message, MessageChunk, Run, RunEvent
from agents.tests.runtime_world import ended, runtime, start
from core.clock import now
from core.db import in_db

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "journals"
FILES = sorted(FOLDER.glob("*.json"))
#: Those whose beginnings need nothing beside the journal (a decision has a row of its own).
ALONE = [file for file in FILES if file.stem.split("-", 3)[3] in ("answer", "tool", "restarted")]


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def test_there_are_some() -> None:
    assert len(FILES) >= 12 and len(ALONE) >= 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_means_today_what_it_meant_then(file: Path) -> None:
    document = read(file)
    expected = document["expect"]
    state = fold(from_json(event) for event in document["events"])
    assert (state.status, state.ended) == (expected["status"], True)
    assert (state.input_tokens, state.output_tokens) == (expected["input_tokens"], expected["output_tokens"])
    calls = [[call.call, call.outcome] for step in state.steps for call in step.calls if call.outcome is not None]
    assert calls == expected["calls"]
    assert state.steps[-1].text == expected["output"]
    # What today's code would write back is what stands there.
    written = [json.loads(json.dumps(from_json(event).to_json())) for event in document["events"]]
    assert written == document["events"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_beginning_of_it_can_be_folded(file: Path) -> None:
    events = [from_json(event) for event in read(file)["events"]]
    for length in range(1, len(events)):
        assert not fold(events[:length]).ended


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("file", ALONE, ids=lambda file: file.stem)
async def test_a_run_of_then_goes_on_now(owner: Any, agent: dict[str, Any], file: Path) -> None:
    """From each of its events on, as after an update in the middle of it."""
    events = read(file)["events"]
    lengths = range(1, len(events))
    runs = [await start(owner, agent, "Hello [[tokens:5 gap:0]]") for _ in lengths]
    for run, length in zip(runs, lengths, strict=True):
        await in_db(put_back, run, events[:length])
    async with runtime():
        for run, length in zip(runs, lengths, strict=True):
            done = await ended(run, timeout=30)
            assert done.status == "succeeded", (length, done.error)
            rows = await in_db(journal, run)
            assert [event for _, event in rows[:length]] == events[:length], "what was written stays"
            assert [seq for seq, _ in rows] == list(range(1, done.last_seq + 1))


def journal(run: str) -> list[tuple[int, dict[str, Any]]]:
    return list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "event"))


def put_back(run: str, events: list[dict[str, Any]]) -> None:
    """As if the version of then had written these and died."""
    RunEvent.objects.filter(run=run).delete()
    RunEvent.objects.bulk_create(
        RunEvent(run_id=run, seq=seq, type=event["type"], at=now(), event=event) for seq, event in enumerate(events, 1)
    )
    MessageChunk.objects.filter(run=run).delete()
    attempts = sum(event["type"] == "run.started" for event in events)
    status = Run.Status.RUNNING if attempts else Run.Status.QUEUED
    Run.objects.filter(pk=run).update(
        last_seq=len(events), status=status, attempts=attempts, started_at=now() if attempts else None
    )
    assert Message.objects.filter(run=run).exists()
