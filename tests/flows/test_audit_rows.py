"""Audit entries are written once: no door changes or removes one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from audit.denials import counts_of, forget_denials
from audit.models import AuditEntry, OpenDenial
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import Api


@pytest.fixture
def entry(owner: Api) -> AuditEntry:
    assert owner.patch("", {"name": "Renamed"}).status_code == 200
    return AuditEntry.objects.get(kind="workspace.update")


def test_asvs_16_4_2_the_orm_refuses(entry: AuditEntry) -> None:
    before = list(AuditEntry.objects.order_by("id").values())
    entry.kind = "workspace.nothing"
    rows = AuditEntry.objects.filter(pk=entry.pk)
    for change in (
        entry.save,
        entry.delete,
        lambda: rows.update(kind="x"),
        lambda: rows.update(count=9, ip="10.0.0.1"),
        rows.delete,
        lambda: AuditEntry.objects.bulk_update([entry], ["kind"]),
        lambda: rows.update_or_create(pk=entry.pk, defaults={"kind": "x"}),
        AuditEntry.objects.all().delete,
        lambda: entry.workspace.delete(),
    ):
        with pytest.raises(Exception) as refused:  # TypeError here, ProtectedError for the workspace
            change()
        assert type(refused.value).__name__ in ("TypeError", "ProtectedError")
    assert list(AuditEntry.objects.order_by("id").values()) == before


def test_the_admin_refuses(entry: AuditEntry) -> None:
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", "a-long-password-1"))
    before = AuditEntry.objects.filter(pk=entry.pk).values().get()
    page = f"/admin/audit/auditentry/{entry.pk}/"
    assert operator.get(page + "change/").status_code == 200
    for answer in (
        operator.post(page + "change/", {"kind": "x"}),
        operator.post(page + "delete/", {"post": "yes"}),
        operator.post("/admin/audit/auditentry/add/", {"kind": "x"}),
    ):
        assert answer.status_code == 403
    operator.post(
        "/admin/audit/auditentry/", {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"}
    )
    assert AuditEntry.objects.filter(pk=entry.pk).values().get() == before


def test_the_api_offers_no_way(entry: AuditEntry, owner: Api) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert owner.call(method, "audit/", {"kind": "x"}).status_code == 405
        assert owner.call(method, f"audit/{entry.pk}/", {"kind": "x"}).status_code == 404


def test_repeats_of_a_denial_within_a_minute_are_one_entry(owner: Api, make_person: Any, workspace: Any) -> None:
    viewer = make_person(workspace, "viewer")
    for _ in range(3):
        assert viewer.post("agents/", {"name": "N"}).status_code == 403
    assert viewer.patch("", {"name": "N"}).status_code == 403
    denied = AuditEntry.objects.filter(outcome="denied", actor_id=viewer.person.id, first="").order_by("at")
    assert list(counts_of(denied).values()) == [3, 1]
    shown = owner.get("audit/?outcome=denied").data["results"]
    assert [row["count"] for row in shown] == [1, 3]
    # Each repeat is an entry of its own that names the first; it is shown with it, and never as one.
    assert list(AuditEntry.objects.exclude(first="").values_list("first", "count")) == [(denied[0].pk, 1)] * 2
    # Its minute is over: what comes then is a denial of its own.
    OpenDenial.objects.update(started_at=now() - timedelta(minutes=2))
    assert forget_denials() == 2
    assert viewer.post("agents/", {"name": "N"}).status_code == 403
    assert [row["count"] for row in owner.get("audit/?outcome=denied").data["results"]] == [1, 1, 3]
    # A random id is no denial: nothing is written for it.
    assert owner.get("agents/agt_01m81w1te3ebnsg1cyfgwxw6st/").status_code == 404
    assert not AuditEntry.objects.filter(outcome="denied", actor_id=owner.person.id).exists()
