"""What a process asks of a PostgreSQL server for its own connections."""

from __future__ import annotations

import pytest
from django.db import connection

from core.db import limit_transactions


def ask(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_nobody_holds_or_awaits_a_lock_for_long() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("locks of rows are PostgreSQL's")
    assert (ask("idle_in_transaction_session_timeout"), ask("lock_timeout")) == ("10s", "5s")
    limits = "transaction_timeout", "statement_timeout"
    assert [ask(name) for name in limits] == ["0", "0"], "a migration may take its time"
    connection.close()
    limit_transactions(statement_seconds=10)
    assert [ask(name) for name in limits] == ["15s", "10s"]
    connection.close()
    assert [ask(name) for name in limits] == ["15s", "10s"], "the pool's connection keeps it"
