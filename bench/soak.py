"""`python -m bench.soak [--seconds 3600]`: do memory or descriptors creep up under steady work with faults? (G11)

One process with SQLite works for as long as asked: runs with tools, people who watch and leave, answers that are stopped,
sign-ins, requests that are refused. The first quarter warms up; of the rest the last third is compared with the first.
The exit code is 1 when it grew by more than the limits, or when a run did not end right.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fixtures.product import EMAIL, PASSWORD, Product, Refused
from tests.fixtures.viewer import Viewer, sound

#: So much more in the last third than in the first one is noise of allocators and caches that fill.
MEMORY_RATIO, MORE_DESCRIPTORS, MORE_THREADS = 1.10, 8, 4
#: What grows with the work itself is bounded by the number of runs, and not judged: rows.
WATCHERS = 6
TEXTS = (
    "Plain [[tokens:60 gap:5]]",
    'With a tool [[tool:calculator {"expression":"6*7"}]] [[tokens:30 gap:5]]',
    "Fails [[fail:500]]",
)


@dataclass(frozen=True)
class Sample:
    at: float
    memory: float
    """MB, PSS."""
    descriptors: int
    threads: int


def look(process: psutil.Process, begun: float) -> Sample:
    with process.oneshot():
        memory = process.memory_full_info().pss / 1e6
        return Sample(time.monotonic() - begun, memory, process.num_fds(), process.num_threads())


class Work:
    """Everybody who uses the product for a while; `ended` counts, `wrong` tells."""

    def __init__(self, product: Product, agent: str) -> None:
        self.product, self.agent = product, agent
        self.over = threading.Event()
        self.ended, self.stopped, self.refused = 0, 0, 0
        self.wrong: list[str] = []

    def _guarded(self, what: object) -> None:
        while not self.over.is_set():
            try:
                what()  # type: ignore[operator]
            except Refused as refused:
                if refused.status not in (429, 503):
                    self.wrong.append(str(refused))
                time.sleep(0.5)
            except Exception as error:
                self.wrong.append(repr(error))

    def watch(self) -> None:
        """A run from its start to its end, cut off once on the way."""
        text = random.choice(TEXTS)
        run = self.product.call("POST", "runs/", {"agent": self.agent, "input": {"text": text}})["id"]
        viewer = Viewer(self.product, run).start()
        viewer.finish(60)
        status = self.product.call("GET", f"runs/{run}/")["status"]
        if status != ("failed" if "Fails" in text else "succeeded") or viewer.events != sound(self.product, run):
            self.wrong.append(f"{run}: {status}")
        self.ended += 1

    def stop_one(self) -> None:
        body = {"agent": self.agent, "input": {"text": "Long [[tokens:500 gap:20]]"}}
        run = self.product.call("POST", "runs/", body)["id"]
        viewer = Viewer(self.product, run).start()
        viewer.wait_for_text()
        viewer.leave()  # goes without a word
        self.product.call("POST", f"runs/{run}/cancel/", {})
        if self.product.wait_for_end(run)["status"] != "cancelled":
            self.wrong.append(f"{run} was not stopped")
        self.stopped += 1

    def knock(self) -> None:
        for path in ("agents/", "runs/?limit=20", "audit/", "runs/run_nothing/"):
            try:
                self.product.call("GET", path)
            except Refused as refused:
                if refused.status != 404:
                    raise
                self.refused += 1
        other = Product(self.product.data, port=self.product.port)
        # Everybody goes on with what was fetched last: a token does not last an hour.
        self.product.token = other.call("POST", "/api/v1/auth/token/", {"email": EMAIL, "password": PASSWORD})["access"]
        time.sleep(1)

    def start(self) -> None:
        for what in (*[self.watch] * WATCHERS, self.stop_one, self.knock):
            threading.Thread(target=self._guarded, args=(what,), daemon=True).start()


def judge(samples: list[Sample]) -> list[str]:
    """What grew."""
    warm = [sample for sample in samples if sample.at > samples[-1].at / 4]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]
    found = []

    def middle(of: list[Sample], name: str) -> float:
        return statistics.median(float(getattr(sample, name)) for sample in of)

    if middle(last, "memory") > middle(first, "memory") * MEMORY_RATIO:
        found.append("memory")
    if middle(last, "descriptors") > middle(first, "descriptors") + MORE_DESCRIPTORS:
        found.append("descriptors")
    if middle(last, "threads") > middle(first, "threads") + MORE_THREADS:
        found.append("threads")
    for name in ("memory", "descriptors", "threads"):
        most = max(getattr(sample, name) for sample in warm)
        print(f"{name:12} {middle(first, name):8.1f} -> {middle(last, name):8.1f}  (largest {most:.1f})")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder:
        product = Product(Path(folder) / "data", environment={"AAP_RATE_LIMITS": "off"}).start().set_up()
        work = Work(product, product.demo_agent())
        try:
            assert product.process is not None
            process, begun = psutil.Process(product.process.pid), time.monotonic()
            work.start()
            samples = []
            while time.monotonic() - begun < options.seconds:
                time.sleep(min(10, options.seconds / 40))
                samples.append(look(process, begun))
                if len(samples) % 5 == 0:
                    print(f"{samples[-1].at:6.0f} s {samples[-1].memory:8.1f} MB, {work.ended} runs", flush=True)
            work.over.set()
            time.sleep(3)
        finally:
            product.stop()
    grew = judge(samples)
    print(
        f"{work.ended} runs watched to their end, {work.stopped} stopped, {work.refused} refusals, in {options.seconds} s"
    )
    for line in work.wrong[:10]:
        print(f"WRONG: {line}")
    if grew:
        print(f"GREW: {', '.join(grew)}")
    return 1 if grew or work.wrong or not work.ended else 0


if __name__ == "__main__":
    sys.exit(main())
