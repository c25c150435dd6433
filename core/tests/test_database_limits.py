"""What a process asks of a PostgreSQL server for its own connections."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import scratch

# In a process of its own: what it sets holds for all connections that the process ever makes.
ASK = """
import json, django
django.setup()
from django.db import connection
from core.db import limit_transactions

NAMES = "idle_in_transaction_session_timeout", "lock_timeout", "transaction_timeout", "statement_timeout"

def ask():
    with connection.cursor() as cursor:
        return [str(cursor.execute(f"SHOW {name}").fetchone()[0]) for name in NAMES]

said = [ask()]
connection.close()
limit_transactions(statement_seconds=10)
for _ in range(2):
    said.append(ask())
    connection.close()
print(json.dumps(said))
"""


@pytest.mark.skipif(not scratch.POSTGRES, reason="locks of rows are PostgreSQL's")
@pytest.mark.django_db
def test_nobody_holds_or_awaits_a_lock_for_long(tmp_path: Path) -> None:
    whole = {
        "DATABASE_URL": scratch.POSTGRES,
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "platform_site.settings.local",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, **whole},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    command, served, again = json.loads(done.stdout)
    assert command == ["10s", "5s", "0", "0"], "a migration may take its time"
    assert served == ["10s", "5s", "15s", "10s"]
    assert again == served, "the pool's connection keeps it"
