"""What a person may take along, what is left once they are forgotten, and what a workspace lets go of by itself."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from agents.models import Agent, Conversation, Message, Run, RunEvent
from core.clock import now
from core.ids import new_id
from llm_providers.models import UsageRecord
from privacy import erasure, retention
from privacy.models import Erasure, Retention
from tests.fixtures.people import Api, new_model

CANARY = "zq7-canary-person"


def talk(api: Api, agent: str, text: str, *, ended: str = "succeeded", days_ago: float = 0) -> Run:
    """A run that has ended, as its journal and projection would have it, without a worker."""
    answer = api.post("runs/", {"agent": agent, "input": {"text": text}})
    assert answer.status_code == 202, answer.content
    run = Run.objects.get(pk=answer.data["id"])
    moment = now() - timedelta(days=days_ago)
    Run.objects.filter(pk=run.pk).update(
        status=ended, created_at=moment - timedelta(minutes=1), ended_at=moment, output_text=f"{text}, said back"
    )
    Message.objects.create(
        id=new_id("msg"), conversation_id=run.conversation_id, run=run, seq=90, role="assistant",
        text=f"{text}, said back", finish="stop", at=moment,
    )  # fmt: skip
    Conversation.objects.filter(pk=run.conversation_id).update(active_at=moment)
    run.refresh_from_db()
    return run


def prove(api: Api) -> None:
    """A fresh proof of who one is, as after a sign-in."""
    from accounts.models import LoginSession

    LoginSession.objects.filter(user=api.person).update(proved_at=now())


@pytest.fixture
def person(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "builder", email=f"{CANARY}@example.com")
    assert api.patch("/api/v1/me/", {"name": f"Name {CANARY}"}).status_code == 200
    prove(api)
    return api


# --- A person's own copy ----------------------------------------------------------------------------------------------


def test_the_copy_holds_what_is_theirs_and_nothing_of_others(
    owner: Api, person: Api, agent: dict[str, Any], workspace: Any
) -> None:
    talk(person, agent["id"], "mine: äöü 😀 </script> ../../etc")
    theirs = talk(owner, agent["id"], "somebody else's secret")
    thread = f"conversations/{theirs.conversation_id}/"
    assert owner.post(f"{thread}grants/", {"grantee": person.person.pk, "level": "run"}).status_code == 201
    elsewhere = person.post(f"{thread}messages/", {"text": "said in theirs"}).data["run"]
    assert person.post("agents/", {"name": "Mine"}).status_code == 201
    for api in (owner, person):
        UsageRecord.objects.create(
            workspace=workspace, user=api.person.pk, model_name=f"of {api.person.pk}", provider_kind="demo",
            outcome="ok", at=now(),
        )  # fmt: skip
    Conversation.objects.filter(owner=person.person).update(title="../../../etc/passwd: a title")
    answer = person.post("/api/v1/me/export/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    content = b"".join(answer.streaming_content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert all(not name.startswith("/") and ".." not in name for name in names)
        (chat,) = [name for name in names if name.startswith("conversations/") and name.endswith(".json")]
        found = json.loads(archive.read(chat))
        assert [message["text"] for message in found["messages"]][-1] == "mine: äöü 😀 </script> ../../etc, said back"
        assert "mine: äöü" in archive.read(chat.replace(".json", ".md")).decode()
        assert [run["id"] for run in json.loads(archive.read("runs-elsewhere.json"))] == [elsewhere], "no run twice"
        assert [one["name"] for one in json.loads(archive.read("agents.json"))] == ["Mine"]
        assert [one["model_name"] for one in json.loads(archive.read("usage.json"))] == [f"of {person.person.pk}"]
        profile = json.loads(archive.read("profile.json"))
        assert profile["email"] == f"{CANARY}@example.com"
        everything = b"".join(archive.read(name) for name in names)
        assert b"somebody else" not in everything
        assert b"argon2" not in everything
        entries = [json.loads(line) for line in archive.read("audit.jsonl").splitlines()]
        assert {"profile.update", "run.start", "person.export"} <= {entry["kind"] for entry in entries}
        assert all(entry["by_you"] or entry["target"]["id"] == person.person.pk for entry in entries)


def test_a_copy_and_an_erasure_need_a_fresh_proof(person: Api) -> None:
    from accounts.models import LoginSession

    LoginSession.objects.filter(user=person.person).update(proved_at=now() - timedelta(hours=1))
    for path, body in (("/api/v1/me/export/", {}), ("/api/v1/me/erase/", {"confirm": person.person.email})):
        answer = person.post(path, body)
        assert answer.status_code == 403, answer.content
    assert not Erasure.objects.exists()
    prove(person)
    assert person.post("/api/v1/me/export/").status_code == 200


def test_a_copy_is_read_in_pieces(person: Api, agent: dict[str, Any], django_assert_max_num_queries: Any) -> None:
    for number in range(3):
        talk(person, agent["id"], f"number {number}")
    answer = person.post("/api/v1/me/export/")
    pieces = list(answer.streaming_content)
    assert len(pieces) > 8, "one piece for each file, not one for all"


# --- Erasure ----------------------------------------------------------------------------------------------------------


def everything_stored() -> str:
    """Every value of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(found)


def test_g24_an_erased_person_leaves_no_personal_string(
    owner: Api, person: Api, agent: dict[str, Any], make_person: Any, workspace: Any
) -> None:
    other = make_person(workspace, "builder")
    talk(person, agent["id"], f"I am {CANARY}")
    mine = person.post("agents/", {"name": "Mine"}).data["id"]
    open_run = other.post("runs/", {"agent": agent["id"], "input": {"text": "still going"}}).data["id"]
    ended = talk(other, agent["id"], "of somebody else")
    theirs = other.post("agents/", {"name": "Theirs"}).data["id"]
    shared = talk(other, agent["id"], "begun in a thread of the person's")
    Conversation.objects.filter(pk=shared.conversation_id).update(owner=person.person)
    assert CANARY in everything_stored()
    answer = person.post("/api/v1/me/erase/", {"confirm": f"{CANARY.upper()}@Example.com"})
    assert answer.status_code == 202, answer.content
    assert person.get("/api/v1/me/").status_code == 401, "access ends with the wish"
    assert erasure.erase(answer.data["id"])
    left = [line[:300] for line in everything_stored().splitlines() if CANARY in line]
    assert not left, "\n".join(left)
    assert Agent.objects.get(pk=mine).owner_id == owner.person.pk, "the workspace keeps its agents"
    assert Agent.objects.get(pk=theirs).owner_id == other.person.pk
    assert set(Run.objects.values_list("pk", flat=True)) == {open_run, ended.pk}, "what others began goes on and stays"
    assert Run.objects.get(pk=open_run).cancel_requested_at is None
    proof = Api(None, "/api/v1/").post("erasures/proof/", {"code": answer.data["code"]})
    assert proof.status_code == 200
    assert (proof.data["state"], proof.data["genuine"]) == ("done", True)
    assert proof.data["deleted"]["runs"] == 2
    assert proof.data["subject"] == person.person.pk


def test_a_proof_that_was_changed_is_not_genuine(owner: Api, person: Api) -> None:
    answer = person.post("/api/v1/me/erase/", {"confirm": person.person.email})
    erasure.erase(answer.data["id"])
    row = Erasure.objects.get()
    assert erasure.is_genuine(row)
    for field, value in (("subject", new_id("usr")), ("finished_at", now()), ("deleted", {"runs": 9})):
        changed = Erasure.objects.get()
        setattr(changed, field, value)
        assert not erasure.is_genuine(changed), field
    for code in ("", "x", "0" * 32, "💥"):
        assert Api(None, "/api/v1/").post("erasures/proof/", {"code": code}).status_code in (400, 404)


def test_an_open_run_ends_before_anything_is_deleted(owner: Api, person: Api, agent: dict[str, Any]) -> None:
    run = person.post("runs/", {"agent": agent["id"], "input": {"text": "still going"}}).data["id"]
    answer = person.post("/api/v1/me/erase/", {"confirm": person.person.email})
    assert Run.objects.get(pk=run).cancel_requested_at is not None
    assert not erasure.erase(answer.data["id"])
    assert RunEvent.objects.filter(run_id=run).exists()
    assert answer.data["id"] in erasure._due(10)
    Run.objects.filter(pk=run).update(status="cancelled", ended_at=now())
    assert erasure.erase(answer.data["id"])
    assert erasure.erase(answer.data["id"]), "again does no harm"
    assert not Run.objects.filter(pk=run).exists()
    assert not erasure._due(10)


def test_whoever_others_depend_on_is_told_what_to_do_first(owner: Api, make_person: Any, workspace: Any) -> None:
    other = make_person(workspace, "user")
    prove(owner)
    refused = owner.post("/api/v1/me/erase/", {"confirm": owner.person.email})
    assert (refused.status_code, refused.data["code"]) == (409, "sole_owner")
    assert owner.get("agents/").status_code == 200, "nothing was done"
    make_person(workspace, "owner")
    type(owner.person).objects.filter(pk=owner.person.pk).update(is_superuser=True)
    refused = owner.post("/api/v1/me/erase/", {"confirm": owner.person.email})
    assert (refused.status_code, refused.data["code"]) == (409, "last_operator")
    type(owner.person).objects.filter(pk=other.person.pk).update(is_superuser=True)
    assert owner.post("/api/v1/me/erase/", {"confirm": owner.person.email}).status_code == 202


def test_a_workspace_of_one_goes_with_its_person(
    owner: Api, agent: dict[str, Any], workspace: Any, make_person: Any, make_workspace: Any
) -> None:
    kept = new_model(make_person(make_workspace("South"), "owner"))
    talk(owner, agent["id"], "alone")
    prove(owner)
    answer = owner.post("/api/v1/me/erase/", {"confirm": owner.person.email})
    assert answer.status_code == 202, answer.content
    assert erasure.erase(answer.data["id"])
    workspace.refresh_from_db()
    assert workspace.name == "Erased"
    for model in ("agents.Agent", "agents.Conversation", "llm_providers.Provider", "llm_providers.LanguageModel"):
        assert not apps.get_model(model).objects.filter(workspace=workspace).exists(), model
    assert apps.get_model("llm_providers.LanguageModel").objects.filter(pk=kept).exists(), "another workspace's"


@pytest.mark.parametrize("confirm", ["", "someone@else.example", None, 7, ["a"]])
def test_a_slip_of_the_hand_erases_nobody(person: Api, confirm: Any) -> None:
    assert person.post("/api/v1/me/erase/", {"confirm": confirm}).status_code == 400
    assert not Erasure.objects.exists()
    assert person.get("/api/v1/me/").status_code == 200


# --- Retention --------------------------------------------------------------------------------------------------------


def due(workspace: Any) -> dict[str, int]:
    policy = Retention.objects.get(workspace=workspace)
    Retention.objects.filter(pk=policy.pk).update(next_at=now())
    assert retention._due(10) == [policy.pk]
    return retention.apply_retention(policy.pk)


def test_what_is_older_than_the_policy_goes(owner: Api, agent: dict[str, Any], workspace: Any) -> None:
    old, young = (talk(owner, agent["id"], f"{days} days", days_ago=days) for days in (40, 5))
    assert owner.get("retention/").data["conversation_days"] is None
    assert due(workspace) == {}, "nothing goes without a policy"
    changed = owner.patch("retention/", {"conversation_days": 30})
    assert changed.status_code == 200
    assert due(workspace) == {"conversations": 1}
    assert [row.pk for row in Run.objects.all()] == [young.pk]
    assert not RunEvent.objects.filter(run_id=old.pk).exists()
    assert owner.get(f"runs/{old.pk}/").status_code == 404
    kinds = {row["kind"] for row in owner.get("audit/").data["results"]}
    assert {"retention.edit", "retention.apply"} <= kinds


def test_runs_and_usage_go_by_days_of_their_own(owner: Api, agent: dict[str, Any], workspace: Any) -> None:
    old = talk(owner, agent["id"], "old run", days_ago=20)
    UsageRecord.objects.create(
        workspace=workspace, model_name="m", provider_kind="demo", outcome="ok", at=now() - timedelta(days=400)
    )
    owner.patch("retention/", {"run_days": 10, "usage_days": 365})
    assert due(workspace) == {"runs": 1, "usage": 1}
    assert Conversation.objects.filter(pk=old.conversation_id).exists(), "the conversation itself stays"
    assert due(workspace) == {}


def test_a_run_that_goes_on_is_never_deleted(owner: Api, agent: dict[str, Any], workspace: Any) -> None:
    run = talk(owner, agent["id"], "waits for somebody", ended="waiting", days_ago=90)
    Conversation.objects.filter(pk=run.conversation_id).update(deleted_at=now() - timedelta(days=90))
    owner.patch("retention/", {"conversation_days": 1, "run_days": 1, "trash_days": 1})
    assert due(workspace) == {}
    assert Run.objects.filter(pk=run.pk).exists()


def test_the_trash_is_emptied(owner: Api, agent: dict[str, Any], workspace: Any) -> None:
    run = talk(owner, agent["id"], "thrown away")
    assert owner.delete(f"conversations/{run.conversation_id}/").status_code == 204
    owner.get("retention/")
    assert due(workspace) == {}
    Conversation.objects.update(deleted_at=now() - timedelta(days=31))
    assert due(workspace) == {"trash": 1}
    assert not Run.objects.exists()


def test_another_workspaces_things_stay(
    owner: Api, agent: dict[str, Any], workspace: Any, make_person: Any, make_workspace: Any
) -> None:
    talk(owner, agent["id"], "ours", days_ago=90)
    thrown_away = talk(owner, agent["id"], "in our trash", days_ago=90)
    Conversation.objects.filter(pk=thrown_away.conversation_id).update(deleted_at=now() - timedelta(days=90))
    UsageRecord.objects.create(
        workspace=workspace, model_name="m", provider_kind="demo", outcome="ok", at=now() - timedelta(days=400)
    )
    elsewhere = make_workspace("Elsewhere")
    stranger = make_person(elsewhere, "owner")
    stranger.patch("retention/", {"conversation_days": 1, "run_days": 1, "usage_days": 1, "trash_days": 1})
    assert due(elsewhere) == {}
    assert (Run.objects.count(), UsageRecord.objects.count()) == (2, 1)


@pytest.mark.parametrize("value", [0, -1, 10**9, "many", 1.5, [], {}, True])
def test_days_that_are_none_are_refused(owner: Api, value: Any) -> None:
    answer = owner.patch("retention/", {"conversation_days": value})
    if value is True:
        assert answer.status_code in (200, 400)
        return
    assert answer.status_code == 400
    assert answer.data["errors"][0]["field"] == "conversation_days"
    assert owner.get("retention/").data["conversation_days"] is None


@pytest.mark.parametrize("role", ["builder", "user", "viewer"])
def test_only_who_may_sees_and_changes_it(make_person: Any, workspace: Any, owner: Api, role: str) -> None:
    person = make_person(workspace, role)
    assert person.get("retention/").status_code == 403
    assert person.patch("retention/", {"run_days": 1}).status_code == 403
    assert owner.get("retention/").data["run_days"] is None
