"""The judge of `manage.py chaos`, given histories that are sound and ones that were tampered with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from platform_site.chaos.judgement import PROMISES, History, Promise, judge

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "journals"
Rows = list[tuple[int, dict[str, Any]]]


def rows(name: str) -> Rows:
    """A journal that the product once wrote."""
    events = json.loads((FOLDER / f"2026-11-23-{name}.json").read_text(encoding="utf-8"))["events"]
    return list(enumerate(events, 1))


def broken(journal: Rows | None, viewed: Rows, *faults: str, doubled: tuple[str, ...] = ()) -> set[str]:
    """The promises against which one run stands."""
    promises = judge([History("run_1", journal, viewed, list(faults))], requests=1, doubled=list(doubled))
    names: dict[str, str] = {text: name for name, text in PROMISES.items()}
    return {names[promise.text] for promise in promises if promise.broken}


@pytest.mark.parametrize("name", ["answer", "tool", "restarted", "decided"])
def test_a_sound_history_is_held_against_all_seven(name: str) -> None:
    promises = judge([History("run_1", rows(name), rows(name), [])], requests=1, doubled=[])
    assert len(promises) == 7
    assert [(promise.seen, promise.broken) for promise in promises] == [(1, [])] * 7


def test_what_was_tampered_with_is_broken() -> None:
    tool, decided = rows("tool"), rows("decided")
    assert broken(None, tool) == {"lost"}
    assert broken(tool[:-1], tool[:-1]) == {"stuck"}
    assert broken(rows("failed"), rows("failed")) == {"lost"}
    hole = [row for row in tool if row[0] != 2]
    assert broken(hole, hole) == {"journal"}
    twice = [*tool, (len(tool) + 1, tool[-1][1])]
    assert broken(twice, twice) == {"journal"}
    assert broken(tool, hole) == {"words"}
    assert broken(tool, tool, "other text came a second time") == {"words"}
    assert broken(tool, tool, doubled=("two runs by one request",)) == {"doubled"}
    assert broken(*[again(tool, "tool.completed")] * 2) == {"tools"}
    assert broken(*[again(decided, "decision.requested")] * 2) == {"answers"}
    assert broken(*[again(decided, "decision.resolved")] * 2) == {"answers"}


def again(journal: Rows, kind: str) -> Rows:
    """The same with the first event of a kind told twice."""
    events: list[dict[str, Any]] = []
    for _, event in journal:
        events += [event, event] if event["type"] == kind else [event]
    return list(enumerate(events, 1))


def test_a_promise_that_nothing_was_held_against_is_not_seen() -> None:
    promises: list[Promise] = judge([], requests=0, doubled=[])
    assert [promise.seen for promise in promises] == [0] * 7
