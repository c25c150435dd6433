"""What clients saw and what the product says now, held against the seven promises. Touches nothing but its arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from platform_site.chaos.follower import TERMINAL

Event = dict[str, Any]

PROMISES = {
    "lost": "No run is lost: every one that was accepted came to its right end",
    "stuck": "No run is stuck: all ended soon after the last death",
    "doubled": "No run is doubled: a request that was repeated started nothing twice",
    "journal": "Each journal is whole: dense, one end, last",
    "tools": "Each tool call was asked for once and completed once",
    "answers": "Each question was put once and answered once",
    "words": "Each viewer saw every word once, through every cut",
}


@dataclass(slots=True)
class Promise:
    """`broken` are the cases against it; `seen` how many cases it was held against."""

    text: str
    seen: int = 0
    broken: list[str] = field(default_factory=list)

    def hold(self, kept: bool, case: str) -> None:
        self.seen += 1
        if not kept:
            self.broken.append(case)


@dataclass(frozen=True, slots=True)
class History:
    """One run that was accepted. `journal`: (number, event) as the product tells it now, None when it knows no such run;
    `viewed`: the same as its viewer was told; `faults`: what the viewer found wrong, in words."""

    run: str
    journal: list[tuple[int, Event]] | None
    viewed: list[tuple[int, Event]]
    faults: list[str]


def judge(histories: Iterable[History], *, requests: int, doubled: list[str]) -> list[Promise]:
    """`requests`: how many were sent twice; `doubled`: the cases in which that started something twice."""
    promises = {name: Promise(text) for name, text in PROMISES.items()}
    promises["doubled"].seen, promises["doubled"].broken = requests, doubled
    for history in histories:
        _judge_run(promises, history)
    return list(promises.values())


def _judge_run(promises: dict[str, Promise], history: History) -> None:
    run = history.run
    if history.journal is None:
        promises["lost"].hold(False, f"{run} was accepted and is not known any more")
        return
    numbers, events = [seq for seq, _ in history.journal], [event for _, event in history.journal]
    ends = [event["type"] for event in events if event["type"] in TERMINAL]
    promises["stuck"].hold(bool(ends), f"{run} goes on still")
    if not ends:
        return
    promises["lost"].hold(set(ends) == {"run.succeeded"}, f"{run} ended with {ends}")
    dense = numbers == list(range(1, len(numbers) + 1))
    whole = dense and len(ends) == 1 and events[-1]["type"] in TERMINAL
    promises["journal"].hold(whole, f"{run} has the ends {ends}" if dense else f"{run} has a hole: {numbers}")
    asked = [event["call"] for event in events if event["type"] == "tool.requested"]
    done = [event["call"] for event in events if event["type"] == "tool.completed"]
    once = Counter(asked) == Counter(done) and len(asked) == len(set(asked))
    promises["tools"].hold(once, f"{run}: asked for {asked}, completed {done}")
    kinds = Counter(event["type"] for event in events)
    questions = sum(1 for event in events if event["type"] == "tool.requested" and event["name"] == "ask_person")
    answers = kinds["decision.requested"], kinds["decision.resolved"]
    promises["answers"].hold(answers == (questions, questions), f"{run}: {questions} asked, {answers} put and answered")
    same = history.viewed == history.journal and not history.faults
    promises["words"].hold(same, "; ".join(history.faults) or f"{run}: its viewer saw another history")
