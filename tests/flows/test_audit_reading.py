"""Reading the audit log: filters, pages, files, the badge; in the API and in the operator admin."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from accounts import services  # noqa: F401  # registers the kinds that are used here
from accounts.models import User
from audit.models import AuditEntry
from audit.record import write_entry
from audit.sealing import seal_entries
from core.authz import Actor
from core.clock import now
from core.ids import new_id
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api


def content(answer: Any) -> bytes:
    assert answer.streaming
    return b"".join(answer.streaming_content)


def test_each_filter_finds_its_entries(owner: Api, agent: dict[str, Any], make_person: Any, workspace: Any) -> None:
    viewer = make_person(workspace, "viewer")
    assert viewer.post("agents/", {"name": "N"}, X_Request_ID="wanted-request-1").status_code == 403
    renamed = owner.patch("", {"name": "Renamed"}, X_Request_ID="wanted-request-2")
    assert renamed.status_code == 200
    every = owner.get("audit/?limit=200").data["results"]
    moment = AuditEntry.objects.get(request_id="wanted-request-2").at

    def found(query: str) -> list[dict[str, Any]]:
        answer = owner.get(f"audit/?limit=200&{query}")
        assert answer.status_code == 200, answer.content
        return list(answer.data["results"])

    def those(check: Any) -> list[str]:
        return [row["id"] for row in every if check(row)]

    for query, check in (
        ("kind=agent.create", lambda row: row["kind"] == "agent.create"),
        ("outcome=denied", lambda row: row["outcome"] == "denied"),
        (f"actor={viewer.person.id}", lambda row: row["actor"]["id"] == viewer.person.id),
        ("target_type=agent", lambda row: row["target"] and row["target"]["type"] == "agent"),
        (f"target_id={agent['id']}", lambda row: row["target"] and row["target"]["id"] == agent["id"]),
        ("request_id=wanted-request-2", lambda row: row["request_id"] == "wanted-request-2"),
        (f"q={agent['id']}", lambda row: row["target"] and row["target"]["id"] == agent["id"]),
        ("q=agent.", lambda row: row["kind"].startswith("agent.")),
        ("q=wanted-request-1", lambda row: row["request_id"] == "wanted-request-1"),
        (f"since={moment:%Y-%m-%dT%H:%M:%S.%f}Z", lambda row: row["request_id"] == "wanted-request-2"),
        (f"until={moment:%Y-%m-%dT%H:%M:%S.%f}Z", lambda row: row["request_id"] != "wanted-request-2"),
        ("kind=agent.create&outcome=denied", lambda row: False),
    ):
        wanted = those(check)
        assert [row["id"] for row in found(query)] == wanted, query
        assert wanted or "denied&" in query or query.startswith("kind=agent.create&"), query
    for bad in ("kind=nothing", "outcome=x", "since=yesterday", "since=2026-01-01T00:00:00", "until=9999999", "nonsense=1",
                "since=2026-13-01T00:00:00Z", "since=0001-01-01T00:00:00%2B23:59"):  # fmt: skip
        assert owner.get(f"audit/?{bad}").status_code == 400, bad
    paged, cursor = [], ""
    while True:
        page = owner.get(f"audit/?limit=3{cursor}").data
        paged += page["results"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert paged == every


def test_another_workspaces_entries_stay_there(owner: Api, make_workspace: Any, make_person: Any) -> None:
    other = make_person(make_workspace("Other"), "owner")
    assert other.patch("", {"name": "Secret name"}).status_code == 200
    theirs = AuditEntry.objects.get(kind="workspace.update")
    for query in (
        f"q={theirs.pk}",
        f"actor={other.person.id}",
        f"target_id={theirs.target_id}",
        "kind=workspace.update",
    ):
        assert owner.get(f"audit/?{query}").data["results"] == []
        assert content(owner.get(f"audit/export/?{query}")) == b""


@pytest.mark.parametrize("danger", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "＝1"])
def test_asvs_1_2_10_a_spreadsheet_computes_nothing(owner: Api, workspace: Any, danger: str) -> None:
    actor = Actor("user", owner.person.id, "", workspace.pk, request_id=danger)
    write_entry(actor, kind="workspace.update", target=(danger[:40], danger[:40]), data={"name": danger})
    rows = list(csv.reader(io.StringIO(content(owner.get("audit/export/?file_format=csv")).decode(), newline="")))
    assert rows[0][0] == "id" and len(rows) >= 2
    for cell in (cell for row in rows for cell in row):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝")), cell
    assert f"'{danger}" in {cell for row in rows for cell in row}


def test_an_export_is_whole_streamed_and_an_entry_itself(owner: Api, workspace: Any) -> None:
    actor = Actor("user", owner.person.id, "", workspace.pk, ip="127.0.0.1")
    for number in range(1_203):
        write_entry(actor, kind="workspace.update", data={"number": number})
    answer = owner.get("audit/export/?kind=workspace.update")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/jsonl")
    assert answer["Content-Disposition"] == f'attachment; filename="audit-{workspace.slug}.jsonl"'
    assert answer["Cache-Control"] == "no-store"
    lines = [json.loads(line) for line in content(answer).splitlines()]
    assert [line["data"]["number"] for line in lines] == list(range(1_202, -1, -1))
    assert lines[0]["actor"]["label"] == owner.person.email and lines[0]["ip"] == "127.0.0.1"
    entry = AuditEntry.objects.get(kind="audit.export")
    assert (entry.actor_id, entry.data) == (owner.person.id, {"form": "jsonl", "filters": ["kind"]})
    assert owner.get("audit/export/?file_format=xml").status_code == 400


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("admin", 200), ("auditor", 200), ("builder", 403),
                                              ("viewer", 403)])  # fmt: skip
def test_who_may_export(make_person: Any, workspace: Any, role: str, status: int) -> None:
    person = make_person(workspace, role)
    assert person.get("audit/export/").status_code == status
    kinds = set(AuditEntry.objects.filter(actor_id=person.person.id).values_list("kind", "outcome"))
    assert (("audit.export", "done") in kinds) == (status == 200)
    assert (("access.denied", "denied") in kinds) == (status == 403)


def test_no_entry_no_export(owner: Api, settings: Any) -> None:
    settings.AUDIT_KEYS = {}
    assert owner.get("audit/export/").status_code == 500


def test_the_badge_is_red_while_entries_wait(owner: Api, workspace: Any) -> None:
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    while seal_entries():
        pass
    state = owner.get("audit/verify/?check=true").data
    assert (state["state"], state["problem"], state["unsealed_seconds"]) == ("good", "", 0.0)
    assert state["checked"]["good"] and json.loads(state["head"])["chains"] == {}
    assert "every entry is sealed" in operator.get("/admin/").content.decode()
    entry = AuditEntry(workspace=workspace, at=now() - timedelta(seconds=6), kind="workspace.update", outcome="done")
    from audit.writing import store_row

    store_row(entry)
    state = owner.get("audit/verify/").data
    assert state["state"] == "bad" and state["unsealed_seconds"] > 5 and "for their seal" in state["problem"]
    page = operator.get("/admin/").content.decode()
    assert "needs a look" in page and "Audit entries have been waiting" in page
    while seal_entries():
        pass
    state = owner.get("audit/verify/?check=true").data
    assert (state["state"], state["number"], state["checked"]["entries"]) == ("good", 1, 1)
    head = json.loads(state["head"])
    assert head["chains"] == {workspace.pk: {"number": 1, "digest": state["digest"]}}
    assert owner.get("audit/verify/?check=perhaps").status_code == 400


def test_a_head_can_be_checked_with_its_public_key_alone(owner: Api) -> None:
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    head = json.loads(owner.get("audit/verify/").data["head"])
    signature = base64.b64decode(head.pop("signature"))
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(head["public_key"]))
    public.verify(signature, json.dumps(head, sort_keys=True, separators=(",", ":")).encode())


def test_operators_verify_export_and_take_the_head(owner: Api, agent: dict[str, Any]) -> None:
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    while seal_entries():
        pass
    page = operator.get("/admin/audit/auditentry/verify/", follow=True).content.decode()
    assert "chains are as the product wrote them" in page
    lines = content(operator.get("/admin/audit/auditentry/export-jsonl/")).splitlines()
    assert len(lines) == AuditEntry.objects.count() - 1 or len(lines) == AuditEntry.objects.count()
    assert content(operator.get("/admin/audit/auditentry/export-csv/")).startswith(b'"id","at"')
    assert AuditEntry.objects.filter(kind="audit.export_all").count() == 2
    head = json.loads(operator.get("/admin/audit/auditentry/head/").content)
    assert owner.base and set(head["chains"]) >= {"installation"}
    for query in ("?q=agent.", f"?q={agent['id']}", "?outcome__exact=denied", f"?q={new_id('agt')}", "?q=%00"):
        assert operator.get(f"/admin/audit/auditentry/{query}").status_code in (200, 302), query
    half = Client()
    half.force_login(User.objects.create_user("staff@example.com", PASSWORD, is_staff=True))
    for path in ("verify", "export-jsonl", "export-csv", "head"):
        assert half.get(f"/admin/audit/auditentry/{path}/").status_code == 403
        assert Client().get(f"/admin/audit/auditentry/{path}/").status_code == 302


def test_the_kinds_that_the_filter_offers_are_those_it_takes(
    owner: Api, make_person: Any, workspace: Any, make_workspace: Any
) -> None:
    auditor, user = make_person(workspace, "auditor"), make_person(workspace, "user")
    stranger = make_person(make_workspace("South"), "owner")
    offered = auditor.get("audit/kinds/")
    assert offered.status_code == 200
    kinds = [one["kind"] for one in offered.data["results"]]
    assert kinds == sorted(set(kinds)) and all(one["meaning"] for one in offered.data["results"])
    assert {one["kind"] for one in owner.get("audit/?limit=200").data["results"]} <= set(kinds)
    for kind in ("run.start", "api_token.run_out", "access.denied", kinds[-1]):
        assert kind in kinds and owner.get(f"audit/?kind={kind}").status_code == 200
    assert user.get("audit/kinds/").status_code == 403
    assert stranger.call("GET", f"{owner.base}audit/kinds/").status_code == 404
