"""The audit log of a product that is killed in the middle of writing: the chain stays whole, the heads outside true."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.fixtures.fleet import wait_until
from tests.fixtures.product import ROOT, Product, Refused

pytestmark = [pytest.mark.slow, pytest.mark.one_database]


def test_g24_deaths_leave_the_chain_whole_and_the_heads_true(tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    environment = {
        "AAP_RATE_LIMITS": "off",
        "AAP_AUDIT_EXPORT": f"file:{heads}",
        "AAP_AUDIT_EXPORT_SECONDS": "5",
    }
    product = Product(data=tmp_path / "data", environment=environment)
    try:
        product.start().set_up()
        saved = 0
        for death in range(3):
            saved += busy_until_killed(product, after=1.5 + death)
            product.start()
            product.sign_in()
        wait_until(lambda: state(product)["unsealed_seconds"] == 0 and state(product)["number"] > 0, "not sealed", 30)
        assert state(product)["state"] == "good"
        wait_until(lambda: heads.exists() and heads.read_text().count("\n") >= 1, "no head came", 30)
        count = product.call("GET", "audit/?kind=workspace.update&limit=1")
        assert count["results"] and saved > 0
    finally:
        product.stop()
    code, said = audit_verify(product, heads)
    assert code == 0, said
    assert json.loads(heads.read_text().splitlines()[0])["number"] == 1
    # The same file, one bit later.
    with sqlite3.connect(product.data / "platform.sqlite3") as database:
        database.execute("DROP TRIGGER audit_auditentry_no_update")
        (entry,) = database.execute("SELECT id FROM audit_auditentry ORDER BY id LIMIT 1 OFFSET 5").fetchone()
        database.execute("UPDATE audit_auditentry SET outcome = 'dond' WHERE id = ?", [entry])
    database.close()
    code, said = audit_verify(product, heads)
    assert code == 1 and f"First bad entry: {entry} (number " in said, said


def busy_until_killed(product: Product, *, after: float) -> int:
    """Changes one after the other until the process dies; how many were answered."""
    timer = threading.Timer(after, product.kill)
    timer.start()
    saved = 0
    try:
        while True:
            product.call("PATCH", "", {"name": f"N{saved}"})
            saved += 1
    except (OSError, http.client.HTTPException, Refused, ValueError):
        pass
    finally:
        timer.join()
    return saved


def state(product: Product) -> dict[str, object]:
    time.sleep(0.1)
    found: dict[str, object] = product.call("GET", "audit/verify/?check=true")
    return found


def audit_verify(product: Product, heads: Path) -> tuple[int, str]:
    command = [sys.executable, "manage.py", "audit_verify", "--heads", str(heads)]
    done = subprocess.run(
        command, cwd=ROOT, env=product.whole_environment(), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr
