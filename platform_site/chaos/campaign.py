"""Runs go on, processes die, sleep and come back, and in the end what clients saw is handed to the judge."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from platform_site.chaos.client import Away, Client, Refused
from platform_site.chaos.follower import Follower
from platform_site.chaos.installation import Installation
from platform_site.chaos.judgement import Event, History, Promise, judge
from platform_site.chaos.process import Process

#: Runs that go on at once: of one process, of several.
OPEN_RUNS, OPEN_RUNS_OF_SEVERAL = 6, 8
#: A run must be terminal or moving within the lease (10 s) and ten seconds more.
SETTLE_SECONDS = 60.0
#: What a campaign by minutes keeps for the time after its last death: of one process, of several.
RESERVE_SECONDS, RESERVE_SECONDS_OF_SEVERAL = 10.0, 25.0
DEATHS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)
#: One blow in so many puts a process to sleep, for longer than a lease (10 s), in seconds. Only where others stay awake.
SLEEP_ONE_IN, SLEEP_SECONDS = 12, (11.0, 16.0)
#: Seconds before a blow, and for how long a dead one stays away where others go on.
PAUSE, PAUSE_OF_SEVERAL, AWAY = (0.05, 1.2), (0.2, 1.5), (0.0, 2.0)
REPORT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """When it ends: after so many deaths, or so many minutes after `began` (on the monotonic clock)."""

    seed: int
    began: float
    kills: int | None = None
    minutes: float | None = None

    def is_over(self, deaths: int, *, several: bool) -> bool:
        if self.kills is not None:
            return deaths >= self.kills
        assert self.minutes is not None
        reserve = RESERVE_SECONDS_OF_SEVERAL if several else RESERVE_SECONDS
        return deaths > 0 and time.monotonic() > self.began + self.minutes * 60 - reserve


@dataclass(slots=True)
class Outcome:
    """`troubles`: what went wrong beside the promises; `cuts`: connections taken from clients, `drops`: left by them."""

    promises: list[Promise]
    troubles: list[str]
    runs: int
    killed: int
    drained: int
    slept: int
    cuts: int
    drops: int
    slowest_start: float

    @property
    def held(self) -> bool:
        kept = all(promise.seen and not promise.broken for promise in self.promises)
        return kept and not self.troubles


class Campaign:
    """On an installation that is prepared and up."""

    def __init__(self, installation: Installation, agent: str, plan: Plan, say: Callable[[str], None]) -> None:
        self._installation, self._agent, self._plan, self._say = installation, agent, plan, say
        self._several = len(installation.processes) > 1
        # Who decides about deaths draws alone: the order in which threads come by chance changes no choice of his.
        self._chance = random.Random(plan.seed)  # noqa: S311  # repeatable, not secret
        self._followers: dict[str, Follower] = {}
        self._requests = 0
        self._doubled: list[str] = []
        self._troubles: list[str] = []
        self._lock = threading.Lock()
        self._over, self._settled = threading.Event(), threading.Event()
        self._killed = self._drained = self._slept = 0
        self._sleeper: tuple[float, Process] | None = None
        self._reported = time.monotonic()

    def play(self) -> Outcome:
        """Raises StartFailed when a process does not come back."""
        starters = [threading.Thread(target=self._start_runs, args=(number,), daemon=True) for number in range(2)]
        answerer = threading.Thread(target=self._answer_questions, daemon=True)
        for person in (*starters, answerer):
            person.start()
        while not self._plan.is_over(self._killed + self._drained, several=self._several):
            self._strike()
        self._wake_sleeper(wait=True)
        for process in self._installation.processes:
            self._check_alive(process)
        if time.monotonic() - self._reported > 1:
            self._report()
        self._over.set()
        settled = time.monotonic() + SETTLE_SECONDS
        for starter in starters:
            starter.join(max(0.1, settled - time.monotonic()))
            if starter.is_alive():
                self._troubles.append(f"A request had no answer {SETTLE_SECONDS:g} s after the last death.")
        for follower in self._all():
            follower.ended.wait(max(0.1, settled - time.monotonic()))
        self._settled.set()
        answerer.join(40)
        return self._judge()

    # --- What is done to it -------------------------------------------------------------------------------------------

    def _strike(self) -> None:
        """One blow. Every choice is drawn each time, so that the choices of a seed follow each other alike."""
        pause = self._chance.uniform(*(PAUSE_OF_SEVERAL if self._several else PAUSE))
        victim = self._chance.choice(self._installation.processes)
        number = self._chance.choice(DEATHS)
        sleeps = self._chance.randrange(SLEEP_ONE_IN) == 0
        seconds = self._chance.uniform(*SLEEP_SECONDS)
        away = self._chance.uniform(*AWAY)
        time.sleep(pause)
        self._wake_sleeper(wait=False)
        if victim.asleep:
            return
        self._check_alive(victim)
        if sleeps and self._several and self._sleeper is None:
            victim.sleep()
            self._sleeper = time.monotonic() + seconds, victim
            self._slept += 1
            return
        self._end(victim, number)
        if self._several:
            time.sleep(away)
        victim.start()
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self._report()

    def _end(self, victim: Process, number: signal.Signals) -> None:
        status = victim.end(number)
        if number == signal.SIGKILL:
            self._killed += 1
            return
        self._drained += 1
        if status is None:
            self._troubles.append(f"{victim.name} was told to stop, and did not.")
        elif status:
            self._troubles.append(f"{victim.name} was told to stop, and ended with status {status}.")

    def _check_alive(self, process: Process) -> None:
        if not process.up:
            self._troubles.append(f"{process.name} ended by itself.")
            process.start()

    def _wake_sleeper(self, *, wait: bool) -> None:
        if self._sleeper is None:
            return
        due, sleeper = self._sleeper
        if wait:
            time.sleep(max(0.0, due - time.monotonic()))
        if time.monotonic() >= due:
            sleeper.wake()
            self._sleeper = None

    def _report(self) -> None:
        self._reported = time.monotonic()
        seconds = int(self._reported - self._plan.began)
        slept = f", {self._slept} put to sleep" if self._several else ""
        of = f" of {self._plan.kills}" if self._plan.kills is not None else ""
        self._say(
            f"{seconds // 60}:{seconds % 60:02}  {self._killed + self._drained}{of} deaths{slept}; "
            f"{len(self._all())} runs, {self._count_open()} of them going on"
        )

    # --- What goes on meanwhile ---------------------------------------------------------------------------------------

    def _start_runs(self, starter: int) -> None:
        chance = random.Random(f"{self._plan.seed} {starter}")  # noqa: S311
        client = Client(self._installation.door, starter)
        most = OPEN_RUNS_OF_SEVERAL if self._several else OPEN_RUNS
        number = 0
        while not self._over.is_set():
            if self._count_open() >= most:
                time.sleep(0.05)
                continue
            number += 1
            try:
                self._start_run(client, chance, f"{starter}-{number}", _text(number, chance))
            except (Away, Refused) as error:
                self._troubles.append(f"A run could not be started: {error}")
                time.sleep(0.5)

    def _start_run(self, client: Client, chance: random.Random, key: str, text: str) -> None:
        body = {"agent": self._agent, "input": {"text": text}}
        run = client.insist("POST", "runs/", body, key)["id"]
        with self._lock:
            self._requests += 1
            viewer = Client(self._installation.door, self._requests)
            follower = self._followers[run] = Follower(viewer, run, random.Random(chance.random()))  # noqa: S311
        follower.start()
        if self._several and chance.random() < 0.5:
            client.move()  # whoever repeats a request may come to another server with it
        again = client.insist("POST", "runs/", body, key)["id"]
        if again != run:
            self._doubled.append(f"{run} and {again} were started by one request")

    def _answer_questions(self) -> None:
        client = Client(self._installation.door)
        while not self._settled.is_set():
            try:
                for decision in client.call("GET", "decisions/?status=open")["results"]:
                    body = {"resolution": "answer", "result": "yes"}
                    client.call("POST", f"decisions/{decision['id']}/resolve/", body)
            except (Away, Refused):
                pass
            time.sleep(0.1)

    def _all(self) -> list[Follower]:
        with self._lock:
            return list(self._followers.values())

    def _count_open(self) -> int:
        return sum(1 for follower in self._all() if not follower.ended.is_set())

    # --- What comes of it ---------------------------------------------------------------------------------------------

    def _judge(self) -> Outcome:
        followers = self._all()
        client = Client(self._installation.door)
        histories = [
            History(one.run_id, _read_journal(client, one.run_id), sorted(one.events.items()), one.faults)
            for one in followers
        ]
        known = {history.run for history in histories}
        doubled = self._doubled + [
            f"{run} was started by no request that had this answer" for run in _list_runs(client) if run not in known
        ]
        outcome = Outcome(
            judge(histories, requests=self._requests, doubled=doubled),
            self._troubles,
            runs=len(followers),
            killed=self._killed,
            drained=self._drained,
            slept=self._slept,
            cuts=sum(one.cuts for one in followers),
            drops=sum(one.drops for one in followers),
            slowest_start=max(max(process.starts) for process in self._installation.processes),
        )
        for follower in followers:
            follower.stop()
        return outcome


def _text(number: int, chance: random.Random) -> str:
    question = '[[tool:ask_person {"question": "Go on?", "options": ["yes"]}]]' if number % 4 == 0 else ""
    return (
        f'Grüße 🌍 {number} [[tool:calculator {{"expression": "{number}*7"}}]] {question} '
        f"[[tokens:{20 + number % 30} gap:{chance.choice((5, 20, 60))}]]"
    )


def _read_journal(client: Client, run: str) -> list[tuple[int, Event]] | None:
    rows: list[dict[str, Any]] = []
    after = 0
    try:
        while True:
            page = client.insist("GET", f"runs/{run}/events/?after={after}&limit=200")
            rows += page["results"]
            if page["next"] is None:
                return [(row["seq"], row["event"]) for row in rows]
            after = page["next"]
    except Refused as refusal:
        if refusal.status == 404:
            return None
        raise


def _list_runs(client: Client) -> list[str]:
    runs: list[str] = []
    cursor = ""
    while True:
        page = client.insist("GET", f"runs/?limit=200{cursor}")
        runs += [row["id"] for row in page["results"]]
        if page["next"] is None:
            return runs
        cursor = f"&cursor={quote(page['next'])}"
