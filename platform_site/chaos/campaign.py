"""Runs go on, the server dies and comes back, and in the end every promise is held against what clients saw."""

from __future__ import annotations

import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform_site.chaos.follower import TERMINAL, Follower
from platform_site.chaos.installation import Away, Installation, Refused

OPEN_RUNS = 6
#: A run must be terminal or moving within the lease (10 s) and ten seconds more.
SETTLE_SECONDS = 60.0
DEATHS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)


@dataclass(slots=True)
class Promise:
    """`broken` are the cases against it; `seen` how many cases it was held against."""

    text: str
    seen: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    promises: list[Promise]
    kills: int
    runs: int
    cuts: int
    slowest_start: float

    @property
    def held(self) -> bool:
        return not any(promise.broken for promise in self.promises) and all(promise.seen for promise in self.promises)


def run_campaign(*, kills: int, seed: int, database_url: str | None, say: Callable[[str], None]) -> Outcome:
    """Start, break, judge, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        installation = Installation(Path(folder), database_url)
        try:
            say("Setting up an installation of its own in a scratch folder ...")
            campaign = _Campaign(installation, random.Random(seed), say)  # noqa: S311  # repeatable, not secret
            return campaign.play(kills)
        finally:
            installation.end(signal.SIGKILL)


class _Campaign:
    def __init__(self, installation: Installation, chance: random.Random, say: Callable[[str], None]) -> None:
        self._installation, self._chance, self._say = installation, chance, say
        self._followers: dict[str, Follower] = {}
        self._asked_for: dict[str, str] = {}  # idempotency key -> run
        self._doubled: list[str] = []
        self._lock = threading.Lock()
        self._over, self._settled = threading.Event(), threading.Event()
        self._agent = installation.prepare()

    def play(self, kills: int) -> Outcome:
        starters = [threading.Thread(target=self._start_runs, daemon=True) for _ in range(2)]
        answerer = threading.Thread(target=self._answer_questions, daemon=True)
        for person in (*starters, answerer):
            person.start()
        done = 0
        while done < kills:
            time.sleep(self._chance.uniform(0.05, 1.2))
            number = self._chance.choice(DEATHS)
            self._installation.end(number)
            self._installation.start()
            done += 1
            if done % 10 == 0 or done == kills:
                self._say(f"{done} of {kills} deaths, {len(self._followers)} runs, {self._count_open()} still going on")
        self._over.set()
        for starter in starters:
            starter.join(SETTLE_SECONDS)
        settled = time.monotonic() + SETTLE_SECONDS
        for follower in self._all():
            follower.ended.wait(max(0.1, settled - time.monotonic()))
        self._settled.set()
        answerer.join(40)
        outcome = self._judge(kills)
        for follower in self._all():
            follower.stop()
        return outcome

    # --- What goes on meanwhile ------------------------------------------------------------------------------------------

    def _start_runs(self) -> None:
        number = 0
        while not self._over.is_set():
            if self._count_open() >= OPEN_RUNS:
                time.sleep(0.05)
                continue
            number += 1
            key = f"{threading.get_ident()}-{number}"
            body = {"agent": self._agent, "input": {"text": self._text(number)}}
            run = self._insist("POST", "runs/", body, key)
            again = self._insist("POST", "runs/", body, key)
            with self._lock:
                self._asked_for[key] = run["id"]
                if again["id"] != run["id"]:
                    self._doubled.append(f"{run['id']} and {again['id']} were started by one request")
                follower = self._followers[run["id"]] = Follower(self._installation, run["id"])
            follower.start()

    def _text(self, number: int) -> str:
        question = '[[tool:ask_person {"question": "Go on?", "options": ["yes"]}]]' if number % 4 == 0 else ""
        return (
            f'Grüße 🌍 {number} [[tool:calculator {{"expression": "{number}*7"}}]] {question} '
            f"[[tokens:{20 + number % 30} gap:{self._chance.choice((5, 20, 60))}]]"
        )

    def _answer_questions(self) -> None:
        while not self._settled.is_set():
            try:
                for decision in self._installation.call("GET", "decisions/?status=open")["results"]:
                    body = {"resolution": "answer", "result": "yes"}
                    self._installation.call("POST", f"decisions/{decision['id']}/resolve/", body)
            except (Away, Refused):
                pass
            time.sleep(0.1)

    def _insist(self, method: str, path: str, body: Any, key: str | None = None) -> Any:
        """Ask until there is an answer: what a client does whose connection is cut."""
        while True:
            try:
                return self._installation.call(method, path, body, key)
            except Away:
                time.sleep(0.05)
            except Refused as refusal:
                if refusal.status not in (409, 429, 503):
                    raise
                time.sleep(0.1)

    def _all(self) -> list[Follower]:
        with self._lock:
            return list(self._followers.values())

    def _count_open(self) -> int:
        return sum(1 for follower in self._all() if not follower.ended.is_set())

    # --- The judgement ---------------------------------------------------------------------------------------------------

    def _judge(self, kills: int) -> Outcome:
        names = {
            "lost": "No run is lost: every one that was accepted came to its right end",
            "stuck": "No run is stuck: all ended soon after the last death",
            "doubled": "No run is doubled: a request that was repeated started nothing twice",
            "journal": "Each journal is whole: dense, one end, last",
            "tools": "Each tool call was asked for once and completed once",
            "answers": "Each question was put once and answered once",
            "words": "Each viewer saw every word once, through every cut",
        }
        promises = {name: Promise(text) for name, text in names.items()}
        promises["doubled"].seen, promises["doubled"].broken = len(self._asked_for), self._doubled
        for follower in self._all():
            run = follower.run_id
            journal = self._journal(run)
            ends = [event["type"] for event in journal if event["type"] in TERMINAL]
            _hold(promises["stuck"], bool(ends), f"{run} goes on still")
            if not ends:
                continue
            _hold(promises["lost"], ends == ["run.succeeded"], f"{run} ended with {ends}")
            _hold(promises["journal"], journal[-1]["type"] in TERMINAL and len(ends) == 1, f"{run} has the ends {ends}")
            kinds: Counter[str] = Counter(event["type"] for event in journal)
            calls = Counter(event["call"] for event in journal if event["type"] == "tool.completed")
            asked = [event["call"] for event in journal if event["type"] == "tool.requested"]
            _hold(
                promises["tools"], calls == Counter(asked) and len(asked) == len(set(asked)), f"{run}: {calls}, {asked}"
            )
            questions = sum(1 for e in journal if e["type"] == "tool.requested" and e["name"] == "ask_person")
            answered = kinds["decision.requested"], kinds["decision.resolved"]
            _hold(promises["answers"], answered == (questions, questions), f"{run}: {questions} asked, {answered}")
            seen = [follower.events[seq] for seq in sorted(follower.events)]
            same = seen == journal and not follower.faults
            _hold(promises["words"], same, "; ".join(follower.faults) or f"{run}: its viewer saw another history")
        return Outcome(
            list(promises.values()),
            kills,
            len(self._asked_for),
            sum(follower.cuts for follower in self._all()),
            max(self._installation.starts),
        )

    def _journal(self, run: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self._insist("GET", f"runs/{run}/events/?after={after}&limit=200", None)
            for row in page["results"]:
                if row["seq"] != len(events) + 1:
                    return []
                events.append(row["event"])
            if page["next"] is None:
                return events
            after = page["next"]


def _hold(promise: Promise, kept: bool, case: str) -> None:
    promise.seen += 1
    if not kept:
        promise.broken.append(case)
