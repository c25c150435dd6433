"""Operators say for how long audit entries are kept; each change of a policy is an entry."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from audit.models import AuditEntry, AuditRetention
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD


def test_a_policy_is_made_changed_and_removed(workspace: Any) -> None:
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    base = "/admin/audit/auditretention/"
    assert operator.post(f"{base}add/", {"chain": workspace.pk, "days": 29}).status_code == 200, "30 days at least"
    assert operator.post(f"{base}add/", {"chain": "wsp_nothing", "days": 90}).status_code == 200
    assert not AuditRetention.objects.exists()
    assert operator.post(f"{base}add/", {"chain": workspace.pk, "days": 90}).status_code == 302
    assert operator.post(f"{base}{workspace.pk}/change/", {"days": 400}).status_code == 302
    assert AuditRetention.objects.get().days == 400
    assert operator.get(base).status_code == 200
    assert operator.post(f"{base}{workspace.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not AuditRetention.objects.exists()
    entries = AuditEntry.objects.filter(kind="audit.set_retention").order_by("id")
    assert [(row.workspace_id, row.data["days"]) for row in entries] == [
        (workspace.pk, days) for days in (90, 400, None)
    ]
