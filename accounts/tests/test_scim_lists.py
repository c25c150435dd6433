"""Filters with and, or and not, sorting, and versions, as a directory asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import ScimUser, WorkspaceGroup
from accounts.tests.directory import GROUP, Directory
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(directory: Directory) -> dict[str, str]:
    made = {name: directory.make(name, displayName=name.title()) for name in ("bob", "Ann", "carl")}
    return {**made, "dora": directory.make("dora")}  # without a name to show


def names(directory: Directory, **query: str) -> list[str]:
    answer = directory.get("Users", **query)
    assert answer.status_code == 200, answer.content
    assert answer.data["totalResults"] == len(answer.data["Resources"])
    return [one["userName"].partition("@")[0] for one in answer.data["Resources"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('userName sw "ann" or userName sw "bob"', ["bob", "Ann"]),
        ('userName sw "ann" or userName sw "bob" and active eq false', ["Ann"]),
        ('(userName sw "ann" or userName sw "bob") and active eq false', []),
        ('not (displayName eq "Bob")', ["Ann", "carl", "dora"]),
        ('not (displayName eq "Bob" or userName sw "c") and active eq true', ["Ann", "dora"]),
        ('NOT(not (displayName sw "b"))', ["bob"]),
        ('userName sw "and" OR userName sw "carl"', ["carl"]),
    ],
)
def test_and_or_not_and_brackets(text: str, found: list[str], people: Any, directory: Directory) -> None:
    assert names(directory, filter=text) == found


def test_members_are_counted_once(people: dict[str, str], directory: Directory) -> None:
    for name, members in (("Both", ("bob", "Ann")), ("One", ("bob",)), ("None", ())):
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": people[one]} for one in members]}
        assert directory.call("POST", "Groups", body).status_code == 201

    def groups(text: str) -> list[str]:
        answer = directory.get("Groups", filter=text).data
        assert answer["totalResults"] == len(answer["Resources"])
        return [one["displayName"] for one in answer["Resources"]]

    bob, ann = (f'members.value eq "{people[one]}"' for one in ("bob", "Ann"))
    assert groups(f"{bob} or {ann}") == ["Both", "One"]
    assert groups(f"{bob} and {ann}") == ["Both"]
    assert groups(f"not ({ann})") == ["One", "None"]


def test_sorting(people: Any, directory: Directory) -> None:
    assert names(directory, sortBy="userName") == ["Ann", "bob", "carl", "dora"]
    assert names(directory, sortBy="emails.value", sortOrder="descending") == ["dora", "carl", "bob", "Ann"]
    assert names(directory, sortBy="meta.created", sortOrder="Descending") == ["dora", "carl", "Ann", "bob"]
    assert names(directory, sortBy="userName", filter='not (userName sw "b")') == ["Ann", "carl", "dora"]
    for bad in ({"sortBy": "password"}, {"sortBy": "user__password"}, {"sortBy": "userName", "sortOrder": "up"}):
        answer = directory.get("Users", **bad)
        assert (answer.status_code, answer.data["scimType"]) == (400, "invalidValue")


def test_versions_keep_a_stale_directory_from_writing(
    people: dict[str, str],
    directory: Directory,
    owner: Api,
) -> None:
    path = f"Users/{people['bob']}"
    read = directory.get(path)
    version = read.data["meta"]["version"]
    assert read["ETag"] == version and version.startswith('W/"')

    def call(method: str, body: Any = None, **headers: str) -> Any:
        return directory.http.generic(
            method,
            f"/scim/v2/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/scim+json",
            headers={
                "Authorization": f"Bearer {directory.token}",
                **{k.replace("_", "-"): v for k, v in headers.items()},
            },
        )

    assert call("GET", If_None_Match=version).status_code == 304
    named = {"Operations": [{"op": "replace", "path": "displayName", "value": "Robert"}]}
    assert call("PATCH", named, If_Match=version).status_code == 200
    assert call("GET", If_None_Match=version).status_code == 200, "it is another one now"
    body = {**read.data, "displayName": "Bobby"}
    for method, sent in (("PUT", body), ("PATCH", named), ("DELETE", None)):
        stale = call(method, sent, If_Match=version)
        assert stale.status_code == 412, method
        assert ScimUser.objects.get(pk=people["bob"]).attributes["displayName"] == "Robert"
    group = WorkspaceGroup.objects.get(pk=owner.post("groups/", {"name": "Team"}).data["id"])
    before = call("GET")["ETag"]
    user = ScimUser.objects.get(pk=people["bob"]).user
    assert user is not None
    group.group.user_set.add(user)
    assert call("GET")["ETag"] != before, "groups are part of what is shown"
    for good in ("{}", '"x", {}', "*"):
        assert call("PUT", body, If_Match=good.format(call("GET")["ETag"])).status_code == 200, good
    assert call("DELETE", If_Match="*").status_code == 204
    assert call("PUT", body, If_Match="*").status_code == 404
