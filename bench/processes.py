"""The processes that are measured: the product, the mock upstream and the relay; started, accounted and ended by id."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.fixtures.product import ROOT, Product, free_port


class Measured:
    """CPU and memory of one process and its children."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def _all(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]

    def cpu(self) -> float:
        """User and system CPU-seconds so far. The kernel counts in steps of 10 ms."""
        return sum(times.user + times.system for times in (one.cpu_times() for one in self._all()))

    def pss(self) -> float:
        """Megabytes, shared pages counted by their share."""
        return sum(one.memory_full_info().pss for one in self._all()) / 1e6


@contextmanager
def module(name: str, *arguments: str) -> Iterator[Measured]:
    """`python -m bench.<name>` while the block runs; it listens on its first argument, a port."""
    process = subprocess.Popen([sys.executable, "-m", f"bench.{name}", *arguments], cwd=ROOT)
    try:
        _await_port(int(arguments[0]), process)
        yield Measured(process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


class Installation(Product):
    """The product with what the figures need of it."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def measured(self) -> Measured:
        assert self.process is not None
        return Measured(self.process.pid)

    def connect(self, upstream_port: int) -> dict[str, str]:
        """Connect the mock upstream as a provider; {model name: id}."""
        body = {"kind": "openai_compatible", "name": "Mock", "base_url": f"http://127.0.0.1:{upstream_port}/v1"}
        provider = self.call("POST", "providers/", {**body, "api_key": "sk-bench-0123456789"})
        self.call("POST", f"providers/{provider['id']}/sync/", {})
        return self.models()

    def models(self) -> dict[str, str]:
        return {row["name"]: row["id"] for row in self.call("GET", "models/?limit=200")["results"]}

    def agent(self, model: str) -> str:
        body = {"name": "Bench", "instructions": "Answer.", "model": model}
        agent: str = self.call("POST", "agents/", body)["id"]
        self.call("POST", f"agents/{agent}/publish/", {})
        return agent

    def conversations(self, agent: str, count: int) -> list[str]:
        return [self.call("POST", "conversations/", {"agent": agent})["id"] for _ in range(count)]


def installed(data: Path, **environment: str) -> Installation:
    """A product that is started and set up in `data`; the caller stops it."""
    product = Installation(data=data, environment={"AAP_RATE_LIMITS": "off", **environment})
    try:
        product.start().set_up()
    except BaseException:
        product.stop()
        raise
    return product


@contextmanager
def migrated(data: Path) -> Iterator[dict[str, str]]:
    """An empty, migrated data folder, and the environment to serve it in."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "static").mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(data),
        "PORT": str(free_port()),
        "DATA_DIR": str(data),
        "PYTHONUNBUFFERED": "1",
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
    yield environment


def cold_start(environment: dict[str, str], settle: float) -> tuple[float, float]:
    """(seconds from the start of `manage.py serve` to the first answer, megabytes once it is idle)."""
    began = time.monotonic()
    with open(Path(environment["DATA_DIR"]) / "serve.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        answered = _first_answer(f"http://127.0.0.1:{environment['PORT']}/readyz", process)
        time.sleep(settle)
        return answered - began, Measured(process.pid).pss()
    finally:
        process.terminate()
        process.wait(30)


def _first_answer(url: str, process: subprocess.Popen[bytes]) -> float:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return time.monotonic()
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("the product did not answer")
