"""Who is a directory, whom it reaches, and what becomes of those it made."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership, ScimUser, SsoConnection, WorkspaceGroup
from accounts.tests.directory import PATCH, VIEWER, Directory, token_of
from tests.fixtures.houses import Issuer, approve, come_back, connect, fresh_browser, is_signed_in, start
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_only_a_service_account_with_the_scope_is_a_directory(
    owner: Api, directory: Directory, make_person: Any, workspace: Any
) -> None:
    admin = make_person(workspace, "admin")
    personal = owner.post("api-tokens/", {"name": "mine", "scopes": ["scim.manage"]}).data["token"]
    other_scope = token_of(owner, *VIEWER, scopes=("member.view",))
    for token, status in (
        ("", 401),
        ("aap_xxxxxxxxxxxx_" + "y" * 40, 401),
        (owner.token or "", 403),
        (admin.token or "", 403),
        (personal, 403),
        (other_scope, 403),
    ):
        for method, path in (("GET", "Users"), ("POST", "Groups"), ("GET", "Schemas"), ("DELETE", "Users/scu_x")):
            answer = Directory(token).call(method, path, {} if method == "POST" else None)
            assert answer.status_code == status, (token[:8], path)
            assert answer.data["status"] == str(status)
    refused = admin.post("roles/", {"name": "Mine", "permissions": ["scim.manage"]})
    assert refused.data["code"] == "beyond_your_own", "an owner makes the directory's role"


def test_another_workspaces_people_are_unknown(
    owner: Api, directory: Directory, make_person: Any, make_workspace: Any
) -> None:
    pk = directory.make("ann")
    group = directory.call("POST", "Groups", {"displayName": "G"}).data["id"]
    other = make_person(make_workspace("Two"), "owner")
    theirs = Directory(token_of(other, *VIEWER))
    for path in (f"Users/{pk}", f"Groups/{group}", "Users/scu_00000000000000000000000000", "Users/%2e%2e", "Nothing"):
        assert theirs.get(path).status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        assert theirs.call(method, f"Users/{pk}", {"userName": "x@corp.example"}).status_code == 404
    assert theirs.get("Users").data["totalResults"] == 0
    stolen = theirs.call("POST", "Users", {"userName": "bob@corp.example"})
    assert stolen.status_code == 400, "the domain is not theirs"
    mine = theirs.call("POST", "Groups", {"displayName": "H", "members": [{"value": pk}]})
    assert mine.status_code == 400
    assert not WorkspaceGroup.objects.filter(name="H").exists(), "nothing half-made"


def test_who_the_directory_made_signs_in_through_the_provider(
    owner: Api, workspace: Any, issuer: Issuer, make_person: Any
) -> None:
    approve(workspace, "corp.example")
    house = connect(owner, issuer.origin)
    directory = Directory(token_of(owner, *VIEWER))
    pk = directory.make("ann", displayName="Ann")

    def through(**claims: Any) -> str | None:
        browser = fresh_browser()
        place = issuer.answer_to(start(browser, house))
        issuer.claims = claims
        come_back(browser, place)
        return is_signed_in(browser)

    assert through(sub="a", email="ann@corp.example", email_verified=False) is None
    assert through(sub="a", email="ann@corp.example") == "ann@corp.example"
    assert through(sub="second", email="ann@corp.example") is None, "claimed once"
    assert Membership.objects.filter(user__email="ann@corp.example").count() == 1
    directory.patch(f"Users/{pk}", {"op": "replace", "path": "active", "value": False})
    assert through(sub="a", email="ann@corp.example") is None
    SsoConnection.objects.update(default_role="")
    refused = directory.call("POST", "Users", {"userName": "bob@corp.example"})
    assert refused.status_code == 400 and "no role" in refused.data["detail"]


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [7],
        [{"op": "fly", "path": "active"}],
        [{"op": "remove"}],
        [{"op": "replace", "value": 7}],
        [{"op": "replace", "path": 7, "value": 7}],
        [{"op": "replace", "path": "name", "value": "x"}, {"op": "add", "path": "name.givenName", "value": "y"}],
        [
            {"op": "replace", "path": "emails", "value": ["x"]},
            {"op": "remove", "path": "emails", "value": [{"value": 1}]},
        ],
        [
            {"op": "replace", "path": "emails", "value": {}},
            {"op": "add", "path": 'emails[type eq "x"].value', "value": 1},
        ],
        [{"op": "replace", "path": 'emails[type eq "work"]', "value": "x"}],
        [{"op": "replace", "path": "userName", "value": None}],
        [{"op": "remove", "path": "userName"}],
        [{"op": "replace", "path": "a[b[c", "value": 1}],
        [{"op": "replace", "path": "p" * 400, "value": 1}],
        [{"op": "replace", "path": "active", "value": {"x": []}}],
        [{"op": "replace", "path": "displayName", "value": "\ud800"}],
    ],
)
def test_hostile_patches_change_nothing(operations: Any, directory: Directory) -> None:
    pk = directory.make("ann", displayName="Ann")
    before = ScimUser.objects.values().get(pk=pk)
    answer = directory.call("PATCH", f"Users/{pk}", {"schemas": [PATCH], "Operations": operations})
    assert answer.status_code == 400, answer.content
    assert ScimUser.objects.values().get(pk=pk) == before


def test_g27_what_the_service_is_like_is_not_filtered_and_has_its_names(owner: Api) -> None:
    directory = Directory(token_of(owner))
    assert directory.get("Schemas").status_code == 200
    assert directory.get("Schemas", filter='id eq "x"').status_code == 403
    assert directory.get("Schemas/nothing").status_code == 404
    person = Directory(owner.token or "")
    assert person.get("Schemas").status_code == 403, "a person is no directory"
