"""What only one process on SQLite can meet: a bell that was lost with the process, a second start on the same folder.

Deaths, stops and outages are in test_any_shape.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT, Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


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
