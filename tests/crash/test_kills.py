"""kill -9 at random moments, a drain, a second start: afterwards every run has ended once and every text is whole."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.fixtures.product import ROOT, Product

#: 20 of the fifty deaths of `make test`; the others are in test_chaos, test_many_processes, test_set_up
#: and test_system_calls.
KILLS = int(os.environ.get("KILLS", "20"))
pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240 + 8 * KILLS)]
ENDS = ("run.succeeded", "run.failed", "run.cancelled")
SEED = int(os.environ.get("SEED", "7"))


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(data=tmp_path / "data", environment={"AAP_RATE_LIMITS": "off"}).start().set_up()
    product.agent = product.demo_agent()  # type: ignore[attr-defined]
    try:
        yield product
    finally:
        product.stop()


def start(product: Product, text: str) -> str:
    return str(product.call("POST", "runs/", {"agent": product.agent, "input": {"text": text}})["id"])  # type: ignore[attr-defined]


def text_of(number: int) -> str:
    return (
        f'Run {number}: Grüße 🌍 [[tool:calculator {{"expression": "{number}*7"}}]] [[tokens:{20 + number % 5} gap:12]]'
    )


async def history(product: Product, runs: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The events of the runs as one socket tells them from their beginning."""
    found: dict[str, list[dict[str, Any]]] = {run: [] for run in runs}
    due = set(runs)
    async with websockets.connect(f"ws://127.0.0.1:{product.port}/ws/v1/", max_size=None) as raw:
        await raw.send(json.dumps({"type": "authenticate", "token": product.token}))
        await raw.recv()
        for run in runs:
            await raw.send(json.dumps({"type": "subscribe", "run": run, "after_seq": 0}))
        while due:
            frame = json.loads(await asyncio.wait_for(raw.recv(), 20))
            if frame["type"] == "event":
                found[frame["run"]].append({key: frame[key] for key in ("seq", "at", "event")})
            elif frame["type"] == "caught_up":
                due.discard(frame["run"])
    return found


def check_whole(product: Product, run: str, expected: str | None = None) -> list[dict[str, Any]]:
    """The journal of a run that has ended, held against every promise about it."""
    rows = product.events(run)
    events = [row["event"] for row in rows]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert [e["type"] for e in events if e["type"] in ENDS] == [events[-1]["type"]] == ["run.succeeded"]
    dropped = {message for e in events if e["type"] == "step.restarted" for message in e["dropped"]}
    started = [e["message"] for e in events if e["type"] == "message.started"]
    done = [e["message"] for e in events if e["type"] == "message.completed"]
    assert len(started) == len(set(started)) and len(done) == len(set(done))
    assert set(done) & dropped == set() and set(started) == set(done) | dropped
    assert [e["type"] for e in events].count("tool.requested") == 1
    results = [e for e in events if e["type"] == "tool.completed"]
    assert len(results) == 1 and results[0]["outcome"] in ("ok", "succeeded", "done"), results
    texts = [e["text"] for e in events if e["type"] == "message.completed" and e["text"]]
    assert texts[-1] == product.call("GET", f"runs/{run}/")["output"]["text"]
    assert expected is None or texts[-1] == expected
    return rows


def test_g1_kills_at_random_moments(product: Product) -> None:
    """INCIDENTS 3.15, 3.16. `KILLS=n SEED=m` for others."""
    moments = random.Random(SEED)
    alone = start(product, text_of(0))
    product.wait_for_end(alone)
    whole = check_whole(product, alone)[-1]["event"]
    assert whole["type"] == "run.succeeded"
    runs: dict[str, int] = {}
    for kill in range(KILLS):
        for _ in range(4):
            number = len(runs) + 1
            runs[start(product, text_of(number))] = number
        threading.Event().wait(moments.uniform(0.0, 0.9))
        product.kill(signal.SIGKILL)
        product.start()
        assert kill < KILLS
    # The demo model says the same to the same message: what an undisturbed run answers is what these must have answered.
    finished = {run: product.wait_for_end(run, 40) for run in runs}
    assert {done["status"] for done in finished.values()} == {"succeeded"}
    for run, number in runs.items():
        expected = (
            product.call("GET", f"runs/{start_again(product, number)}/")["output"]["text"] if number % 8 == 1 else None
        )
        check_whole(product, run, expected)
    told = asyncio.run(history(product, list(runs)))
    assert told == {run: product.events(run) for run in runs}
    with sqlite3.connect(f"file:{product.data}/platform.sqlite3?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM agents_messagechunk").fetchone() == (0,)


def start_again(product: Product, number: int) -> str:
    run = start(product, text_of(number))
    product.wait_for_end(run, 40)
    return run


def test_a_run_whose_bell_was_lost_is_found_after_a_restart(product: Product) -> None:
    """kill -9 between the commit and the bell leaves a queued row that nobody was told of."""
    run = start(product, "Hello [[tokens:5 gap:1]]")
    product.wait_for_end(run)
    product.kill(signal.SIGKILL)
    with sqlite3.connect(f"{product.data}/platform.sqlite3") as database:
        # As the row stands right after the commit of run.queued.
        database.execute("DELETE FROM agents_runevent WHERE run_id = ? AND seq > 1", [run])
        database.execute("DELETE FROM agents_message WHERE run_id = ? AND role = 'assistant'", [run]) if has(
            database, "agents_message"
        ) else None
        database.execute(
            "UPDATE agents_run SET status='queued', last_seq=1, output_text='', attempts=0, started_at=NULL, ended_at=NULL,"
            " lease_epoch=0, lease_until=NULL, lease_holder='', stop_reason='' WHERE id = ?",
            [run],
        )
    product.start()
    assert product.wait_for_end(run, 15)["status"] == "succeeded"
    assert product.events(run)[-1]["event"]["type"] == "run.succeeded"


def has(database: sqlite3.Connection, table: str) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone() is not None


def test_a_stop_is_a_drain_and_nothing_is_lost(product: Product) -> None:
    """INCIDENTS 3.27: SIGTERM ends within its patience, with status 0, and the next start carries on."""
    runs = [start(product, f"{n} [[tokens:400 gap:20]]") for n in range(5)]
    while any(product.call("GET", f"runs/{run}/")["status"] != "running" for run in runs):
        threading.Event().wait(0.02)
    assert product.process is not None
    product.process.send_signal(signal.SIGTERM)
    assert product.process.wait(30) == 0
    assert '"level": "error"' not in product.log.read_text()
    product.start()
    for run in runs:
        done = product.wait_for_end(run, 40)
        assert done["status"] == "succeeded"
        assert product.events(run)[-1]["event"]["type"] == "run.succeeded"


def test_one_process_on_one_data_folder(product: Product) -> None:
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(product.data), "PORT": "0"}
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert second.returncode != 0
    assert re.search(
        rf"The product is running already on this data folder \(.*\): process \d+, http://localhost:{product.port}\. "
        r"Open it, or stop it first\.",
        second.stderr,
    )
    assert "Traceback" not in second.stderr
    assert product.call("GET", "/readyz")["status"] == "ready"
    # What a killed process leaves behind keeps nobody out.
    product.kill(signal.SIGKILL)
    product.start()
    assert product.call("GET", "/readyz")["status"] == "ready"
