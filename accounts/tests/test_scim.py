"""A workspace's directory: the conformance tester, Entra's and Okta's own forms, and what a directory may not do."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from accounts.models import ApiToken, Membership, ScimUser, User
from accounts.tests.directory import GROUP, USER, Directory
from audit.models import AuditEntry
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.mark.slow
def test_the_conformance_tester_finds_nothing(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    from scim2_client.engines.wsgi import WSGISCIMClient
    from scim2_tester import Status, check_server, filling
    from scim2_tester.checkers import patch_add, patch_replace

    random_value = filling.generate_random_value

    def of_our_domain(context: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        """The tester's addresses are of domains that nobody approved."""
        value = random_value(context, path, *args, **kwargs)
        address = isinstance(value, str) and re.fullmatch(r"[0-9a-f-]{36}@[0-9a-f-]{36}\.com", value)
        if address or (isinstance(value, str) and str(path).lower().endswith("username")):
            return f"{uuid.uuid4().hex}@corp.example"
        return value

    for module in (filling, patch_add, patch_replace):
        monkeypatch.setattr(module, "generate_random_value", of_our_domain)
    client = WSGISCIMClient(
        _wsgi(), base_url="http://localhost:8000/scim/v2", headers={"Authorization": f"Bearer {directory.token}"}
    )
    results = check_server(client)
    bad = [
        f"{one.title} {one.resource_type}: {one.reason}"
        for one in results
        if one.status in (Status.ERROR, Status.CRITICAL)
    ]
    # Whether somebody is active is never left open: to take it away is to set it to true.
    bad = [one for one in bad if "did not remove attribute 'active'" not in one]
    assert not bad, "\n".join(bad)
    assert len([one for one in results if one.status == Status.SUCCESS]) > 20


def _wsgi() -> Any:
    from django.core.signals import request_finished, request_started
    from django.core.wsgi import get_wsgi_application
    from django.db import close_old_connections

    for sent in (request_started, request_finished):
        sent.disconnect(close_old_connections)
    return get_wsgi_application()


def test_entra_makes_changes_and_disables(directory: Directory, workspace: Any) -> None:
    made = directory.call(
        "POST",
        "Users",
        {
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": "58342554-38d6-4ec8-948c-50044d0a33fd",
            "userName": "Test_User_1@corp.example",
            "active": True,
            "displayName": "lennay",
            "emails": [{"type": "work", "value": "test1@corp.example", "primary": True}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Andrea Miller", "familyName": "Miller", "givenName": "Andrea"},
            "roles": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "x"},
        },
    )
    assert made.status_code == 201 and made["Location"].endswith(f"/scim/v2/Users/{made.data['id']}")
    pk = made.data["id"]
    person = User.objects.get(email="test1@corp.example")
    assert not person.has_usable_password() and not person.is_staff
    assert Membership.objects.get(user=person).role == "viewer"
    found = directory.get("Users", filter='externalId eq "58342554-38d6-4ec8-948c-50044d0a33fd"').data
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, pk)
    assert directory.get("Users", filter='userName eq "test_user_1@CORP.example"').data["totalResults"] == 1
    assert directory.get("Users", filter='userName eq "nobody"').data["Resources"] == []
    changed = directory.patch(
        f"Users/{pk}",
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "updated@corp.example"},
        {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "y"},
        {"op": "Replace", "value": {"displayName": "Lenny", "name.givenName": "Len"}},
    )
    assert changed.status_code == 200, changed.content
    assert changed.data["emails"] == [{"type": "work", "value": "updated@corp.example", "primary": True}]
    assert changed.data["name"]["familyName"] == "updatedFamilyName" and changed.data["name"]["givenName"] == "Len"
    person.refresh_from_db()
    assert (person.email, person.name) == ("updated@corp.example", "Lenny")
    off = directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": "False"})
    assert off.status_code == 200 and off.data["active"] is False
    person.refresh_from_db()
    assert not person.is_active
    on = directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": "True"})
    person.refresh_from_db()
    assert on.data["active"] is True and person.is_active
    assert {"scim.create_user", "scim.update_user"} <= set(AuditEntry.objects.values_list("kind", flat=True))


def test_okta_makes_groups_and_members_and_these_give_roles(directory: Directory, owner: Api) -> None:
    ann, bob = directory.make("ann"), directory.make("bob", externalId="00u1")
    made = directory.call("POST", "Groups", {"schemas": [GROUP], "displayName": "Admins", "members": []})
    assert made.status_code == 201
    path = f"Groups/{made.data['id']}"
    added = directory.patch(
        path,
        {"op": "replace", "value": {"id": made.data["id"], "displayName": "Admins"}},
        {"op": "add", "path": "members", "value": [{"value": ann, "display": "ann@corp.example"}, {"value": bob}]},
    )
    assert {one["value"] for one in added.data["members"]} == {ann, bob}

    def role(name: str) -> str:
        return Membership.objects.get(user__email=f"{name}@corp.example").role

    assert (role("ann"), role("bob")) == ("admin", "admin")
    assert directory.get(f"Users/{ann}").data["groups"] == [{"value": made.data["id"], "display": "Admins"}]
    directory.patch(path, {"op": "remove", "path": f'members[value eq "{ann}"]'})
    assert (role("ann"), role("bob")) == ("viewer", "admin"), "what the group gave goes with it"
    directory.patch(path, {"op": "Remove", "path": "members", "value": [{"value": bob}]})
    assert role("bob") == "viewer"
    directory.patch(path, {"op": "replace", "path": "members", "value": [{"value": bob}]})
    assert role("bob") == "admin"
    members = owner.get(f"groups/{made.data['id']}/members/").data["results"]
    assert [one["email"] for one in members] == ["bob@corp.example"], "it is a group of the workspace"
    assert directory.get("Groups", filter='displayName eq "admins"').data["totalResults"] == 1
    assert directory.get("Groups", filter=f'members.value eq "{bob}"').data["totalResults"] == 1
    assert "members" not in directory.get(path, excludedAttributes="members").data
    assert directory.call("DELETE", path).status_code == 204
    assert role("bob") == "viewer"
    okta_off = directory.patch(f"Users/{bob}", {"op": "replace", "value": {"active": False}})
    assert okta_off.data["active"] is False
    assert directory.call("PUT", f"Users/{bob}", {"userName": "bob@corp.example", "active": True}).data["active"]


def test_removing_somebody_ends_everything(directory: Directory, owner: Api, make_person: Any, workspace: Any) -> None:
    ann = make_person(workspace, "builder", email="ann@corp.example")
    token = ann.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data["token"]
    program = Api(token, ann.base)
    assert program.get("agents/").status_code == 200
    pk = directory.make("ann")
    assert Membership.objects.get(user=ann.person).role == "builder", "a member stays what they are"
    assert directory.call("DELETE", f"Users/{pk}").status_code == 204
    assert ann.get("/api/v1/me/").status_code == 401 and program.get("agents/").status_code == 401
    assert not Membership.objects.filter(user=ann.person).exists()
    assert ApiToken.objects.get(user=ann.person).revoked_at is not None
    assert not User.objects.get(pk=ann.person.pk).is_active, "the workspace manages the domain"
    assert directory.get(f"Users/{pk}").status_code == 404
    assert directory.call("DELETE", f"Users/{pk}").status_code == 404


def test_a_made_account_returns_as_itself(directory: Directory) -> None:
    pk = directory.make("ann")
    person = User.objects.get(email="ann@corp.example")
    directory.call("DELETE", f"Users/{pk}")
    again = directory.make("ann")
    person.refresh_from_db()
    assert person.is_active and Membership.objects.filter(user=person).exists()
    assert ScimUser.objects.get(pk=again).user_id == person.pk


def test_the_last_owner_and_operators_stay(directory: Directory, owner: Api) -> None:
    User.objects.filter(pk=owner.person.pk).update(email="olga@corp.example")
    pk = directory.make("olga")
    for answer in (
        directory.patch(f"Users/{pk}", {"op": "replace", "path": "active", "value": False}),
        directory.call("DELETE", f"Users/{pk}"),
    ):
        assert answer.status_code == 409 and "only owner" in answer.data["detail"]
    assert owner.get("/api/v1/me/").status_code == 200
    group = directory.call("POST", "Groups", {"displayName": "Admins", "members": [{"value": pk}]})
    assert group.status_code == 201 and Membership.objects.get(user=owner.person).role == "owner"
    operator = User.objects.create_superuser("op@corp.example", PASSWORD)
    Membership.objects.create(
        workspace_id=Membership.objects.get(user=owner.person).workspace_id, user=operator, role="user"
    )
    pk = directory.make("op")
    assert directory.call("DELETE", f"Users/{pk}").status_code == 204
    operator.refresh_from_db()
    assert operator.is_active and not Membership.objects.filter(user=operator).exists()


@pytest.mark.django_db(transaction=True)
def test_nobodys_account_is_taken_over(
    directory: Directory, owner: Api, make_person: Any, make_workspace: Any, post_office: PostOffice
) -> None:
    elsewhere = make_workspace("Two")
    bob = make_person(elsewhere, "owner", email="bob@corp.example")
    pk = directory.make("bob", displayName="Evil", name={"givenName": "E"})
    deliver_due()
    bob.person.refresh_from_db()
    assert (
        bob.person.name == "" and not Membership.objects.filter(user=bob.person).exclude(workspace=elsewhere).exists()
    )
    directory.patch(f"Users/{pk}", {"op": "replace", "path": "active", "value": False})
    assert bob.get("/api/v1/me/").status_code == 200, "nothing of theirs is touched before they accept"
    directory.patch(f"Users/{pk}", {"op": "replace", "path": "active", "value": True})
    deliver_due()
    accepted = bob.post("/api/v1/invitations/accept/", {"token": post_office.token_to("bob@corp.example")})
    assert accepted.status_code == 200, accepted.content
    assert ScimUser.objects.get(pk=pk).user_id == bob.person.pk
    moved = directory.patch(f"Users/{pk}", {"op": "replace", "path": "userName", "value": "evil@corp.example"})
    bob.person.refresh_from_db()
    assert moved.status_code == 200 and bob.person.email == "bob@corp.example", "only what it made does it rename"
    clash = directory.make("made")
    taken = directory.patch(f"Users/{clash}", {"op": "replace", "path": "userName", "value": "bob@corp.example"})
    assert taken.status_code == 409


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"userName": "x@else.example"}, 400),
        ({"userName": "x@sub.corp.example"}, 400),
        ({"userName": "x@corp.example", "emails": [{"value": "x@else.example", "primary": True}]}, 400),
        ({"userName": "x@corp.example.evil.example"}, 400),
        ({"userName": "no address"}, 400),
        ({"userName": ""}, 400),
        ({"userName": None}, 400),
        ({"userName": ["x@corp.example"]}, 400),
        ({"userName": "x\x00@corp.example"}, 400),
        ({"userName": "x@corp.example", "active": "maybe"}, 400),
        ({"userName": "x@corp.example", "emails": "x"}, 400),
        ({"userName": "x@corp.example", "name": []}, 400),
        ({"userName": "x@corp.example", "displayName": "d" * 300}, 400),
        ([], 400),
        ("{", 400),
        ("", 400),
    ],
)
def test_what_cannot_be_made_is_refused_in_scims_words(body: Any, status: int, directory: Directory) -> None:
    answer = directory.call("POST", "Users", body)
    assert answer.status_code == status
    assert answer.data["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.data["status"] == str(status) and answer.data["detail"]
    assert not ScimUser.objects.exists()


def test_incident_2_14_no_other_column_can_be_set(directory: Directory, make_workspace: Any) -> None:
    other = make_workspace("Two")
    extra = {
        "is_staff": True,
        "is_superuser": True,
        "password": "x",
        "workspace": other.pk,
        "workspace_id": other.pk,
        "user_id": "usr_x",
        "made": False,
        "deleted_at": "2020-01-01",
        "role": "owner",
        "roles": [{"value": "owner"}],
        "groups": [{"value": "grp_x"}],
        "id": "scu_x",
        "meta": {"created": "x"},
    }
    pk = directory.make("ann", **extra)
    directory.patch(f"Users/{pk}", *({"op": "replace", "path": name, "value": value} for name, value in extra.items()))
    row = ScimUser.objects.get()
    person = User.objects.get(email="ann@corp.example")
    assert (row.pk, row.user_id, row.made) == (pk, person.pk, True) and row.workspace_id != other.pk
    assert not (person.is_staff or person.is_superuser or person.has_usable_password())
    assert Membership.objects.get(user=person).role == "viewer"
    assert set(row.attributes) <= {"emails", "name", "displayName"}


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        'userName pr "x"',
        'password eq "x"',
        'user__password sw "a"',
        'user.password eq "x"',
        'workspace eq "x"',
        'userName eq "x" or password eq "y"',
        'not userName eq "x"',
        'not (userName eq "x"',
        '(userName eq "x"))',
        'userName eq "x" or',
        'userName eq "x"and userName eq "y"',
        "()",
        "not ()",
        "(" * 9 + 'userName eq "x"' + ")" * 9,
        'active eq "x"',
        'userName eq "x',
        "userName eq 7",
        'userName eq "\\u0000"',
        "(" * 500,
        " and ".join(['userName eq "x"'] * 20),
        " or ".join(['userName eq "x"'] * 20),
    ],
)
def test_incident_2_56_only_named_filters_reach_the_database(text: str, directory: Directory) -> None:
    answer = directory.get("Users", filter=text)
    assert (answer.status_code, answer.data["scimType"]) == (400, "invalidFilter")


def test_filters_and_pages(directory: Directory) -> None:
    for name in ("ann", "anna", "bob"):
        directory.make(name, displayName=name.title())

    def names(text: str, **more: str) -> list[str]:
        found = directory.get("Users", filter=text, **more).data["Resources"]
        return [one["userName"].partition("@")[0] for one in found]

    assert names('userName sw "ANN"') == ["ann", "anna"]
    assert names('displayName co "nn" and active eq true') == ["ann", "anna"]
    assert names('emails.value eq "bob@corp.example"') == ["bob"]
    assert names('emails[type eq "work"].value eq "bob@corp.example"') == ["bob"]
    assert names('userName co "%"') == [] and names('userName sw "_"') == []
    assert names('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob@corp.example"') == ["bob"]
    page = directory.get("Users", startIndex="2", count="1").data
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    assert page["Resources"][0]["userName"] == "anna@corp.example"
    assert directory.get("Users", count="0").data["Resources"] == []
    assert directory.get("Users", startIndex="x").status_code == 400
