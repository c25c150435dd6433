"""P12: how much more two worker processes get through than one, on PostgreSQL and Redis, the web server by itself.

Two ways in which one worker is full: short runs, which cost a worker its core, and runs that wait for their model, of which
a worker takes only so many at once. One worker and two take turns within one installation.
"""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.table import Figure
from tests.fixtures.fleet import Fleet, Worker, running_fleet

GOAL = 1.8


@dataclass(frozen=True)
class Load:
    what: str
    text: str
    runs: int
    """For one worker; two get twice as many."""
    concurrency: int


SHORT = Load("short runs (2 tokens, no pause)", "[[tokens:2 gap:0]]", 150, 100)
WAITING = Load("runs that wait for their model (20 tokens, 50 ms apart; 10 at once)", "[[tokens:20 gap:50]]", 40, 10)


def two_workers(folder: Path, rounds: int, say: Callable[[str], None]) -> list[Figure]:
    figures = []
    with running_fleet(folder / "workers", webs=1, workers=0) as fleet:
        agent = fleet.webs[0].demo_agent(tools=[])
        for load in (SHORT, WAITING):
            pair = [fleet.add_worker(AAP_WORKER_CONCURRENCY=str(load.concurrency)).start() for _ in range(2)]
            _measure(fleet, agent, load, pair)  # imports and connections are made once
            one, two = [], []
            for number in range(rounds):
                for some in (pair[:1], pair) if number % 2 == 0 else (pair, pair[1:]):
                    rate = _measure(fleet, agent, load, some)
                    (one if len(some) == 1 else two).append(rate)
                say(f"{load.what}, round {number + 1}: {one[-1]:.1f} and {two[-1]:.1f} runs/s")
            for worker in pair:
                worker.stop()
            ratios = [both / alone for both, alone in zip(two, one, strict=True)]
            note = f"medians: {statistics.median(one):.1f} and {statistics.median(two):.1f} runs/s"
            what = f"two workers against one, {load.what}"
            figures.append(Figure("P12", what, "x", GOAL, ratios, at_least=True, note=note))
    return figures


def _measure(fleet: Fleet, agent: str, load: Load, at_work: list[Worker]) -> float:
    """Runs a second, from the moment when the workers are let go until the last has ended.

    All workers are stopped while the runs are put in the queue, so that the web server's share is done before; those that
    shall not take part stay so.
    """
    web, count = fleet.webs[0].sign_in(), load.runs * len(at_work)
    everybody = [worker for worker in fleet.workers if worker.process is not None and worker.process.poll() is None]
    for worker in everybody:
        worker.send(signal.SIGSTOP)
    try:
        body = {"agent": agent, "input": {"text": load.text}}
        runs = [web.call("POST", "runs/", body)["id"] for _ in range(count)]
        begun = time.monotonic()
        for worker in at_work:
            worker.send(signal.SIGCONT)
        with psycopg.connect(fleet.environment["DATABASE_URL"], autocommit=True) as connection:
            while _open(connection, runs):
                time.sleep(0.05)
        seconds = time.monotonic() - begun
    finally:
        for worker in everybody:
            worker.send(signal.SIGCONT)
    return count / seconds


def _open(connection: psycopg.Connection, runs: list[str]) -> bool:
    question = "SELECT bool_and(status = 'succeeded'), bool_or(status IN ('failed', 'cancelled')) FROM agents_run"
    row = connection.execute(question + " WHERE id = ANY(%s)", [runs]).fetchone()
    assert row is not None
    if row[1]:
        raise RuntimeError("a run did not succeed")
    return not row[0]
