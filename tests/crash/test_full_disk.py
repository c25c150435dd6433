"""A full disk: saving answers 507 and leaves nothing half-saved, reading works, and runs go on when there is room again.

With SQLite; a database server's full disk is in test_full_server.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.disk import fill_up, small_disk
from tests.fixtures.product import Product, Refused
from tests.fixtures.vendor import Vendor

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(180)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", megabytes=8) as folder:
        yield folder


class Watch:
    """A run's live stream, read as far as a test wants; `frames` is all that came so far."""

    def __init__(self, product: Product, run: str) -> None:
        request = urllib.request.Request(
            f"{product.url}{product.space}runs/{run}/stream/", headers={"Authorization": f"Bearer {product.token}"}
        )
        self._answer = urllib.request.urlopen(request, timeout=30)
        self.frames: list[dict[str, Any]] = []

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def read_until(self, reached: Callable[[], bool], timeout: float = 40) -> None:
        deadline = time.monotonic() + timeout
        while not reached():
            assert time.monotonic() < deadline, self.frames[-3:]
            line = self._answer.readline()
            assert line, f"the stream ended after {self.frames[-3:]}"
            if line.startswith(b"data: "):
                self.frames.append(json.loads(line[6:]))

    def text(self) -> str:
        return "".join(frame["text"] for frame in self.frames if frame["type"] == "delta")

    def events(self) -> list[str]:
        return [frame["event"]["type"] for frame in self.frames if frame["type"] == "event"]


def test_asvs_16_5_a_full_disk(disk: Path, tmp_path: Path) -> None:
    """INCIDENTS 3, ENOSPC: the disk is full before the model has said its last word, and has room again after it."""
    with Vendor() as vendor:
        environment = {"AAP_RATE_LIMITS": "off", "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}"}
        # Its log is elsewhere: what it says while the disk is full is what the test waits for.
        product = Product(data=disk / "data", environment=environment, log_file=tmp_path / "product.log")
        try:
            product.start().set_up()
            fill_and_free(product, vendor, disk / "filler")
        finally:
            product.stop()


def fill_and_free(product: Product, vendor: Vendor, filler: Path) -> None:
    vendor.answers["Long"] = " ".join(f"word{number}" for number in range(300))
    vendor.gates["Long"] = threading.Event()
    address = f"http://127.0.0.1:{vendor.port}/v1"
    provider = {"kind": "openai_compatible", "name": "V", "base_url": address, "api_key": vendor.key}
    product.call("POST", "providers/", provider)
    model = product.call("GET", "models/")["results"][0]["id"]
    agent = product.call("POST", "agents/", {"name": "Helper", "instructions": "Answer.", "model": model})["id"]
    product.call("POST", f"agents/{agent}/publish/", {})
    body = {"agent": agent, "input": {"text": "Long"}}
    run = product.call("POST", "runs/", body)["id"]
    with Watch(product, run) as watch:
        watch.read_until(lambda: watch.text() != "")
        fill_up(filler)
        # The write-ahead log may have room left inside: keep saving until it is used up.
        names, refused = [], None
        for number in range(400):
            try:
                product.call("POST", "agents/", {"name": f"N{number}", "instructions": "y" * 20_000})
                names.append(f"N{number}")
            except Refused as error:
                refused = error
                break
        assert refused is not None and refused.status == 507, refused
        assert refused.body["code"] == "storage_full" and "disk is full" in refused.body["detail"]
        for path in ("agents/?limit=200", "runs/", f"runs/{run}/", f"runs/{run}/events/", "/api/v1/me/", "/readyz"):
            product.call("GET", path)
        # The model says the rest while nothing can be saved: viewers get it at once, its end waits for the disk.
        vendor.gates["Long"].set()
        watch.read_until(lambda: watch.text() == vendor.answers["Long"])
        product.wait_for_log("the journal cannot be written now")
        product.wait_for_log("leases could not be renewed")
        with pytest.raises(Refused) as started:
            product.call("POST", "runs/", body)
        assert started.value.status == 507
        assert product.call("GET", f"runs/{run}/")["status"] == "running"
        with Watch(product, run) as late:
            late.read_until(lambda: late.text() == vendor.answers["Long"])
            assert "message.completed" not in late.events(), "an end is told once it is saved"
        os.unlink(filler)
        done = product.wait_for_end(run, 30)
        assert done["status"] == "succeeded"
        # What was told live is the one story: nothing was begun anew.
        watch.read_until(lambda: "run.succeeded" in watch.events())
        assert watch.text() == vendor.answers["Long"] and "step.restarted" not in watch.events()
    rows = product.events(run)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    texts = [row["event"]["text"] for row in rows if row["event"]["type"] == "message.completed"]
    assert texts == [vendor.answers["Long"]] == [done["output"]["text"]]
    # Each save happened whole or not at all: the agent with its grant and its audit entry.
    listed = {row["name"] for row in product.call("GET", "agents/?limit=200")["results"]}
    assert listed == {"Helper", *names}
    created = product.call("GET", "audit/?kind=agent.create&limit=200")["results"]
    assert len(created) == len(listed)
    assert product.call("POST", "agents/", {"name": "After"})["name"] == "After"
