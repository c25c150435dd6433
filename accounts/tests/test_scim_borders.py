"""A directory and what is beyond it: the same person in another workspace, and what its service account may not do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.groups import MAX_GROUPS
from accounts.models import ApiToken, Membership, ScimUser, User, WorkspaceGroup
from accounts.tests.directory import GROUP, USER, VIEWER, Directory, token_of
from agents.models import Run
from core.clock import now
from core.ids import new_id
from tests.fixtures.people import Api, new_agent, new_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def south(make_workspace: Any) -> Any:
    return make_workspace("South")


@pytest.fixture
def stranger(make_person: Any, south: Any) -> Api:
    return make_person(south, "owner")


def in_both(directory: Directory, south: Any) -> tuple[str, User]:
    """Somebody whom the directory made, and who is in another workspace and its directory too; (id here, the person)."""
    pk = directory.make("bob")
    person = User.objects.get(email="bob@corp.example")
    Membership.objects.create(workspace=south, user=person, role="user")
    ScimUser.objects.create(workspace=south, user=person, user_name=person.email, email=person.email)
    return pk, person


def group_of(directory: Directory, name: str, *people: str) -> str:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in people]}
    answer = directory.call("POST", "Groups", body)
    assert answer.status_code == 201, answer.content
    return str(answer.data["id"])


def test_g27_what_is_elsewhere_is_neither_shown_nor_in_the_way(
    directory: Directory,
    south: Any,
    stranger: Api,
) -> None:
    ScimUser.objects.create(workspace=south, user_name="bob@corp.example", email="bob@corp.example", made=True)
    names = [new_id("grp") for _ in range(MAX_GROUPS)]
    of_django = Group.objects.bulk_create(Group(name=name) for name in names)
    WorkspaceGroup.objects.bulk_create(
        WorkspaceGroup(id=name, workspace=south, name=name, group=one)
        for name, one in zip(names, of_django, strict=True)
    )
    pk = directory.make("bob")
    person = User.objects.get(email="bob@corp.example")
    group = group_of(directory, "Team", pk)
    assert directory.get(f"Groups/{group}").data["members"][0]["value"] == pk
    Membership.objects.create(workspace=south, user=person, role="user")
    ScimUser.objects.filter(workspace=south).update(user=person)
    theirs = WorkspaceGroup.objects.filter(workspace=south).first()
    assert theirs is not None
    theirs.group.user_set.add(person)
    assert [one["value"] for one in directory.get(f"Users/{pk}").data["groups"]] == [group]
    assert [one["value"] for one in directory.get(f"Groups/{group}").data["members"]] == [pk]


def test_g27_a_group_elsewhere_gives_no_role_here_and_one_here_none_elsewhere(
    directory: Directory,
    south: Any,
    workspace: Any,
) -> None:
    pk, person = in_both(directory, south)
    django_group = Group.objects.create(name="south-admins")
    theirs = WorkspaceGroup.objects.create(workspace=south, name="Admins", group=django_group)
    theirs.group.user_set.add(person)
    group_of(directory, "Team", pk)

    def role(space: Any) -> str:
        return Membership.objects.get(user=person, workspace=space).role

    assert (role(workspace), role(south)) == ("viewer", "user")
    group_of(directory, "Admins", pk)
    assert (role(workspace), role(south)) == ("admin", "user")


def test_g27_it_is_the_rows_of_this_workspace_that_count(
    directory: Directory,
    south: Any,
    workspace: Any,
) -> None:
    """Whoever was elsewhere first is not taken for what they are there."""
    old, person = in_both(directory, south)
    Membership.objects.filter(user=person, workspace=workspace).delete()
    Membership.objects.create(workspace=workspace, user=person, role="viewer")
    ScimUser.objects.filter(pk=old).delete()
    mine = ScimUser.objects.create(
        workspace=workspace, user=person, user_name=person.email, email=person.email, made=True, role_given="viewer"
    )
    group_of(directory, "Admins", mine.pk)
    roles = dict(Membership.objects.filter(user=person).values_list("workspace_id", "role"))
    assert roles == {workspace.pk: "admin", south.pk: "user"}
    given = dict(ScimUser.objects.filter(user=person).values_list("workspace_id", "role_given"))
    assert given == {workspace.pk: "admin", south.pk: ""}
    assert directory.call("DELETE", f"Users/{mine.pk}").status_code == 204
    assert list(Membership.objects.filter(user=person).values_list("workspace_id", flat=True)) == [south.pk]


def test_g27_disabling_somebody_here_leaves_what_they_have_elsewhere(
    directory: Directory,
    south: Any,
    workspace: Any,
) -> None:
    pk, person = in_both(directory, south)
    before = now()
    for space, revoked in ((workspace, None), (workspace, before), (south, None)):
        ApiToken.objects.create(
            workspace=space, user=person, name="t", prefix=new_id("p")[-12:], digest=new_id("x"), scopes=[],
            revoked_at=revoked,
        )  # fmt: skip
    other = User.objects.create(email="other@corp.example")
    ApiToken.objects.create(
        workspace=workspace, user=other, name="t", prefix=new_id("p")[-12:], digest=new_id("x"), scopes=[]
    )
    off = directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": False})
    assert off.status_code == 200
    live = ApiToken.objects.filter(revoked_at=None, user__in=[person, other])
    assert set(live.values_list("workspace_id", "user_id")) == {
        (south.pk, person.pk),
        (workspace.pk, other.pk),
    }
    assert ApiToken.objects.filter(revoked_at=before).count() == 1, "what ended before ended then"
    assert directory.call("DELETE", f"Users/{pk}").status_code == 204
    assert list(Membership.objects.filter(user=person).values_list("workspace_id", flat=True)) == [south.pk]


@pytest.mark.parametrize("how", ["taken out", "group deleted", "disabled"])
def test_g27_runs_that_the_directory_takes_away_stop(
    directory: Directory,
    owner: Api,
    workspace: Any,
    how: str,
) -> None:
    agent = new_agent(owner, new_model(owner))
    pk = directory.make("bob")
    person = User.objects.get(email="bob@corp.example")
    Membership.objects.filter(user=person).update(role="builder")
    group = group_of(directory, "Team", pk)
    path = f"agents/{agent['id']}/"
    assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).status_code == 200
    assert owner.post(f"{path}grants/", {"grantee": group, "level": "run"}).status_code == 201
    from accounts.sessions import open_session
    from accounts.tokens import mint_tokens

    bob = Api(mint_tokens(open_session(person, client="api", ip="127.0.0.1")).access, owner.base)
    run = bob.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}})
    assert run.status_code == 202, run.content
    if how == "taken out":
        done = directory.patch(f"Groups/{group}", {"op": "remove", "path": "members"})
    elif how == "group deleted":
        done = directory.call("DELETE", f"Groups/{group}")
    else:
        done = directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": False})
    assert done.status_code in (200, 204), done.content
    assert Run.objects.get(pk=run.data["id"]).cancel_requested_at is not None


@pytest.mark.parametrize("lacks", ["invitation.create", "what the role holds"])
def test_g27_a_directory_invites_nobody_beyond_its_own_account(
    owner: Api,
    corp: str,
    make_person: Any,
    south: Any,
    lacks: str,
) -> None:
    """Success and denial side by side; who has an account already is invited, and does not become a member by itself."""
    make_person(south, "user", email="known@corp.example")
    body = {"schemas": [USER], "userName": "known@corp.example"}
    narrow = Directory(token_of(owner, *(VIEWER if lacks == "invitation.create" else ())))
    if lacks == "invitation.create":
        role = next(one for one in owner.get("roles/").data["results"] if one["name"].startswith("D"))
        kept = [one for one in role["permissions"] if one != lacks]
        assert owner.patch(f"roles/{role['id']}/", {"permissions": kept}, If_Match="*").status_code == 200
    assert narrow.call("POST", "Users", body).status_code == 403
    assert not ScimUser.objects.filter(email="known@corp.example").exists()
    assert Directory(token_of(owner, *VIEWER)).call("POST", "Users", body).status_code == 201


def test_g27_an_owner_elsewhere_or_a_disabled_one_is_no_other_owner(
    directory: Directory,
    owner: Api,
    workspace: Any,
    south: Any,
    stranger: Api,
    make_person: Any,
) -> None:
    pk = directory.make("bob")
    Membership.objects.filter(user__email="bob@corp.example").update(role="owner")
    User.objects.filter(pk=owner.person.pk).update(is_active=False)
    refused = directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": False})
    assert refused.status_code == 409, refused.content
    make_person(workspace, "owner")
    assert directory.patch(f"Users/{pk}", {"op": "Replace", "path": "active", "value": False}).status_code == 200
