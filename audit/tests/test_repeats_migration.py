"""An installation that was counting a denial's repeats in a column when it was updated keeps the number."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audit.denials import counts_of
from audit.models import AuditEntry
from audit.sealing import seal_entries
from audit.verify import verify
from tests.fixtures.people import Api

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_repeats_that_were_being_counted_are_written_down(owner: Api, make_person: Any, workspace: Any) -> None:
    viewer = make_person(workspace, "viewer")
    assert viewer.post("agents/", {"name": "N"}).status_code == 403
    assert viewer.patch("", {"name": "N"}).status_code == 403
    counted, once = AuditEntry.objects.filter(outcome="denied").order_by("at")
    try:
        MigrationExecutor(connection).migrate([("audit", "0005_plain_names")])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE audit_opendenial SET repeats = 6 WHERE entry_id = %s", [counted.pk])
    finally:
        call_command("migrate", "audit", verbosity=0)
    assert counts_of([counted, once]) == {counted.pk: 7, once.pk: 1}
    while seal_entries():
        pass
    assert verify().good
    assert viewer.post("agents/", {"name": "N"}).status_code == 403
    assert counts_of([counted]) == {counted.pk: 8}
