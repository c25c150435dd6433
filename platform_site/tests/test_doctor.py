"""`manage.py doctor` on installations that are well and on ones that are not, as an operator calls it."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.disk import small_disk
from tests.fixtures.fleet import Postgres, wait_until
from tests.fixtures.product import ROOT, Product
from tests.fixtures.schema import copy_schema

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


@pytest.fixture
def product(tmp_path: Path) -> Any:
    product = Product(data=tmp_path / "data").start().set_up()
    try:
        yield product
    finally:
        product.stop()


def doctor(data: Path, *words: str, **environment: str) -> tuple[int, dict[str, dict[str, str]], str]:
    """(exit code, findings by subject, everything it printed)"""
    clean = {"PATH": os.environ["PATH"], "HOME": str(data), "DATA_DIR": str(data), **environment}
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json", *words],
        cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {one["subject"]: one for one in findings}, done.stdout + done.stderr


def levels(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: one["level"] for name, one in findings.items()}


def test_an_installation_that_is_well(product: Product) -> None:
    product.call("POST", "providers/", {"kind": "demo", "name": "Demo"})
    code, findings, _ = doctor(product.data)
    found = levels(findings)
    found.pop("Web client")  # whether it is built here is another matter
    assert code == 0 and set(found.values()) == {"ok"}, findings
    assert {"Settings", "Database", "Migrations", "Clock", "Disk", "Runs"} < set(found)
    assert any(name.startswith("Provider Demo") for name in found)


def test_what_is_wrong_is_named_with_what_to_do(product: Product) -> None:
    body = {"kind": "openai_compatible", "name": "Gone", "base_url": "https://127.0.0.1:9/v1", "api_key": "sk-canary-9"}
    space = product.call("GET", "/api/v1/me/")["workspaces"][0]["slug"]
    product.kill()
    other = "k9:" + base64.b64encode(bytes(32)).decode()
    product.environment["AAP_ALLOWED_PRIVATE_HOSTS"] = "127.0.0.1:9"
    product.start()
    product.sign_in()
    product.call("POST", "providers/", body)
    # What nobody has sealed is told as well, once it is older than five seconds.
    wait_until(lambda: product.call("GET", "audit/verify/")["unsealed_seconds"] == 0, "nobody seals", 30)
    product.kill()
    code, findings, printed = doctor(product.data)
    gone = findings[f"Provider Gone ({space})"]
    assert code == 0 and gone["level"] == "warning" and gone["advice"], printed
    assert "not asked" in doctor(product.data, "--offline")[1][f"Provider Gone ({space})"]["detail"]
    code, findings, more = doctor(product.data, "--offline", AAP_ENCRYPTION_KEYS=other)
    assert code == 1 and findings[f"Provider Gone ({space})"]["level"] == "failed"
    assert "AAP_ENCRYPTION_KEYS" in findings[f"Provider Gone ({space})"]["advice"]
    assert "sk-canary-9" not in printed + more
    mail = {"AAP_MAIL_URL": "smtp://127.0.0.1:9?tls=off", "AAP_MAIL_FROM": "agents@example.com"}
    code, findings, _ = doctor(product.data, **mail)
    assert code == 1 and findings["Mail"]["level"] == "failed" and "AAP_MAIL_URL" in findings["Mail"]["advice"]
    assert "not asked" in doctor(product.data, "--offline", **mail)[1]["Mail"]["detail"]
    proxied = {"AAP_PUBLIC_URL": "https://agents.example"}
    proxy = doctor(product.data, "--offline", **proxied)[1]["Proxy"]
    assert proxy["level"] == "warning" and "AAP_TRUSTED_PROXIES" in proxy["advice"]
    assert "Proxy" not in doctor(product.data, "--offline", **proxied, AAP_TRUSTED_PROXIES="10.0.0.0/8")[1]


def test_incident_3_25_a_database_that_is_behind_or_away(product: Product, tmp_path: Path) -> None:
    product.kill()
    with sqlite3.connect(product.data / "platform.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'agents'")
    code, findings, _ = doctor(product.data, "--offline")
    assert (
        code == 1
        and findings["Migrations"]["level"] == "failed"
        and "manage.py upgrade" in findings["Migrations"]["advice"]
    )
    code, findings, _ = doctor(tmp_path / "other", DATABASE_URL="postgres://nobody:x@127.0.0.1:9/none")
    assert code == 1 and findings["Database"]["level"] == "failed" and "Runs" not in findings


def test_runs_that_nobody_carries_on_are_counted(product: Product) -> None:
    agent = product.demo_agent()
    run = product.call("POST", "runs/", {"agent": agent, "input": {"text": "Long [[tokens:3000 gap:20]]"}})["id"]
    product.kill()
    with sqlite3.connect(product.data / "platform.sqlite3") as database:
        database.execute(
            "UPDATE agents_run SET lease_until = '2020-01-01 00:00:00', status = 'running' WHERE id = ?", [run]
        )
    _, findings, _ = doctor(product.data, "--offline")
    assert findings["Runs"]["level"] == "warning" and "1 stand still" in findings["Runs"]["detail"]


def test_a_large_journal_that_nothing_makes_smaller_is_named(tmp_path: Path) -> None:
    copy_schema(ROOT, tmp_path)
    with sqlite3.connect(tmp_path / "platform.sqlite3") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        for number in (7, 10_000_006):
            database.execute(
                "INSERT INTO agents_runevent VALUES (?, ?, 't', '2026-01-01', '{}', 'run')", [number, number]
            )
    database.close()
    journal = doctor(tmp_path)[1]["Journal"]
    assert journal["level"] == "warning" and "10,000,000" in journal["detail"] and "AAP_RUN_DAYS" in journal["advice"]
    journal = doctor(tmp_path, AAP_RUN_DAYS="365")[1]["Journal"]
    assert journal["level"] == "ok" and "by policy" in journal["detail"]


def test_a_disk_without_room_for_a_backup_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=1300) as disk:
        copy_schema(ROOT, disk)
        assert doctor(disk)[1]["Disk"]["level"] == "ok"
        os.truncate(disk / "platform.sqlite3", 700_000_000)  # a hole behind its last page, of which it knows nothing
        found = doctor(disk)[1]["Disk"]
        assert found["level"] == "warning" and "A backup may need 1.4 GB" in found["detail"] and found["advice"]
    with small_disk(tmp_path / "disk", megabytes=900) as disk:
        copy_schema(ROOT, disk)
        found = doctor(disk)[1]["Disk"]
        assert found["level"] == "warning" and "saving answers 507" in found["advice"]


def test_on_postgresql_the_disk_here_counts_where_backups_are_kept_on_it(tmp_path: Path) -> None:
    server = Postgres()
    try:
        with small_disk(tmp_path / "disk", megabytes=40) as disk:
            found = doctor(disk, DATABASE_URL=server.address)[1]["Disk"]
            assert found["level"] == "ok" and "cannot be seen from here" in found["detail"]
            (disk / "backups").mkdir()
            found = doctor(disk, DATABASE_URL=server.address)[1]["Disk"]
            assert found["level"] == "warning" and "A backup may need" in found["detail"]
    finally:
        server.close()
