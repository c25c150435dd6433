"""What somebody may no longer do ends: their runs stop in the transaction that took the right away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import operations
from accounts.models import ApiTokenObject, Membership
from accounts.personal import close_account
from accounts.roles import NOT_FOR_TOKENS, ROLE_PERMISSIONS, Role
from agents.models import Interjection, Run
from agents.runtime.loading import read_interjections
from agents.services.interjections import follow_up
from agents.services.standing import end_token, tokens_over
from audit.models import AuditEntry
from core.authz import Actor
from core.clock import now
from tests.fixtures.houses import Issuer, approve, connect, fresh_browser, through
from tests.fixtures.people import Api
from tests.flows.test_api_tokens import make_token, put


def member(api: Any) -> str:
    return str(Membership.objects.get(user=api.person).pk)


@pytest.mark.parametrize("how", ["removed", "demoted", "role emptied", "disabled"])
def test_incident_2_53_a_revoked_persons_runs_stop(
    workspace: Any, owner: Any, make_person: Any, agent: Any, how: str
) -> None:
    person, other = make_person(workspace, "user"), make_person(workspace, "user")
    if how == "role emptied":
        role = owner.post("roles/", {"name": "R", "permissions": sorted(ROLE_PERMISSIONS[Role.USER])}).data["id"]
        for one in (person, other):
            assert owner.patch(f"members/{member(one)}/", {"role": role}).status_code == 200
        assert owner.patch(f"members/{member(other)}/", {"role": "user"}).status_code == 200
    runs = [one.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"] for one in (person, other)]
    assert owner.patch(f"members/{member(person)}/", {"role": "builder"}).status_code in (200, 404)
    assert not Run.objects.exclude(cancel_requested_at=None).exists(), "a better role stops nothing"
    if how == "removed":
        assert owner.delete(f"members/{member(person)}/").status_code == 204
    elif how == "demoted":
        assert owner.patch(f"members/{member(person)}/", {"role": "viewer"}).status_code == 200
    elif how == "disabled":
        person.person.is_active = False
        operations.save_person(
            Actor("user", owner.person.pk, "", None), user=person.person, password="", changed=["is_active"]
        )
    else:
        assert owner.patch(f"members/{member(person)}/", {"role": role}).status_code == 200
        assert owner.patch(f"roles/{role}/", {"permissions": ["agent.view"]}, If_Match="*").status_code == 200
    stopped = set(Run.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True))
    assert stopped == {runs[0]}
    assert person.get("runs/").status_code in (401, 404, 403) or how == "demoted"


SCOPES = sorted(ROLE_PERMISSIONS[Role.USER] - NOT_FOR_TOKENS)


def started_with(api: Any, agent: Any, **more: Any) -> str:
    answer = api.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}, **more})
    assert answer.status_code == 202, answer.content
    return str(answer.data["id"])


def stopped() -> set[str]:
    return set(Run.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True))


@pytest.mark.parametrize("how", ["revoked", "scopes", "objects", "ran out", "revoked by an admin"])
def test_a_tokens_runs_stop_when_the_token_loses_the_right(
    workspace: Any, owner: Any, make_person: Any, agent: Any, demo_model: str, how: str
) -> None:
    """Those of the person's sign-in and of their other tokens go on, also a message that one of these said."""
    person = make_person(workspace, "user")
    second = owner.post("agents/", {"name": "Second", "model": demo_model}).data
    assert owner.post(f"agents/{second['id']}/publish/", {}).status_code == 201
    token, other = make_token(person, SCOPES), make_token(person, SCOPES)
    going = started_with(token, agent)
    thread = Run.objects.get(pk=going).conversation_id
    queued = started_with(token, agent, conversation=thread)
    stay = {started_with(person, agent), started_with(other, agent)}
    elsewhere = started_with(token, second)
    for api, text in ((token, "of the token"), (person, "of the person")):
        said = api.post(f"conversations/{thread}/messages/", {"text": text, "mode": "steer"})
        assert said.status_code == 202, said.content
    path = f"api-tokens/{token.row['id']}/"
    assert person.patch(path, {"name": "Renamed", "scopes": SCOPES}).status_code == 200
    assert not stopped(), "nothing was lost"
    gone = {going, queued, elsewhere}
    if how == "revoked":
        assert person.delete(path).status_code == 204
    elif how == "revoked by an admin":
        assert owner.delete(path).status_code == 204
    elif how == "scopes":
        narrower = [one for one in SCOPES if one != "run.create"]
        assert person.patch(path, {"scopes": narrower}).data["scopes"] == narrower
    elif how == "objects":
        gone = {going, queued}
        assert person.patch(path, {"objects": [second["id"]]}).data["objects"] == [second["id"]]
    else:
        put(token, expires_at=now() - timedelta(seconds=1))
        assert tokens_over(10) == [token.row["id"]]
        end_token(token.row["id"])
        entry = AuditEntry.objects.get(kind="api_token.run_out")
        assert (entry.target_id, entry.workspace_id) == (token.row["id"], workspace.pk)
        assert entry.data == {"stopped": 4}
    assert stopped() == gone and not stay & stopped()
    assert tokens_over(10) == []
    waiting = Interjection.objects.filter(taken=False).values_list("text", flat=True)
    assert list(waiting) == ["of the person"]


def test_a_token_is_narrowed_and_never_widened(workspace: Any, owner: Any, make_person: Any, agent: Any) -> None:
    person, other = make_person(workspace, "user"), make_person(workspace, "user")
    token = make_token(person, ["agent.view", "run.view"], objects=[agent["id"]])
    path = f"api-tokens/{token.row['id']}/"
    foreign = "agt_" + "0" * 26
    for body, code in (
        ({"scopes": ["agent.view", "run.create"]}, "only_narrower"),
        ({"scopes": []}, "empty"),
        ({"objects": [agent["id"], foreign]}, "only_narrower"),
        ({"objects": []}, "empty"),
        ({"objects": None}, "null"),
    ):
        refused = person.patch(path, body)
        assert (refused.status_code, refused.data["errors"][0]["code"]) == (400, code), body
    assert other.patch(path, {"scopes": ["agent.view"]}).status_code == 404
    assert token.patch(path, {"scopes": ["agent.view"]}).status_code == 403
    assert person.get(path).data["scopes"] == ["agent.view", "run.view"]
    assert person.patch(path, {"scopes": ["agent.view"]}).status_code == 200
    assert token.get("runs/").status_code == 403 and token.get("agents/").status_code == 200
    makes = make_token(owner, ["agent.create", "agent.view"])
    address = f"api-tokens/{makes.row['id']}/"
    assert owner.patch(address, {"objects": [agent["id"]]}).data["errors"][0]["code"] == "not_with_objects"
    assert owner.patch(address, {"objects": [agent["id"]], "scopes": ["agent.view"]}).status_code == 200
    assert makes.post("agents/", {"name": "A"}).status_code == 403


@pytest.mark.parametrize("how", ["still good", "revoked", "scopes", "objects", "ran out"])
def test_what_comes_too_late_is_asked_with_the_tokens_rights(
    workspace: Any, owner: Any, make_person: Any, agent: Any, demo_model: str, how: str
) -> None:
    """A message that became a run of its own has the limits of the token it was said with, at the moment of use."""
    second = owner.post("agents/", {"name": "Second", "model": demo_model}).data
    person = make_person(workspace, "user")
    token = make_token(person, SCOPES, objects=[agent["id"], second["id"]])
    first = Run.objects.get(pk=started_with(person, agent))
    said = token.post(f"conversations/{first.conversation_id}/messages/", {"text": "Late", "mode": "steer"})
    assert said.status_code == 202
    Run.objects.filter(pk=first.pk).update(status="succeeded", ended_at=now())
    if how == "revoked":
        put(token, revoked_at=now())
    elif how == "scopes":
        put(token, scopes=[one for one in SCOPES if one != "conversation.speak"])
    elif how == "objects":
        ApiTokenObject.objects.filter(object_id=agent["id"]).delete()
    elif how == "ran out":
        put(token, expires_at=now() - timedelta(seconds=1))
    follow_up(first.pk)
    late = Run.objects.exclude(pk=first.pk)
    assert not Interjection.objects.filter(taken=False).exists()
    if how != "still good":
        assert not late.exists() and not stopped(), "the person's own rights do not stand in for the token's"
        return
    assert late.get().token == token.row["id"] and late.get().started_by_id == person.person.pk
    entry = AuditEntry.objects.get(kind="run.start_left_over")
    assert (entry.actor_kind, entry.data["token"]) == ("token", token.row["id"])
    assert person.delete(f"api-tokens/{token.row['id']}/").status_code == 204
    assert stopped() == {late.get().pk}


def test_a_run_begun_with_the_right_to_begin_only_goes_on(workspace: Any, owner: Any, agent: Any) -> None:
    """Who may begin conversations but not speak in one keeps the run that began it when something else is lost."""
    token = make_token(owner, ["agent.view", "agent.run", "run.create", "run.view", "conversation.create"])
    run = started_with(token, agent)
    path = f"api-tokens/{token.row['id']}/"
    assert owner.patch(path, {"scopes": ["agent.run", "run.create", "conversation.create"]}).status_code == 200
    assert not stopped()
    assert owner.patch(path, {"scopes": ["agent.run", "run.create"]}).status_code == 200
    assert stopped() == {run}


def test_what_a_dead_token_said_is_not_read(workspace: Any, owner: Any, agent: Any) -> None:
    token = make_token(owner, sorted(ROLE_PERMISSIONS[Role.OWNER] - NOT_FOR_TOKENS))
    run = Run.objects.get(pk=started_with(owner, agent))
    for api, text in ((token, "token"), (owner, "person")):
        assert (
            api.post(f"conversations/{run.conversation_id}/messages/", {"text": text, "mode": "steer"}).status_code
            == 202
        )
    assert [one.text for one in read_interjections(run.pk)] == ["token", "person"]
    put(token, expires_at=now() - timedelta(seconds=1))
    assert [one.text for one in read_interjections(run.pk)] == ["person"]


def test_g27_the_runs_of_a_closed_account_stop(workspace: Any, owner: Any, agent: Any, make_person: Any) -> None:
    person = make_person(workspace, "user")
    going, others = started_with(person, agent), started_with(owner, agent)
    close_account(person.person.pk)
    assert stopped() == {going} and others


def test_g27_who_leaves_a_group_by_what_their_provider_says_loses_what_it_gave(
    workspace: Any, owner: Any, agent: Any, issuer: Issuer
) -> None:
    approve(workspace, "corp.example")
    group = owner.post("groups/", {"name": "Staff"}).data["id"]
    mapping = [{"group": "staff", "role": "", "groups": [group]}]
    house = connect(owner, issuer.origin, mapping=mapping, default_role="user")
    path = f"agents/{agent['id']}/"
    assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).status_code == 200
    assert owner.post(f"{path}grants/", {"grantee": group, "level": "run"}).status_code == 201
    issuer.claims = {"groups": ["staff"]}
    browser = fresh_browser()
    assert through(issuer, house, browser) == {}
    access = browser.post("auth/session/refresh/", {}, X_AAP_Client="web").data["access"]
    begun = started_with(Api(access, owner.base), agent)
    others = started_with(owner, agent)
    assert through(issuer, house, browser) == {} and not stopped()
    issuer.claims = {"groups": []}
    assert through(issuer, house, browser) == {}
    assert stopped() == {begun} and others
