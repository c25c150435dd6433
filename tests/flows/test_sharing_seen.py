"""Who sees what is shared, and who is told why; lists, providers and programs among them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.grants import reasons_of, row_of_grant
from accounts.models import Membership, WorkspaceGroup
from accounts.sharing import SHARED, Level
from accounts.tokens import actor_of_member
from agents.models import Agent, AgentGroupGrant
from core.authz import visible_to
from core.errors import NotFound
from tests.fixtures.people import Api
from tests.fixtures.sharing import LEVELS, group_of, share

pytestmark = pytest.mark.django_db


def test_a_restricted_provider(owner: Api, builder: Api, demo_model: str) -> None:
    provider = owner.get("providers/").data["results"][0]["id"]
    path = f"providers/{provider}/"
    assert [one["id"] for one in builder.get("models/").data["results"]] == [demo_model]
    assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).data["visibility"] == "restricted"
    assert builder.get(path).status_code == 404 and builder.get("models/").data["results"] == []
    refused = builder.post("agents/", {"name": "A", "model": demo_model})
    assert refused.data["errors"][0]["code"] == "unknown_model"
    assert share(owner, path, builder.person.pk, "view").status_code == 201
    assert builder.get(path).status_code == 200 and builder.get("models/").data["results"] == []
    assert builder.patch(path, {"name": "Mine"}, If_Match="*").status_code == 403
    assert share(owner, path, builder.person.pk, "run").status_code == 201
    assert builder.post("agents/", {"name": "A", "model": demo_model}).status_code == 201
    assert share(owner, path, builder.person.pk, "edit").status_code == 201
    assert builder.patch(path, {"name": "Mine"}, If_Match="*").status_code == 200
    assert builder.patch(f"models/{demo_model}/", {"enabled": False}).status_code == 200
    assert builder.get(f"{path}grants/").status_code == builder.delete(path).status_code == 403
    assert builder.post("providers/", {"kind": "demo", "name": "Second"}).status_code == 403


def test_who_can_see_it_is_who_sees_it(
    owner: Api, agent: dict[str, Any], conversation: dict[str, str], make_person: Any, workspace: Any
) -> None:
    """`access/` explains; the object's own rule decides. They say the same of everybody, at every level."""
    people = [
        make_person(workspace, role) for role in ("admin", "builder", "user", "viewer", "auditor") for _ in range(3)
    ]
    account = owner.post("service-accounts/", {"name": "s", "role": "builder"}).data["id"]
    group = group_of(owner, *people[::2])
    disabled = people[3]
    provider = owner.get("providers/").data["results"][0]["id"]
    for path in (f"agents/{agent['id']}/", conversation["path"], f"providers/{provider}/"):
        assert share(owner, path, group, "run").status_code == 201
        assert share(owner, path, account, "view").status_code == 201
        for number, person in enumerate(people[1::3]):
            assert share(owner, path, person.person.pk, LEVELS[number % 4]).status_code == 201
    disabled.person.is_active = False
    disabled.person.save()
    compared = 0
    for visibility in ("workspace", "restricted"):
        for path in (f"agents/{agent['id']}/", f"providers/{provider}/"):
            assert owner.call("PUT", f"{path}visibility/", {"visibility": visibility}).status_code == 200
        for model, sharing in SHARED.items():
            row = model._default_manager.get()  # type: ignore[attr-defined]
            told = owner.get(f"{sharing.name}s/{row.pk}/access/?limit=200").data["results"]
            assert len(told) == len(people) + 2
            for one in told:
                can = []
                try:
                    actor = actor_of_member(one["user"]["id"], workspace.id)
                    for level in Level:
                        rows = visible_to(actor, sharing.stands_for[level], model._default_manager.filter(pk=row.pk))  # type: ignore[attr-defined]
                        can += [level.word] if rows.exists() else []
                except NotFound:
                    assert one["user"]["id"] == disabled.person.pk
                assert one["can"] == can, (visibility, sharing.name, one)
                compared += 1
    assert compared == 2 * 3 * 17


def test_lists_ask_as_often_however_much_is_shared(owner: Api, builder: Api, agent: dict[str, Any]) -> None:
    group = group_of(owner, builder)
    counts = []
    for number in range(2):
        for one in range(1 + 9 * number):
            made = owner.post("agents/", {"name": f"A{one}"}).data["id"]
            thread = owner.post("conversations/", {"agent": agent["id"]}).data["id"]
            for path in (f"agents/{made}/", f"conversations/{thread}/"):
                assert share(owner, path, group if one % 2 else builder.person.pk, "edit").status_code == 201
        for path in ("agents/", "models/"):  # what Django looks up once and keeps
            builder.get(path)
        told = []
        for path in ("agents/", "conversations/", "runs/", "decisions/", f"agents/{agent['id']}/", "models/"):
            with CaptureQueriesContext(connection) as queries:
                assert builder.get(path).status_code == 200
            told.append(len(queries))
        counts.append(told)
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 7, counts
    assert Agent.objects.count() == 12


@pytest.mark.parametrize("what", ["set", "taken"])
def test_two_people_who_share_do_not_undo_each_other(
    owner: Api, builder: Api, make_person: Any, workspace: Any, agent: dict[str, Any], what: str
) -> None:
    """The ETag of a grant is its level; without If-Match the last word counts, as it says."""
    admin, path = make_person(workspace, "admin"), f"agents/{agent['id']}/"
    assert share(owner, path, builder.person.pk, "view").status_code == 201
    one = f"{path}grants/{builder.person.pk}/"
    assert admin.call("PUT", one, {"level": "edit"}, If_Match='"view"')["ETag"] == '"edit"'
    method, body = ("PUT", {"level": "run"}) if what == "set" else ("DELETE", None)
    late = owner.call(method, one, body, If_Match='"view"')
    assert (late.status_code, late.data["current"]["level"]) == (412, "edit")
    for bad in ("view", "W/", '"manage"', '"run", "edit"', "%", "é".encode().decode("latin-1")):
        assert owner.call(method, one, body, If_Match=bad).status_code == 412, bad
    assert owner.call(method, one, body, If_Match='"edit"').status_code == (200 if what == "set" else 204)
    assert owner.call("DELETE", one, If_Match='"edit"').status_code == (412 if what == "set" else 404)
    assert owner.call("PUT", one, {"level": "edit"}).status_code == 200


def test_a_provider_says_what_its_caller_may_do(
    owner: Api, builder: Api, make_person: Any, workspace: Any, demo_model: str
) -> None:
    user, stranger = make_person(workspace, "user"), make_person(None)
    provider = owner.get("providers/").data["results"][0]["id"]
    path = f"providers/{provider}/"
    told = lambda api: (api.get(path).data["permissions"], api.get("providers/").data["results"][0]["permissions"])  # noqa: E731
    assert told(owner) == (["edit", "share", "delete"],) * 2
    assert told(builder) == ([], []), "open to all here, to use its models"
    for level, may in (("edit", ["edit"]), ("manage", ["edit", "share", "delete"]), ("run", [])):
        assert owner.call("PUT", f"{path}grants/{builder.person.pk}/", {"level": level}).status_code == 200
        assert told(builder) == (may, may), level
        assert builder.get(f"{path}grants/").status_code == (200 if "share" in may else 403)
    assert user.get(path).status_code == 403
    assert stranger.call("GET", f"{owner.base}{path}").status_code == 404


def test_who_can_see_it_says_who_is_a_program(owner: Api, builder: Api, agent: dict[str, Any]) -> None:
    account = owner.post("service-accounts/", {"name": "Nightly", "role": "user"}).data["id"]
    rows = owner.get(f"agents/{agent['id']}/access/").data["results"]
    assert {one["user"]["id"]: one["kind"] for one in rows} == {
        owner.person.pk: "person",
        builder.person.pk: "person",
        account: "service",
    }


def test_g27_what_one_has_is_not_taken_for_what_another_has(
    owner: Api, builder: Api, agent: dict[str, Any], make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    path = f"agents/{agent['id']}/"
    assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).status_code == 200
    other, third = make_person(workspace, "builder"), make_person(workspace, "builder")
    assert share(owner, path, builder.person.pk, "edit").status_code == 201
    assert share(owner, path, other.person.pk, "view").status_code == 201
    shared = Agent.objects.get(pk=agent["id"])
    assert row_of_grant(shared, other.person).permission.codename == "view_agent"
    assert row_of_grant(shared, builder.person).permission.codename == "edit_agent"
    group = group_of(owner, builder)
    assert share(owner, path, group, "manage").status_code == 201

    def can(person: Api) -> list[str]:
        member = Membership.objects.select_related("user", "custom_role", "workspace").get(
            user=person.person, workspace=workspace
        )
        (one,) = reasons_of(member, [shared])
        return [reason["why"] for reason in one["reasons"]]

    assert (can(builder), can(other), can(third)) == (["grant", "group"], ["grant"], [])
    south = make_person(make_workspace("South"), "owner")
    theirs = south.post("groups/", {"name": "Theirs"}).data["id"]
    assert share(owner, path, theirs, "view").data["errors"][0]["code"] == "unknown_grantee"
    # A group elsewhere that somebody is in as well gives nothing here, even if a row of it stood on the object.
    Membership.objects.create(workspace=south.person.memberships.get().workspace, user=third.person, role="user")
    assert south.post(f"groups/{theirs}/members/", {"user": third.person.pk}).status_code == 201
    row = AgentGroupGrant.objects.get(content_object=shared)
    elsewhere = WorkspaceGroup.objects.get(pk=theirs)
    AgentGroupGrant.objects.create(content_object=shared, group=elsewhere.group, permission=row.permission)
    assert can(third) == []
