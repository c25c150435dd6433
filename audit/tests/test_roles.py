"""The roles that docs/audit.md gives for PostgreSQL, word for word: who serves cannot change the log, who cuts can cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit import retention
from audit.models import AuditCut, AuditEntry
from audit.sealing import seal_entries
from audit.verify import verify
from audit.writing import store_row
from core.authz import Actor
from core.clock import now
from tests import scratch
from tests.fixtures.people import Api

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not scratch.POSTGRES, reason="SQLite knows no roles"),
]
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
OPERATOR = Actor("system", None, "operator", None)


@pytest.fixture
def roles(db: None) -> Iterator[None]:
    (statements,) = re.findall(r"```sql\n(.*?)```", DOCUMENT.read_text(), re.S)
    with connection.cursor() as cursor:
        cursor.execute(statements)
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        for role in ("aap_app", "aap_retention"):
            cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@contextmanager
def role(name: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {name}")
        try:
            yield
        finally:
            cursor.execute("RESET ROLE")


def run(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_documented_roles(owner: Api, workspace: Any, roles: None) -> None:
    for days in (50, 45, 1):
        old = AuditEntry(workspace=workspace, at=now() - timedelta(days=days), kind="workspace.update", outcome="done")
        store_row(old)
    retention.set_retention(OPERATOR, chain=workspace.pk, days=30)
    with role("aap_app"):
        assert owner.patch("", {"name": "Served"}).status_code == 200
        assert owner.post("providers/", {"kind": "demo", "name": "Demo"}).status_code == 201
        while seal_entries():
            pass
        assert verify().good
        for sql in (
            "UPDATE audit_auditentry SET kind = 'x'",
            "DELETE FROM audit_auditentry",
            "TRUNCATE audit_auditentry",
            "UPDATE audit_auditseal SET digest = 'x'",
            "DELETE FROM audit_auditseal",
            "TRUNCATE audit_auditseal",
            "DELETE FROM audit_audithead",
            "INSERT INTO audit_auditcut SELECT * FROM audit_auditcut",
            "DELETE FROM audit_auditcut",
            "ALTER TABLE audit_auditentry DISABLE TRIGGER ALL",
            "DROP TABLE audit_auditseal",
            "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
        ):
            with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
                run(sql)
        assert not retention.may_cut()
        with pytest.raises(CommandError, match="may not delete audit entries"):
            call_command("audit_cut")
    with role("aap_retention"):
        for sql in (
            "UPDATE audit_auditentry SET kind = 'x'",
            "UPDATE audit_auditseal SET digest = 'x'",
            "DELETE FROM audit_auditcut",
            "DELETE FROM accounts_user",
        ):
            with pytest.raises(DatabaseError, match="permission denied"):
                run(sql)
        with pytest.raises(DatabaseError, match="by a recorded cut only"):
            run("DELETE FROM audit_auditentry")
        call_command("audit_cut")
    cut = AuditCut.objects.get()
    assert (cut.chain, cut.through, cut.removed) == (workspace.pk, 2, 2)
    while seal_entries():
        pass
    assert verify().good
