"""Somebody leaves one workspace: what hung on that membership goes, what is theirs elsewhere and what others have stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import ApiToken, Membership, ScimUser, SsoConnection, SsoIdentity
from core.clock import now
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


class Place:
    """A workspace with a group and an agent that nobody but its owner reaches."""

    def __init__(self, space: Any, owner: Api) -> None:
        self.space, self.owner = space, owner
        self.base = f"/api/v1/workspaces/{space.slug}/"
        self.group = owner.post("groups/", {"name": "Team"}).data["id"]
        owner.post("providers/", {"kind": "demo", "name": "Demo"})
        model = owner.get("models/").data["results"][0]["id"]
        self.agent = owner.post("agents/", {"name": "A", "model": model}).data["id"]
        owner.call("PUT", f"agents/{self.agent}/visibility/", {"visibility": "restricted"})
        self.house = SsoConnection.objects.create(
            workspace=space, kind="oidc", name="Corp", default_role="viewer", configured_at=now()
        )

    def admit(self, api: Api) -> None:
        """With everything that a member can have."""
        person = api.person
        Membership.objects.get_or_create(workspace=self.space, user=person, defaults={"role": "builder"})
        assert self.owner.post(f"groups/{self.group}/members/", {"user": person.pk}).status_code == 201
        body = {"grantee": person.pk, "level": "view"}
        assert self.owner.post(f"agents/{self.agent}/grants/", body).status_code == 201
        made = Api(api.token, self.base).post("api-tokens/", {"name": "t", "scopes": ["agent.view"]})
        assert made.status_code == 201
        SsoIdentity.objects.create(connection=self.house, user=person, issuer="i", subject=person.pk)

    def has(self, api: Api) -> set[str]:
        pk = api.person.pk
        members = self.owner.get(f"groups/{self.group}/members/").data["results"]
        grants = self.owner.get(f"agents/{self.agent}/grants/").data["results"]
        found = {
            "group": any(one["id"] == pk for one in members),
            "grant": any(one["grantee"] == pk for one in grants),
            "token": ApiToken.objects.filter(workspace=self.space, user=pk, revoked_at=None).exists(),
            "identity": SsoIdentity.objects.filter(connection=self.house, user=pk).exists(),
        }
        return {name for name, there in found.items() if there}


EVERYTHING = {"group", "grant", "token", "identity"}


def test_g27_leaving_takes_ones_own_and_nothing_else(
    make_workspace: Callable[..., Any], make_person: Callable[..., Api]
) -> None:
    here, there = (Place(space, make_person(space, "owner")) for space in (make_workspace("N"), make_workspace("S")))
    ann, bob = make_person(None), make_person(None)
    for place in (here, there):
        for one in (ann, bob):
            place.admit(one)
    earlier = ApiToken.objects.create(
        workspace=here.space, user=ann.person, name="old", prefix="o" * 12, digest="o", scopes=[], revoked_at=now()
    )
    member = Membership.objects.get(workspace=here.space, user=ann.person)
    assert here.owner.delete(f"members/{member.pk}/").status_code == 204
    assert here.has(ann) == set()
    assert there.has(ann) == here.has(bob) == there.has(bob) == EVERYTHING
    when = earlier.revoked_at
    earlier.refresh_from_db()
    assert earlier.revoked_at == when, "what ended before keeps its time"


def test_g27_an_owner_elsewhere_is_no_second_owner(
    make_workspace: Callable[..., Any], make_person: Callable[..., Api], owner: Api, workspace: Any
) -> None:
    make_person(make_workspace("South"), "owner")
    member = Membership.objects.get(workspace=workspace, user=owner.person)
    answer = owner.patch(f"members/{member.pk}/", {"role": "viewer"})
    assert (answer.status_code, answer.data["code"]) == (409, "last_owner")


def test_g27_whom_a_directory_invited_is_in_it_where_they_came_in(
    make_workspace: Callable[..., Any], make_person: Callable[..., Api], owner: Api, workspace: Any
) -> None:
    """Not in the directory of another workspace, and not in somebody else's place."""
    ann, bob = make_person(make_workspace("South"), email="ann@example.com"), make_person(None, email="bob@example.com")
    rows = {}
    for space in (workspace, ann.person.memberships.get().workspace):
        rows[space.pk] = ScimUser.objects.create(workspace=space, user_name="ann", email="ann@example.com")
    held = ScimUser.objects.create(workspace=workspace, user_name="x", email="ann@example.com", user=bob.person)
    link = owner.post("invitations/", {"email": "ann@example.com", "role": "viewer"}).data["link"]
    answer = Api(ann.token, "/api/v1/").post("invitations/accept/", {"token": link.partition("#")[2].split("=")[-1]})
    assert answer.status_code == 200, answer.content
    for row in (*rows.values(), held):
        row.refresh_from_db()
    assert [rows[pk].user_id for pk in rows] == [ann.person.pk, None]
    assert held.user_id == bob.person.pk
