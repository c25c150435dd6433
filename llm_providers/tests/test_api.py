"""Providers and models over HTTP, with the demo provider and addresses where nobody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_providers.models import LanguageModel, Provider, ProviderCredential
from tests.fixtures import front

KEY = "sk-canary-1234567890abcdWXYZ"
DEAD = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _allowed(may_reach: Callable[..., None], request: pytest.FixtureRequest) -> None:
    may_reach("127.0.0.1:9", "localhost:9")
    if front.door is None:  # the installation behind nginx was started so
        request.getfixturevalue("settings").OLLAMA_BASE_URL = DEAD


def test_the_demo_provider_connects_and_offers_a_free_model(owner: Any) -> None:
    made = owner.post("providers/", {"kind": "demo", "name": "Demo"})
    assert made.status_code == 201, made.content
    assert made.data["health"]["state"] == "ok"
    assert made.data["model_count"] == 1
    assert made.data["key_hint"] is None
    (model,) = owner.get("models/?enabled=true").data["results"]
    assert model["name"] == "demo"
    assert model["provider"] == made.data["id"]
    assert model["capabilities"] == {"tools": True, "reasoning": False, "vision": False}
    assert model["context_window"] == 32768
    assert model["price"] == {
        "input": {"amount": "0", "currency": "USD"},
        "output": {"amount": "0", "currency": "USD"},
    }
    assert owner.post(f"providers/{made.data['id']}/test/").data == {
        "ok": True,
        "detail": "Connected: 1 model.",
        "models": ["demo"],
        "field": None,
    }


def test_a_provider_that_is_down_is_created_with_failing_health_and_no_key_in_any_answer(owner: Any) -> None:
    made = owner.post(
        "providers/", {"kind": "openai_compatible", "name": "Down", "base_url": DEAD + "/v1", "api_key": KEY}
    )
    assert made.status_code == 201, made.content
    assert made.data["health"]["state"] == "failing"
    assert "No connection" in made.data["health"]["detail"]
    assert made.data["key_hint"] == "…WXYZ"
    listed = owner.get("providers/")
    assert KEY not in listed.content.decode() + made.content.decode()
    stored = ProviderCredential.objects.get()
    assert stored.secret.startswith("enc:v1:")
    assert KEY not in stored.secret


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"kind": "nope", "name": "x"}, "kind", "invalid_choice"),
        ({"kind": "openai", "name": "x"}, "api_key", "required"),
        ({"kind": "openai_compatible", "name": "x"}, "base_url", "required"),
        ({"kind": "openai_compatible", "name": "x", "base_url": "http://169.254.169.254/"}, "base_url", "not_allowed"),
        ({"kind": "openai_compatible", "name": "x", "base_url": "ftp://a.example"}, "base_url", "not_allowed"),
        ({"kind": "openai_compatible", "name": "x", "base_url": "https://u:p@a.example"}, "base_url", "not_allowed"),
        ({"kind": "openai", "name": "x", "api_key": "a b c"}, "api_key", "invalid"),
        ({"kind": "openai", "name": "x", "api_key": "abc\ndef"}, "api_key", "invalid"),
        ({"kind": "demo", "name": "x", "options": {"nope": 1}}, "options.nope", "unknown_option"),
        ({"kind": "ollama", "name": "x", "options": {"num_ctx": "many"}}, "options.num_ctx", "invalid"),
        ({"kind": "demo", "name": ""}, "name", "blank"),
        ({"kind": "demo", "name": "x", "more": 1}, "more", "unknown_field"),
        ({"kind": "openai", "name": "x", "use_environment_key": True}, "use_environment_key", "not_found"),
    ],
)
@pytest.mark.parametrize("path", ["providers/", "providers/check/"])
def test_wrong_input_is_a_400_on_its_field(owner: Any, body: dict[str, Any], field: str, code: str, path: str) -> None:
    if path.endswith("check/") and field == "name":
        pytest.skip("a check needs no name")
    answer = owner.post(path, body)
    assert answer.status_code == 400, answer.content
    assert (field, code) in [(e["field"], e["code"]) for e in answer.data["errors"]]
    assert not Provider.objects.exists()


def test_incident_2_44_the_servers_own_key_goes_to_the_vendors_own_address_only(owner: Any, settings: Any) -> None:
    settings.VENDOR_ENVIRONMENT = {"OPENAI_API_KEY": KEY}
    body = {"kind": "openai", "name": "x", "use_environment_key": True, "base_url": DEAD}
    answer = owner.post("providers/", body)
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "base_url"


def test_incident_2_42_a_changed_origin_needs_the_key_again(owner: Any) -> None:
    made = owner.post(
        "providers/", {"kind": "openai_compatible", "name": "A", "base_url": DEAD + "/v1", "api_key": KEY}
    )
    path, tag = f"providers/{made.data['id']}/", made.headers["ETag"]
    assert owner.patch(path, {"name": "B"}).status_code == 428
    assert owner.patch(path, {"name": "B"}, if_match='"0"').status_code == 412
    moved = owner.patch(path, {"base_url": "http://localhost:9/v1"}, if_match=tag)
    assert moved.status_code == 400
    assert (moved.data["errors"][0]["field"], moved.data["errors"][0]["code"]) == ("api_key", "key_required")
    same = owner.patch(path, {"base_url": DEAD + "/v2"}, if_match=tag)
    assert same.status_code == 200, same.content
    again = owner.patch(path, {"base_url": "http://localhost:9/v1", "api_key": KEY}, if_match=same.headers["ETag"])
    assert again.status_code == 200, again.content
    assert ProviderCredential.objects.get().origin == "http://localhost:9"


def test_a_health_check_between_reading_and_saving_is_no_conflict(owner: Any) -> None:
    made = owner.post("providers/", {"kind": "demo", "name": "Demo"})
    path, tag = f"providers/{made.data['id']}/", made.headers["ETag"]
    owner.post(path + "test/")
    assert owner.get(path).headers["ETag"] != tag
    assert owner.patch(path, {"name": "Other"}, if_match=tag).status_code == 200
    assert owner.patch(path, {"name": "Third"}, if_match=tag).status_code == 412


def test_names_are_unique_in_a_workspace_only(owner: Any, make_workspace: Any, make_person: Any) -> None:
    assert owner.post("providers/", {"kind": "demo", "name": "Demo"}).status_code == 201
    again = owner.post("providers/", {"kind": "demo", "name": "Demo"})
    assert (again.status_code, again.data["errors"][0]["code"]) == (400, "taken")
    other = make_person(make_workspace("South"), "owner")
    assert other.post("providers/", {"kind": "demo", "name": "Demo"}).status_code == 201


def test_a_strangers_provider_and_model_are_404_everywhere(owner: Any, make_workspace: Any, make_person: Any) -> None:
    made = owner.post("providers/", {"kind": "demo", "name": "Demo"})
    model = owner.get("models/").data["results"][0]["id"]
    other = make_person(make_workspace("South"), "owner")
    for path in (
        f"providers/{made.data['id']}/",
        f"providers/{made.data['id']}/test/",
        f"providers/{made.data['id']}/sync/",
    ):
        call = other.get if path.count("/") == 2 else other.post
        assert call(path).status_code == 404
    assert other.patch(f"providers/{made.data['id']}/", {"name": "x"}, if_match="*").status_code == 404
    assert other.delete(f"providers/{made.data['id']}/").status_code == 404
    assert other.patch(f"models/{model}/", {"enabled": False}).status_code == 404
    assert other.get("models/").data["results"] == []
    assert other.get(f"models/?provider={made.data['id']}").data["results"] == []


@pytest.mark.parametrize(("role", "sees", "edits"), [("admin", 200, 201), ("builder", 200, 403), ("user", 403, 403)])
def test_roles(workspace: Any, make_person: Any, role: str, sees: int, edits: int) -> None:
    person = make_person(workspace, role)
    assert person.get("providers/").status_code == sees
    assert person.get("models/").status_code == 200
    assert person.post("providers/", {"kind": "demo", "name": "Demo"}).status_code == edits
    if edits == 403:
        assert person.post("providers/check/", {"kind": "demo"}).status_code == 403
        assert person.get("providers/discovered/").status_code == 403


def test_models_are_switched_off_renamed_and_found(owner: Any) -> None:
    owner.post("providers/", {"kind": "demo", "name": "Demo"})
    model = owner.get("models/").data["results"][0]
    changed = owner.patch(f"models/{model['id']}/", {"enabled": False, "label": "Mine"})
    assert (changed.data["enabled"], changed.data["label"], changed.data["usable"]) == (False, "Mine", False)
    assert owner.get("models/?enabled=true").data["results"] == []
    assert len(owner.get("models/?enabled=false").data["results"]) == 1
    assert owner.patch(f"models/{model['id']}/", {"enabled": "no"}).status_code == 400


def test_a_sync_keeps_ids_and_marks_what_is_gone(owner: Any) -> None:
    made = owner.post("providers/", {"kind": "demo", "name": "Demo"})
    provider = Provider.objects.get()
    before = LanguageModel.objects.get()
    old = LanguageModel.objects.create(workspace=provider.workspace, provider=provider, name="older")
    owner.post(f"providers/{made.data['id']}/sync/")
    old.refresh_from_db()
    assert old.gone_at is not None
    assert [m["id"] for m in owner.get("models/").data["results"]] == [before.id]


def test_discovered_and_kinds(owner: Any, settings: Any) -> None:
    settings.VENDOR_ENVIRONMENT = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": "short"}
    found = owner.get("providers/discovered/")
    assert KEY not in found.content.decode()
    by_kind = {item["kind"]: item for item in found.data["results"]}
    assert by_kind["ollama"]["reachable"] is False
    assert by_kind["openai"]["key_hint"] == "…WXYZ"
    assert by_kind["anthropic"]["key_hint"] is None
    assert by_kind["demo"]["models"] == ["demo"]
    kinds = {kind["kind"]: kind for kind in owner.get("providers/kinds/").data["results"]}
    assert kinds["openai"]["needs_key"] is True
    assert kinds["azure_openai"]["needs_base_url"] is True
    assert kinds["ollama"]["default_base_url"] == DEAD


def test_deleting_a_provider_takes_key_and_models_along(owner: Any) -> None:
    made = owner.post("providers/", {"kind": "openai_compatible", "name": "A", "base_url": DEAD, "api_key": KEY})
    assert owner.delete(f"providers/{made.data['id']}/").status_code == 204
    assert not ProviderCredential.objects.exists()
    assert owner.get(f"providers/{made.data['id']}/").status_code == 404


def test_lists_ask_the_database_a_fixed_number_of_times(
    owner: Any, django_assert_max_num_queries: Any, workspace: Any
) -> None:
    for number in range(12):
        provider = Provider.objects.create(workspace=workspace, kind="demo", name=f"P{number}")
        LanguageModel.objects.create(workspace=workspace, provider=provider, name="demo")
    with django_assert_max_num_queries(8):
        assert len(owner.get("models/").data["results"]) == 12
    with django_assert_max_num_queries(7):
        assert len(owner.get("providers/").data["results"]) == 12
