"""Nobody sets what is not theirs to set, and every change and refusal leaves one entry with its request and address."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from audit.action import ACTIONS
from audit.denials import counts_of
from audit.models import AuditEntry
from tests.architecture.test_matrix import BODIES, asked, company, fill, make_ready, share_with
from tests.architecture.test_routes import ROUTES
from tests.fixtures.people import Api

APPS = ("accounts", "agents", "llm_providers", "privacy", "audit")
FIELDS = sorted(
    {
        name
        for app in APPS
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.get_fields()
        for name in (field.name, getattr(field, "attname", field.name))
    }
    | {"is_staff", "is_superuser", "user_permissions", "groups", "tenant", "tenant_id", "workspaceId", "__proto__"}
)
DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "frontend" / "openapi.json").read_text())


def contract(route: str, method: str) -> set[str]:
    """The fields that the OpenAPI document says this operation takes."""
    path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    operation = DOCUMENT["paths"][path][method.lower()]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return set(schema.get("properties", {}))


@pytest.fixture
def world(owner: Api, agent: dict[str, Any], demo_model: str, make_person: Any, workspace: Any) -> dict[str, str]:
    make_person(workspace, "user")
    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}}).data
    provider = owner.get("providers/").data["results"][0]["id"]
    ids = {
        **company(owner, owner),
        "provider": provider,
        "model": demo_model,
        "agent_id": agent["id"],
        "number": "1",
        "conversation_id": run["conversation"],
        "run_id": run["id"],
        "decision_id": asked(run["id"]),
    }
    share_with(owner, owner, ids)
    return ids


def writes() -> list[tuple[str, str]]:
    found = []
    for route, view in ROUTES:
        cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
        for method in getattr(cls, "permissions", {}):
            # SCIM has to pass over attributes that it does not know; accounts/tests/test_scim.py tries them.
            if method in ("POST", "PATCH", "PUT") and not route.startswith("scim/"):
                found.append((route, method))
    return found


def dump() -> dict[str, list[Any]]:
    counted = [model for app in APPS[:4] for model in apps.get_app_config(app).get_models()]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in counted}


@pytest.mark.slow
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_g18_incident_2_14_no_field_of_a_model_can_be_smuggled_in(
    owner: Api, world: dict[str, str], method: str
) -> None:
    before = dump()
    for route in [one for one, with_method in writes() if with_method == method]:
        smuggle(owner, world, route, method)
        assert dump() == before, (route, method)


def smuggle(owner: Api, world: dict[str, str], route: str, method: str) -> None:
    """Each field that the operation does not take is refused by its name."""
    local = route.removeprefix("api/v1/workspaces/<str:workspace>/")
    body = fill(BODIES.get((local, method)) or {}, world)
    taken = contract(route, method)
    assert set(body) <= taken, (route, method)
    path = "/" + route if local == route else owner.base + fill(local, world)
    extra = [name for name in FIELDS if name not in taken]
    headers = {"If_Match": "*", "X_AAP_Client": "web"}
    for start in range(0, len(extra), 12):
        names = extra[start : start + 12]
        answer = owner.call(method, path, {**body, **dict.fromkeys(names, "smuggled")}, **headers)
        assert answer.status_code == 400, (route, method, answer.content)
        told = {item["field"]: item["code"] for item in answer.data["errors"]}
        assert {name: told.get(name) for name in names} == dict.fromkeys(names, "unknown_field"), (route, method)


def test_g23_each_change_leaves_one_entry_with_its_request_and_address(owner: Api, world: dict[str, str]) -> None:
    changes = [(route, method, body) for (route, method), body in BODIES.items() if route not in ("providers/check/",)]
    changes += [("conversations/<str:conversation_id>/", "DELETE", None), ("providers/<str:provider>/", "DELETE", None)]
    changes += [("agents/<str:agent_id>/", "DELETE", None)]
    seen = set()
    for number, (route, method, body) in enumerate(changes):
        if route == "agents/<str:agent_id>/publish/":
            owner.patch(f"agents/{world['agent_id']}/", {"instructions": f"{number}"}, If_Match="*")
        make_ready(route, world)
        before = set(AuditEntry.objects.values_list("pk", flat=True))
        request_id = f"audited-request-{number:04}"
        answer = owner.call(
            method, owner.base + fill(route, world), fill(body, world), If_Match="*", X_Request_ID=request_id
        )
        assert 200 <= answer.status_code < 300, (route, method, answer.content)
        assert answer["X-Request-ID"] == request_id
        rows = list(AuditEntry.objects.exclude(pk__in=before))
        # Connecting a provider also reads its models: an action of its own.
        main = [row for row in rows if not (row.kind == "provider.sync" and len(rows) > 1)]
        assert len(main) == 1, (route, method, [row.kind for row in rows])
        (row,) = main
        assert (row.request_id, row.ip, row.outcome) == (request_id, "127.0.0.1", "done"), (route, method)
        assert row.actor_id == owner.person.id and row.target_id and row.workspace_id
        assert row.kind in ACTIONS
        seen.add(row.kind)
    assert len(seen) >= 12


def test_a_refused_or_empty_change_leaves_no_entry_of_a_change(owner: Api, world: dict[str, str]) -> None:
    before = AuditEntry.objects.count()
    assert owner.post("agents/", {"name": ""}).status_code == 400
    assert owner.patch(f"agents/{world['agent_id']}/", {"model": "mdl_nothing"}, If_Match="*").status_code == 400
    assert owner.post(f"agents/{world['agent_id']}/publish/", {}).status_code == 409
    for path in ("agents/", "runs/", "audit/", f"runs/{world['run_id']}/"):
        assert owner.get(path).status_code == 200
    assert AuditEntry.objects.count() == before


@pytest.mark.slow
@pytest.mark.parametrize("role", ["viewer", "user", "auditor", "builder"])
def test_g23_each_denial_leaves_one_entry(
    owner: Api, world: dict[str, str], make_person: Any, workspace: Any, role: str
) -> None:
    person = make_person(workspace, role)
    denied = 0
    for number, ((route, method), body) in enumerate(BODIES.items()):
        before, told = set(AuditEntry.objects.values_list("pk", flat=True)), denials_told()
        request_id = f"denied-request-{number:04}"
        answer = person.call(
            method, owner.base + fill(route, world), fill(body, world), If_Match="*", X_Request_ID=request_id
        )
        rows = list(AuditEntry.objects.exclude(pk__in=before).filter(outcome="denied", first=""))
        assert denials_told() - told == (1 if answer.status_code == 403 else 0), (route, method)
        for row in rows:
            assert (row.request_id, row.ip, row.actor_id) == (request_id, "127.0.0.1", person.person.id)
            denied += 1
    assert denied >= 3


def denials_told() -> int:
    """How many denials the log tells of: one like an earlier one within the minute is counted with it."""
    return sum(counts_of(AuditEntry.objects.filter(outcome="denied", first="")).values())


def test_asvs_16_one_request_id_in_answer_run_audit_and_log(
    owner: Api, agent: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    from platform_site.logs import configure_logging

    configure_logging("INFO")
    try:
        request_id = "chosen-by-the-client-1"
        body = {"agent": agent["id"], "input": {"text": "Hello"}}
        answer = owner.post("runs/", body, X_Request_ID=request_id)
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    finally:
        configure_logging("WARNING")
    assert answer["X-Request-ID"] == request_id
    from agents.models import Run

    assert Run.objects.get(pk=answer.data["id"]).request_id == request_id
    assert AuditEntry.objects.get(kind="run.start").request_id == request_id
    assert owner.get(f"runs/{answer.data['id']}/events/").data["results"][0]["event"]["request_id"] == request_id
    (line,) = [line for line in lines if line["logger"] == "platform.access"]
    assert (line["request_id"], line["status"], line["method"]) == (request_id, 202, "POST")
    assert (line["user"], line["workspace"]) == (owner.person.pk, Run.objects.get().workspace_id)
    assert logging.getLogger().level == logging.WARNING


def test_asvs_16_4_1_a_path_cannot_forge_a_log_line(nobody: Api, capfd: pytest.CaptureFixture[str]) -> None:
    from platform_site.logs import configure_logging

    configure_logging("INFO")
    try:
        nobody.get('/api/v1/x%0a{"event":"forged"}%1b[31m\u2028')
        err = capfd.readouterr().err
    finally:
        configure_logging("WARNING")
    lines = [json.loads(line) for line in err.splitlines() if line]
    assert [line["event"] for line in lines if line.get("logger") == "platform.access"] == ["request"]
    assert not [line for line in lines if line["event"] == "forged"]
