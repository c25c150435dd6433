"""A reference run (three model calls, two tools, one decision) whose process is killed at its N-th `sendto`, `write` or
`fdatasync`, or another call that writes, by strace, for one N after the other until it passes untouched (G2).

`make test` draws some of the numbers by SEED; `make test-all` takes all of them. Where processes may not be traced, the
test says so and is left out.
"""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.fixtures.counter import CountingService
from tests.fixtures.deaths import count_death
from tests.fixtures.product import Product, Refused

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(3600)]
T = TypeVar("T")
SEED = int(os.environ.get("SEED", "7"))
SAMPLE, MOST = 6, 200
CALLS = "sendto,sendmsg,write,writev,pwrite64,fdatasync"  # SQLite writes its pages by pwrite64
QUESTION = 'Refer [[tool:count_once {}]] [[tool:ask_person {"question":"Go on?"}]] [[tokens:8 gap:2]]'


def may_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-qq", "-o", os.devnull, "-e", "trace=write", sys.executable, "-c", "print()"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, counter: CountingService) -> Iterator[Product]:
    if not may_trace():
        pytest.skip("strace is missing or may not trace here")
    product = Product(
        data=Path(tmp_path_factory.mktemp("calls")) / "data",
        environment={
            "AAP_RATE_LIMITS": "off",
            "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
            "AAP_TEST_COUNTER": counter.url,
        },
    )
    try:
        product.start().set_up()
        product.agent = product.demo_agent(tools=["count_once", "ask_person"])  # type: ignore[attr-defined]
        yield product
    finally:
        product.stop()


class Tracer:
    """Kills the product's process when one of its threads makes its `number`-th such call from now on."""

    def __init__(self, product: Product, number: int) -> None:
        assert product.process is not None
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                "strace", "-f", "-o", os.devnull, "-e", f"trace={CALLS}",
                "-e", f"inject={CALLS}:signal=KILL:when={number}", "-p", str(product.process.pid),
            ],
            stderr=self._said,
        )  # fmt: skip
        threads = len(os.listdir(f"/proc/{product.process.pid}/task"))
        deadline = time.monotonic() + 20
        while self._heard().count("attached") < 1 or self._traced(product.process.pid) < threads:
            assert self._process.poll() is None and time.monotonic() < deadline, self._heard()
            time.sleep(0.01)

    def _heard(self) -> str:
        self._said.seek(0)
        return self._said.read()

    @staticmethod
    def _traced(pid: int) -> int:
        count = 0
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                count += "TracerPid:\t0\n" not in (task / "status").read_text()
            except OSError:
                pass  # the thread has ended
        return count

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.wait(20)
        self._said.close()


def insistently(product: Product, what: Callable[[], T]) -> T:
    """Do it, and again after a restart when the server dies over it."""
    while True:
        try:
            return what()
        except Refused:
            raise
        except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError):
            bring_back(product)  # nobody was there, or the answer was cut


def bring_back(product: Product) -> None:
    assert product.process is not None
    try:
        product.process.wait(5)
    except subprocess.TimeoutExpired:
        return
    product.start()


def refer(product: Product, counter: CountingService, number: int) -> bool:
    """One reference run with a death at its `number`-th call; whether the process was killed at all."""
    before = dict(counter.calls)
    assert product.process is not None
    first = product.process.pid
    body = {"agent": product.agent, "input": {"text": QUESTION}}  # type: ignore[attr-defined]
    key = {"Idempotency-Key": f"calls-{number}-{time.time_ns()}"}
    tracer = Tracer(product, number)
    decided: dict[str, str] = {}
    try:
        run = insistently(product, lambda: product.call("POST", "runs/", body, key))["id"]
        deadline = time.monotonic() + 60
        while True:
            found = insistently(product, lambda: product.call("GET", f"runs/{run}/"))
            if found["status"] in ("succeeded", "failed", "cancelled"):
                break
            assert time.monotonic() < deadline, f"{number}: stuck at {found}"
            asked = insistently(product, lambda: product.call("GET", f"decisions/?status=open&run={run}"))["results"]
            for decision in asked:
                answer = {"question": "answer", "unknown_outcome": "happened"}[decision["kind"]]
                decided[decision["id"]] = decision["kind"]
                resolve(product, decision["id"], answer)
            time.sleep(0.01)
    finally:
        tracer.end()
    assert found["status"] == "succeeded", (number, found)
    check(product, run, decided, {call: times for call, times in counter.calls.items() if call not in before})
    if product.process.poll() is not None:  # killed by the very last answer
        product.start()
    died = product.process.pid != first
    if died:
        count_death()
    return died


def resolve(product: Product, decision: str, answer: str) -> None:
    try:
        body = {"resolution": answer, "result": "Yes"}
        insistently(product, lambda: product.call("POST", f"decisions/{decision}/resolve/", body))
    except Refused as refused:  # the answer that said so was cut
        if refused.status != 409:
            raise


def check(product: Product, run: str, decided: dict[str, str], effects: dict[str, int]) -> None:
    rows = insistently(product, lambda: product.events(run))
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    types = [row["event"]["type"] for row in rows]
    assert sum(kind in ("run.succeeded", "run.failed", "run.cancelled") for kind in types) == 1
    assert types[-1] == "run.succeeded"
    assert types.count("tool.requested") == types.count("tool.completed") == 2
    assert list(effects.values()) in ([1], [])
    unknown = types.count("tool.unknown")
    assert unknown == sum(kind == "unknown_outcome" for kind in decided.values())
    if not effects:
        assert unknown, "the tool's effect is missing and nobody was asked"


def test_g2_killed_at_every_nth_system_call(product: Product, counter: CountingService) -> None:
    number, killed = 1, 0
    if os.environ.get("FULL"):
        misses = 0
        while misses < 3:  # the threads share the work a little differently each time
            died = refer(product, counter, number)
            killed, misses = killed + died, 0 if died else misses + 1
            number += 1
            print(f"call {number - 1}: {'killed' if died else 'passed untouched'}")
        assert killed > 40
        return
    for number in sorted(random.Random(SEED).sample(range(1, MOST), SAMPLE)):
        killed += refer(product, counter, number)
    assert killed >= SAMPLE // 2, f"only {killed} of {SAMPLE} were killed"
