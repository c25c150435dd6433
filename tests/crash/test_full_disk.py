"""A full disk: saving answers 507 and leaves nothing half-saved, reading works, and runs go on when there is room again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.product import Product, Refused

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(180)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system is not allowed here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(filler: Path) -> None:
    """Write until not one more page fits."""
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert os.statvfs(filler.parent).f_bavail == 0


def test_asvs_16_5_a_full_disk(small_disk: Path) -> None:
    """INCIDENTS 3, ENOSPC."""
    data = small_disk / "data"
    product = Product(data=data, environment={"AAP_RATE_LIMITS": "off"}).start().set_up()
    try:
        agent = product.demo_agent()
        body = {"agent": agent, "input": {"text": "Long [[tokens:150 gap:20]]"}}
        run = product.call("POST", "runs/", body)["id"]
        while product.call("GET", f"runs/{run}/")["status"] != "running":
            threading.Event().wait(0.02)
        filler = small_disk / "filler"
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
        with pytest.raises(Refused) as started:
            product.call("POST", "runs/", body)
        assert started.value.status == 507
        threading.Event().wait(4)  # the run's model has said everything by now; what it said waits for the disk
        assert product.call("GET", f"runs/{run}/")["status"] == "running"
        os.unlink(filler)
        done = product.wait_for_end(run, 30)
        assert done["status"] == "succeeded"
        rows = product.events(run)
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        texts = [row["event"]["text"] for row in rows if row["event"]["type"] == "message.completed"]
        assert texts[-1] == done["output"]["text"] and len(texts[-1].split()) > 150
        # Each save happened whole or not at all: the agent with its grant and its audit entry.
        listed = {row["name"] for row in product.call("GET", "agents/?limit=200")["results"]}
        assert listed == {"Helper", *names}
        created = product.call("GET", "audit/?kind=agent.create&limit=200")["results"]
        assert len(created) == len(listed)
        assert product.call("POST", "agents/", {"name": "After"})["name"] == "After"
    finally:
        product.stop()
