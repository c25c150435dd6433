"""What people and programs send that is wrong: a clear 400 on the field, nothing half-saved, never a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.ids import new_id
from tests.fixtures import front
from tests.fixtures.people import PASSWORD, Api

BAD_TEXTS = {
    "empty": "",
    "blank": "  \n\t ",
    "null character": "before\x00after",
    "half a surrogate pair": "before\ud800after",
    "a megabyte": "x" * 1_000_000,
    "one byte too long": "é" * 131_073,
    "a number": 7,
    "true": True,
    "a list": ["text"],
    "an object": {"text": "text"},
    "null": None,
}


def rows() -> dict[str, int]:
    """How many rows the tables of the house hold."""
    from django.apps import apps

    counted = ("accounts", "agents", "llm_providers")
    return {model.__name__: model.objects.count() for app in counted for model in apps.get_app_config(app).get_models()}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_incident_3_28_a_bad_message_is_refused_on_its_field(owner: Api, agent: dict[str, Any], text: Any) -> None:
    conversation = owner.post("conversations/", {"agent": agent["id"]}).data["id"]
    before = rows()
    answer = owner.post(f"conversations/{conversation}/messages/", {"text": text})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [item["field"] for item in answer.data["errors"]] == ["text"]
    assert answer.data["detail"]
    assert rows() == before


@pytest.mark.parametrize("size", [1, 102_400, 262_144])
def test_long_prompts_are_taken_whole(owner: Api, agent: dict[str, Any], size: int) -> None:
    conversation = owner.post("conversations/", {"agent": agent["id"]}).data["id"]
    text = ("Grüße, 世界 🌍 " * size)[:size]
    while len(text.encode()) > 262_144:
        text = text[: len(text) * 262_144 // len(text.encode())]
    answer = owner.post(f"conversations/{conversation}/messages/", {"text": text})
    assert answer.status_code == 202, answer.data
    event = owner.get(f"runs/{answer.data['run']}/events/").data["results"][0]["event"]
    assert event["input"]["text"] == text


BODIES = {
    "no JSON": b"{",
    "a list": b"[]",
    "a string": b'"text"',
    "a number": b"1",
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "NaN": b'{"text": NaN}',
    "very deep": b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep with a surrogate": b'{"text":"\\ud800","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "two documents": b"{}{}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_broken_bodies(owner: Api, agent: dict[str, Any], body: bytes) -> None:
    for path in ("agents/", "conversations/", "providers/", "runs/", "/api/v1/auth/token/"):
        answer = owner.call("POST", path, body)
        assert answer.status_code == 400, (path, answer.status_code)
        assert answer.data["code"] in ("malformed_json", "invalid"), answer.data


def test_unknown_fields_and_parameters_are_refused_by_name(owner: Api, agent: dict[str, Any]) -> None:
    answer = owner.post("agents/", {"name": "N", "is_staff": True, "workspace": "wsp_x", "owner": "usr_x"})
    assert answer.status_code == 400
    assert {item["field"] for item in answer.data["errors"]} == {"is_staff", "workspace", "owner"}
    assert {item["code"] for item in answer.data["errors"]} == {"unknown_field"}
    assert owner.get("agents/?owner__password__startswith=a").data["errors"][0]["code"] == "unknown_parameter"
    for query in ("limit=0", "limit=201", "limit=x", "limit=1&limit=2", "cursor=%00", "cursor=abc", "limit=%D9%A1"):
        assert owner.get(f"agents/?{query}").status_code == 400, query
    assert owner.get("runs/?status=nonsense").status_code == 400
    event_page = owner.get(f"runs/{new_id('run')}/events/?after=-1")
    assert event_page.status_code in (400, 404)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("name", "two\nlines"),
        ("name", 5),
        ("instructions", 5),
        ("instructions", "x" * 262_145),
        ("model", "mdl_nothing"),
        ("model", 5),
        ("tools", ["nothing"]),
        ("tools", "calculator"),
        ("tools", [5]),
        ("limits", {"max_steps": 0}),
        ("limits", {"max_steps": "5"}),
        ("limits", {"max_steps": True}),
        ("limits", {"max_cost": 1}),
        ("limits", {"max_cost": {"amount": 1.5}}),
        ("limits", {"max_cost": {"amount": "-1"}}),
        ("limits", {"max_cost": {"amount": "1e9"}}),
        ("limits", {"max_cost": {"amount": "1", "currency": "dollars"}}),
        ("limits", {"max_steps": 10**30}),
        ("limits", {"max_seconds": 1.5}),
        ("limits", {"unknown": 1}),
        ("limits", None),
        ("starters", ["x"] * 7),
    ],
)
def test_a_bad_agent_is_refused_and_the_old_one_kept(owner: Api, agent: dict[str, Any], field: str, value: Any) -> None:
    path = f"agents/{agent['id']}/"
    before = owner.get(path)
    for answer in (
        owner.patch(path, {field: value}, If_Match=before["ETag"]),
        owner.post("agents/", {"name": "N", field: value}),
    ):
        assert answer.status_code == 400, answer.data
        assert answer.data["errors"][0]["field"].split(".")[0] == field
    assert owner.get(path).content == before.content


def test_names_are_normalised(owner: Api) -> None:
    made = owner.post("agents/", {"name": "  Cafe\u0301  "})
    assert made.data["name"] == "Café"


def test_edits_need_the_present_text(owner: Api, agent: dict[str, Any]) -> None:
    path = f"agents/{agent['id']}/"
    etag = owner.get(path)["ETag"]
    assert owner.patch(path, {"description": "A"}).status_code == 428
    assert owner.patch(path, {"description": "A"}, If_Match=etag).status_code == 200
    late = owner.patch(path, {"description": "B"}, If_Match=etag)
    assert late.status_code == 412
    assert late.data["current"]["description"] == "A"
    assert owner.patch(path, {"description": "B"}, If_Match=late["ETag"]).data["description"] == "B"


def test_unchanged_reads_answer_304(owner: Api, agent: dict[str, Any]) -> None:
    for path in ("agents/", f"agents/{agent['id']}/", "providers/", "tools/", "/api/v1/me/"):
        first = owner.get(path)
        again = owner.get(path, If_None_Match=first["ETag"])
        assert (again.status_code, again.content) == (304, b"")


def test_an_idempotency_key_makes_one(owner: Api, agent: dict[str, Any]) -> None:
    body = {"agent": agent["id"], "input": {"text": "Once"}}
    first = owner.post("runs/", body, Idempotency_Key="k-1")
    again = owner.post("runs/", body, Idempotency_Key="k-1")
    assert first.status_code == again.status_code == 202
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"
    other = owner.post("runs/", {**body, "input": {"text": "Twice"}}, Idempotency_Key="k-1")
    assert (other.status_code, other.data["code"]) == (409, "idempotency_mismatch")
    assert len(owner.get("runs/").data["results"]) == 1
    assert owner.post("runs/", body, Idempotency_Key="x" * 256).status_code == 400


def test_a_refused_request_leaves_its_key_free_but_its_denial_written(
    owner: Api, agent: dict[str, Any], make_person: Any, workspace: Any
) -> None:
    viewer = make_person(workspace, "viewer")
    refused = viewer.post("agents/", {"name": "N"}, Idempotency_Key="k-2")
    assert refused.status_code == 403
    found = owner.get("audit/?outcome=denied").data["results"]
    assert [entry["actor"]["id"] for entry in found] == [viewer.person.id]
    bad = owner.post("agents/", {"name": ""}, Idempotency_Key="k-3")
    good = owner.post("agents/", {"name": "Good"}, Idempotency_Key="k-3")
    assert (bad.status_code, good.status_code) == (400, 201)


def test_every_status_has_one_shape(owner: Api, nobody: Api) -> None:
    answers = [
        owner.call("PUT", "agents/", {}),
        owner.call("POST", "agents/", b"{}", Content_Type="text/plain"),
        owner.get("agents/agt_nothing/"),
        owner.get("/api/v1/nowhere/"),
        owner.get("/api"),
        nobody.get("me/"),
        owner.get("agents/", Accept="application/xml"),
        owner.get("/api/v1/workspaces/nowhere/agents/"),
    ]
    for answer in answers:
        assert answer["Content-Type"] == "application/problem+json", answer.content
        assert {"type", "title", "status", "code", "detail", "request_id"} <= set(answer.data)
        assert answer.data["status"] == answer.status_code
        assert answer["X-Request-ID"] == answer.data["request_id"]
    assert [answer.status_code for answer in answers] == [405, 415, 404, 404, 404, 401, 406, 404]


def test_a_request_id_is_taken_over_only_when_well_formed(owner: Api) -> None:
    assert owner.get("agents/", X_Request_ID="client-chose-this")["X-Request-ID"] == "client-chose-this"
    for bad in ("short", "with space inside", "x" * 200, "<script>alert(1)</script>"):
        assert owner.get("agents/", X_Request_ID=bad)["X-Request-ID"].startswith("req_")


@pytest.mark.parametrize("host", ["evil.test", "localhost@evil.test", "evil.test/#@localhost", "", "a" * 300])
def test_incident_2_49_hostile_hosts(owner: Api, host: str) -> None:
    answer = owner.get("agents/", Host=host)
    assert answer.status_code == 400
    assert b"localhost" not in answer.content


@pytest.mark.parametrize("length", ["]", "-1", "\u00b2", "1e3", "0x10", "9" * 30])
def test_a_length_that_is_no_length(owner: Api, length: str) -> None:
    answer = owner.get("agents/", Content_Length=length)
    # A proxy does not read so long a number.
    assert answer.status_code == (413 if length.startswith("9") and front.door is None else 400)
    assert answer.data["request_id"] == answer["X-Request-ID"]


def test_a_second_set_up_is_refused(db: None, nobody: Api) -> None:
    from accounts.setup import issue_code

    body = {"code": issue_code(), "email": "First@Example.com", "password": PASSWORD, "workspace": "North"}
    assert nobody.post("setup/", {**body, "code": "wrong"}).data["code"] == "wrong_code"
    assert nobody.post("setup/", {**body, "password": "short"}).data["errors"][0]["field"] == "password"
    assert nobody.post("setup/", {**body, "email": ["a@example.com"]}).status_code == 400
    assert nobody.get("setup/").data == {"required": True, "single_sign_on": False}
    first = nobody.post("setup/", body)
    assert first.status_code == 201
    assert first.data["user"]["email"] == "first@example.com"
    assert nobody.get("setup/").data == {"required": False, "single_sign_on": False}
    again = nobody.post("setup/", {**body, "email": "second@example.com"})
    assert (again.status_code, again.data["code"]) == (409, "already_set_up")
    assert PASSWORD not in json.dumps(first.data)
