"""P13, only when asked for: from a fresh clone to the first streamed answer, and the second start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import driver
from bench.processes import Installation
from bench.streaming import Side
from bench.table import Figure
from tests.fixtures.product import ROOT, free_port

PATIENCE = 900.0


def fresh_clone(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    """Takes minutes; the package caches are used as they are."""
    checkout, data, port = folder / "clone", folder / "clone-data", free_port()
    began = time.monotonic()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
    product = Installation(data=data, port=port)
    with _make_run(checkout, data, port) as process:
        _await_answer(product, process)
        found = re.findall(r"Set up: \S*#code=(\S+)", product.log.read_text())
        product.code = found[-1]
        product.set_up()
        agent = product.demo_agent(tools=[])
        chat = product.conversations(agent, 1)[0]

        def reader(streams: driver.Streams, count: int, model: str) -> list[driver.Reader]:
            text = "hello [[tokens:5 gap:10]]"
            keys = {"token": product.token, "space": product.space, "conversation": chat, "text": text}
            return [driver.Followed(streams, 0, host=product.host, **keys)]

        streams, _ = Side(port, None, reader).run(1, "")
        if streams.failed:
            raise RuntimeError("the first answer failed")
        first = time.monotonic() - began
        say(f"fresh clone to the first streamed answer: {first:.0f} s")
    began = time.monotonic()
    with _make_run(checkout, data, port) as process:
        _await_answer(product, process)
        second = time.monotonic() - began
        say(f"second `make run`: {second:.1f} s")
    return [
        Figure("P13", "fresh clone to the first streamed answer, `make run`", "s", 240, [first]),
        Figure("P13", "second `make run` to its first answer", "s", 4, [second]),
    ]


@contextmanager
def _make_run(checkout: Path, data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    data.mkdir(exist_ok=True)
    environment = {**os.environ, "PORT": str(port), "DATA_DIR": str(data), "PYTHONUNBUFFERED": "1"}
    with open(data / "product.log", "ab") as log:
        process = subprocess.Popen(
            ["make", "run"], cwd=checkout, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # its own group, made above
            process.wait(60)


def _await_answer(product: Installation, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("make run ended: " + product.log.read_text()[-2000:])
        try:
            product.call("GET", "/readyz")
            return
        except Exception:
            time.sleep(0.05)
    raise RuntimeError("make run did not get ready")
