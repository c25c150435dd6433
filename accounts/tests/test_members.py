"""Members, roles and groups: nobody rises by their own hand, an owner always stays, and what is taken away ends."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import CustomRole, Membership, User
from accounts.roles import ROLE_PERMISSIONS, Role
from audit.models import AuditEntry
from core.authz import Permission

pytestmark = pytest.mark.django_db


def member_id(api: Any) -> str:
    return str(Membership.objects.get(user=api.person).pk)


def role_of(api: Any) -> str:
    return str(Membership.objects.get(user=api.person).role_key)


def test_the_table_is_ordered() -> None:
    """Each step up holds all of the one below; an owner holds everything there is."""
    held = ROLE_PERMISSIONS
    assert held[Role.VIEWER] < held[Role.USER] < held[Role.BUILDER] < held[Role.ADMIN] < held[Role.OWNER]
    assert held[Role.AUDITOR] < held[Role.ADMIN]
    assert held[Role.OWNER] == frozenset(Permission)
    writes = {one for one in held[Role.AUDITOR] | held[Role.VIEWER] if not one.value.endswith((".view", ".export"))}
    assert not writes


@pytest.mark.parametrize("given", [role.value for role in Role])
@pytest.mark.parametrize("giver", ["owner", "admin", "builder", "user", "viewer", "auditor"])
def test_a_role_is_given_by_those_who_hold_all_of_it(
    workspace: Any, owner: Any, make_person: Any, giver: str, given: str
) -> None:
    who, target = make_person(workspace, giver), make_person(workspace, "viewer")
    answer = who.patch(f"members/{member_id(target)}/", {"role": given})
    held = ROLE_PERMISSIONS[Role(giver)]
    allowed = Permission.MEMBER_EDIT in held and ROLE_PERMISSIONS[Role(given)] <= held
    assert answer.status_code == (200 if allowed else 403), answer.data
    assert role_of(target) == (given if allowed else "viewer")


def test_incident_2_47_nobody_raises_themselves(workspace: Any, owner: Any, make_person: Any) -> None:
    for role in ("admin", "builder", "user", "viewer", "auditor"):
        who = make_person(workspace, role)
        answer = who.patch(f"members/{member_id(who)}/", {"role": "owner"})
        assert answer.status_code == 403
        assert role_of(who) == role
    denied = AuditEntry.objects.filter(outcome="denied", data__attempted="member.update_role")
    assert denied.filter(data__permission="member.edit").exists(), "the refusal is on record"


def test_who_holds_more_is_out_of_reach(workspace: Any, owner: Any, make_person: Any) -> None:
    admin = make_person(workspace, "admin")
    assert admin.patch(f"members/{member_id(owner)}/", {"role": "viewer"}).status_code == 403
    assert admin.delete(f"members/{member_id(owner)}/").status_code == 403
    assert role_of(owner) == "owner"


def test_the_last_owner_stays(workspace: Any, owner: Any, make_person: Any) -> None:
    path = f"members/{member_id(owner)}/"
    for answer in (owner.patch(path, {"role": "admin"}), owner.delete(path)):
        assert (answer.status_code, answer.data["code"]) == (409, "last_owner")
    second = make_person(workspace, "owner")
    User.objects.filter(pk=second.person.pk).update(is_active=False)
    assert owner.delete(path).status_code == 409, "a disabled owner is no owner to rely on"
    User.objects.filter(pk=second.person.pk).update(is_active=True)
    assert owner.patch(path, {"role": "viewer"}).status_code == 200
    assert owner.patch(path, {"role": "owner"}).status_code == 403, "what was given up does not come back by itself"


def test_a_role_of_the_workspaces_own(workspace: Any, owner: Any, make_person: Any) -> None:
    made = owner.post("roles/", {"name": "Support", "permissions": ["agent.view", "workspace.view", "agent.view"]})
    assert made.status_code == 201
    role = made.data["id"]
    assert made.data["permissions"] == ["agent.view", "workspace.view"]
    helper = make_person(workspace, "user")
    assert owner.patch(f"members/{member_id(helper)}/", {"role": role}).status_code == 200
    mine = helper.get("/api/v1/me/").data["workspaces"][0]
    assert (mine["role"], mine["permissions"]) == (role, ["agent.view", "workspace.view"])
    assert helper.get("agents/").status_code == 200
    assert helper.get("members/").status_code == 403
    shown = next(one for one in owner.get("members/").data["results"] if one["user"]["id"] == helper.person.pk)
    assert (shown["role"], shown["role_name"]) == (role, "Support")
    in_use = owner.delete(f"roles/{role}/")
    assert (in_use.status_code, in_use.data["code"]) == (409, "role_in_use")
    tag = owner.get(f"roles/{role}/")["ETag"]
    changed = owner.patch(f"roles/{role}/", {"permissions": ["workspace.view", "member.view"]}, If_Match=tag)
    assert changed.status_code == 200
    assert helper.get("agents/").status_code == 403
    assert helper.get("members/").status_code == 200
    late = owner.patch(f"roles/{role}/", {"name": "Late"}, If_Match=tag)
    assert (late.status_code, late.data["current"]["permissions"]) == (412, ["member.view", "workspace.view"])
    assert owner.patch(f"members/{member_id(helper)}/", {"role": "user"}).status_code == 200
    assert owner.delete(f"roles/{role}/").status_code == 204
    assert not CustomRole.objects.exists()


def test_a_role_never_holds_more_than_whoever_writes_it(workspace: Any, owner: Any, make_person: Any) -> None:
    admin = make_person(workspace, "admin")
    beyond = admin.post("roles/", {"name": "Mine", "permissions": ["workspace.export"]})
    assert (beyond.status_code, beyond.data["code"]) == (403, "beyond_your_own")
    role = owner.post("roles/", {"name": "Keeper", "permissions": ["retention.edit", "workspace.view"]}).data["id"]
    for body in ({"permissions": ["workspace.view"]}, {"name": "Other"}, {"permissions": ["retention.edit"]}):
        assert admin.patch(f"roles/{role}/", body, If_Match="*").status_code == 403
    assert admin.delete(f"roles/{role}/").status_code == 403
    assert admin.patch(f"members/{member_id(admin)}/", {"role": role}).status_code == 403
    assert CustomRole.objects.get(pk=role).permissions == ["retention.edit", "workspace.view"]


@pytest.mark.parametrize("name", ["owner", "Admin", "CUSTOM", "", "  ", "a\x00b", "x" * 61, "two\nlines"])
def test_names_of_roles(owner: Any, name: str) -> None:
    assert owner.post("roles/", {"name": name, "permissions": []}).status_code == 400


def test_names_are_taken_once(owner: Any) -> None:
    for path, extra in (("roles/", {"permissions": []}), ("groups/", {})):
        assert owner.post(path, {"name": "Team", **extra}).status_code == 201
        again = owner.post(path, {"name": "tEAM", **extra})
        assert (again.status_code, again.data["errors"][0]["code"]) == (400, "taken")


@pytest.mark.parametrize(
    "permissions", ["agent.view", None, ["agent.fly"], [1], [["agent.view"]], {"agent.view": True}, ["*"], ["agent.%"]]
)
def test_permissions_are_names_from_the_table(owner: Any, permissions: Any) -> None:
    assert owner.post("roles/", {"name": "R", "permissions": permissions}).status_code == 400


@pytest.mark.parametrize("role", ["root", "", "OWNER", "custom", "rol_00000000000000000000000000", None, ["owner"]])
def test_unknown_roles_are_refused(workspace: Any, owner: Any, make_person: Any, role: Any) -> None:
    target = make_person(workspace, "viewer")
    assert owner.patch(f"members/{member_id(target)}/", {"role": role}).status_code == 400


def test_a_role_of_another_workspace_is_unknown(
    workspace: Any, owner: Any, make_workspace: Any, make_person: Any
) -> None:
    elsewhere = make_person(make_workspace("South"), "owner")
    foreign = elsewhere.post("roles/", {"name": "F", "permissions": []}).data["id"]
    target = make_person(workspace, "viewer")
    assert owner.patch(f"members/{member_id(target)}/", {"role": foreign}).status_code == 400
    assert owner.patch(f"members/{member_id(elsewhere)}/", {"role": "viewer"}).status_code == 404


def test_groups(workspace: Any, owner: Any, make_person: Any, make_workspace: Any) -> None:
    group = owner.post("groups/", {"name": "Team", "description": "All of us"}).data
    person, stranger = make_person(workspace, "user"), make_person(make_workspace("South"), "user")
    path = f"groups/{group['id']}/"
    assert owner.post(f"{path}members/", {"user": person.person.pk}).status_code == 201
    assert owner.post(f"{path}members/", {"user": person.person.pk}).status_code == 201, "twice is once"
    assert owner.post(f"{path}members/", {"user": stranger.person.pk}).status_code == 400
    assert owner.get(path).data["size"] == 1
    assert [one["id"] for one in person.get(f"{path}members/").data["results"]] == [person.person.pk]
    assert person.post(f"{path}members/", {"user": person.person.pk}).status_code == 403
    assert owner.delete(f"members/{member_id(person)}/").status_code == 204
    assert owner.get(path).data["size"] == 0, "who leaves the workspace leaves its groups"
    assert owner.delete(f"{path}members/{person.person.pk}/").status_code == 404
    assert owner.patch(path, {"name": "Crew"}, If_Match="*").data["name"] == "Crew"
    assert owner.delete(path).status_code == 204
    assert owner.get(path).status_code == 404


def test_two_people_who_edit_a_group_do_not_undo_each_other(owner: Any, workspace: Any, make_person: Any) -> None:
    admin, outsider = make_person(workspace, "admin"), make_person(None)
    made = owner.post("groups/", {"name": "Sales", "description": "Old"})
    path = f"groups/{made.data['id']}/"
    tag = owner.get(path)["ETag"]
    assert made["ETag"] == tag
    assert owner.patch(path, {"name": "Other"}).status_code == 428
    changed = admin.patch(path, {"description": "Theirs"}, If_Match=tag)
    assert changed.status_code == 200 and changed["ETag"] != tag
    late = owner.patch(path, {"name": "Mine"}, If_Match=tag)
    assert (late.status_code, late.data["current"]["description"]) == (412, "Theirs")
    assert owner.patch(path, {"name": "Mine"}, If_Match=late["ETag"]).data["description"] == "Theirs"
    assert owner.patch(path, {"name": "Again"}, If_Match="*").status_code == 200
    assert outsider.call("PATCH", f"{owner.base}{path}", {"name": "X"}, If_Match="*").status_code == 404
    assert owner.post(f"{path}members/", {"user": admin.person.pk}).status_code == 201
