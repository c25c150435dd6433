"""Objects that are shared: each level, through people and groups, at every door; and what ends when it is taken away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import Membership
from accounts.tokens import principal_from_access_token
from agents.models import Conversation, Run
from agents.ws.authority import RunWish, Watched, check_watchers, look_at_run, look_at_topic
from core.errors import NotFound
from tests.fixtures.people import Api
from tests.fixtures.sharing import LEVELS, group_of, share

pytestmark = pytest.mark.django_db


def reached(level: str | None) -> list[str]:
    return LEVELS[: LEVELS.index(level) + 1] if level else []


@pytest.mark.parametrize("by_group", [False, True], ids=["person", "group"])
@pytest.mark.parametrize("level", [None, *LEVELS])
def test_levels_on_a_restricted_agent(
    owner: Api, builder: Api, agent: dict[str, Any], level: str | None, by_group: bool
) -> None:
    path, other = f"agents/{agent['id']}/", builder.person.pk
    assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).status_code == 200
    if level:
        grantee = group_of(owner, builder) if by_group else other
        assert share(owner, path, grantee, level).status_code == 201
    can = reached(level)
    wanted = {
        ("GET", path, None): ("view", 200),
        ("POST", "runs/", json.dumps({"agent": agent["id"], "input": {"text": "Hi"}})): ("run", 202),
        ("PATCH", path, '{"description": "Better"}'): ("edit", 200),
        ("POST", f"{path}publish/", "{}"): ("edit", (201, 409)),
        ("GET", f"{path}grants/", None): ("manage", 200),
        ("GET", f"{path}access/", None): ("manage", 200),
        ("POST", f"{path}grants/", f'{{"grantee": "{other}", "level": "manage"}}'): ("manage", 201),
        ("PUT", f"{path}visibility/", '{"visibility": "restricted"}'): ("manage", 200),
        ("DELETE", path, None): ("manage", 204),
    }
    for (method, where, body), (needs, good) in wanted.items():
        got = builder.call(method, where, body, If_Match="*").status_code
        if needs in can:
            assert got == good or got in (good if isinstance(good, tuple) else ()), (method, where, got)
        else:
            assert got == (403 if can else 404), (method, where, got)
    listed = [one["id"] for one in builder.get("agents/").data["results"]]
    assert (agent["id"] in listed) == (bool(can) and level != "manage")


def test_an_open_agent_is_seen_and_run_by_all(owner: Api, builder: Api, agent: dict[str, Any]) -> None:
    path = f"agents/{agent['id']}/"
    assert builder.get(path).data["permissions"] == ["run"]
    assert builder.patch(path, {"description": "x"}, If_Match="*").status_code == 403
    assert share(owner, path, builder.person.pk, "edit").status_code == 201
    assert set(builder.get(path).data["permissions"]) == {"edit", "publish", "run"}


def test_the_role_is_the_ceiling(owner: Api, agent: dict[str, Any], make_person: Any, workspace: Any) -> None:
    viewer, path = make_person(workspace, "viewer"), f"agents/{agent['id']}/"
    assert share(owner, path, viewer.person.pk, "manage").status_code == 201
    assert viewer.patch(path, {"description": "x"}, If_Match="*").status_code == 403
    assert viewer.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).status_code == 403
    shown = {one["user"]["id"]: one for one in owner.get(f"{path}access/").data["results"]}
    assert shown[viewer.person.pk]["can"] == ["view"]
    assert {"why": "grant", "level": "manage", "by": None} in shown[viewer.person.pk]["reasons"]


def test_nobody_gives_what_they_do_not_hold(
    owner: Api, agent: dict[str, Any], make_person: Any, workspace: Any
) -> None:
    role = owner.post(
        "roles/", {"name": "Sharer", "permissions": ["agent.view", "agent.share", "agent.run", "member.view"]}
    ).data["id"]
    sharer, other = make_person(workspace, "user"), make_person(workspace, "builder")
    member = Membership.objects.get(user=sharer.person)
    assert owner.patch(f"members/{member.pk}/", {"role": role}).status_code == 200
    path = f"agents/{agent['id']}/"
    assert share(sharer, path, other.person.pk, "run").status_code == 403
    assert share(owner, path, sharer.person.pk, "manage").status_code == 201
    assert share(sharer, path, other.person.pk, "edit").status_code == 403, "their role cannot edit"
    assert share(sharer, path, other.person.pk, "run").status_code == 201


@pytest.mark.parametrize("level", [None, *LEVELS])
def test_incident_2_29_2_30_levels_on_a_conversation(
    owner: Api, builder: Api, conversation: dict[str, str], level: str | None
) -> None:
    """A shared read grant never allows a write, on the conversation or on its runs."""
    path, run = conversation["path"], f"runs/{conversation['run']}/"
    if level:
        assert share(owner, path, builder.person.pk, level).status_code == 201
    can = reached(level)
    before = list(Conversation.objects.values()), list(Run.objects.values())
    wanted: dict[tuple[str, str, str | None], tuple[str, int]] = {
        ("GET", path, None): ("view", 200),
        ("GET", f"{path}messages/", None): ("view", 200),
        ("GET", run, None): ("view", 200),
        ("GET", f"{run}events/", None): ("view", 200),
        ("POST", f"{run}cancel/", "{}"): ("run", 200),
        ("POST", f"{path}messages/", '{"text": "Hello"}'): ("run", 202),
        ("PATCH", path, '{"title": "Mine"}'): ("edit", 200),
        ("GET", f"{path}grants/", None): ("manage", 200),
        ("GET", f"{path}access/", None): ("manage", 200),
        ("PUT", f"{path}grants/{builder.person.pk}/", '{"level": "manage"}'): ("manage", 200),
        ("DELETE", path, None): ("manage", 204),
    }
    for (method, where, body), (needs, good) in wanted.items():
        got = builder.call(method, where, body).status_code
        assert got == (good if needs in can else 403 if can else 404), (method, where, got)
    assert builder.post(f"{run}retry/", {}).status_code == (404 if not can or "manage" in can else 403)
    if level in (None, "view"):
        assert (list(Conversation.objects.values()), list(Run.objects.values())) == before


def test_a_shared_conversation_is_listed_apart(owner: Api, builder: Api, conversation: dict[str, str]) -> None:
    share(owner, conversation["path"], builder.person.pk, "view")
    for query, count in (("", 1), ("?mine=true", 0), ("?mine=false", 1)):
        rows = builder.get(f"conversations/{query}").data["results"]
        assert len(rows) == count
    assert (rows[0]["owner"]["id"], rows[0]["permissions"]) == (owner.person.pk, [])
    assert set(owner.get(conversation["path"]).data["permissions"]) == {"speak", "edit", "delete", "share"}


def test_others_speak_and_the_owner_reads_it(owner: Api, builder: Api, conversation: dict[str, str]) -> None:
    share(owner, conversation["path"], builder.person.pk, "run")
    said = builder.post(f"{conversation['path']}messages/", {"text": "Hello"})
    assert said.status_code == 202
    run = f"runs/{said.data['run']}/"
    assert owner.get(run).data["started_by"]["id"] == builder.person.pk
    assert builder.post(f"{run}cancel/", {}).status_code == 202


def test_a_viewer_reads_what_is_shared_with_them(
    owner: Api, conversation: dict[str, str], make_person: Any, workspace: Any
) -> None:
    viewer = make_person(workspace, "viewer")
    assert viewer.get("conversations/").data["results"] == []
    assert viewer.get(conversation["path"]).status_code == 404
    share(owner, conversation["path"], viewer.person.pk, "view")
    assert viewer.get(f"{conversation['path']}messages/").status_code == 200
    assert viewer.post(f"{conversation['path']}messages/", {"text": "Hello"}).status_code == 403


@pytest.mark.parametrize("how", ["revoked", "lowered group", "left the group", "group deleted", "left", "deleted"])
def test_incident_2_28_2_54_taking_it_away_ends_the_watching(
    owner: Api, builder: Api, conversation: dict[str, str], how: str
) -> None:
    path, run = conversation["path"], conversation["run"]
    principal = principal_from_access_token(str(builder.token))
    with pytest.raises(NotFound):
        look_at_run(RunWish(principal, run))
    group = group_of(owner, builder)
    grantee = builder.person.pk if how in ("revoked", "left") else group
    assert share(owner, path, grantee, "view").status_code == 201
    look, space = look_at_run(RunWish(principal, run))
    topic = look_at_topic(principal, f"conversation:{conversation['id']}")
    assert topic.everybody and look.run == run
    watched = {1: Watched(principal, {space: {run}}, []), 2: Watched(principal, {}, [topic])}
    assert check_watchers(watched) == (set(), set())
    member = Membership.objects.get(user=builder.person)
    ended = {
        "revoked": ("DELETE", f"{path}grants/{grantee}/"),
        "lowered group": ("DELETE", f"{path}grants/{group}/"),
        "left the group": ("DELETE", f"groups/{group}/members/{builder.person.pk}/"),
        "group deleted": ("DELETE", f"groups/{group}/"),
        "left": ("DELETE", f"members/{member.pk}/"),
        "deleted": ("DELETE", path),
    }[how]
    assert owner.call(*ended).status_code == 204
    assert check_watchers(watched) == (set(), {1, 2})
    assert builder.get(f"runs/{run}/").status_code == 404


@pytest.mark.parametrize(
    "how", ["restricted", "revoked", "lowered", "left the group", "group deleted", "group revoked"]
)
def test_runs_that_a_grant_allowed_stop_with_it(owner: Api, builder: Api, agent: dict[str, Any], how: str) -> None:
    path = f"agents/{agent['id']}/"
    if how != "restricted":
        assert owner.call("PUT", f"{path}visibility/", {"visibility": "restricted"}).status_code == 200
    group = group_of(owner, builder)
    if how in ("revoked", "lowered"):
        share(owner, path, builder.person.pk, "run")
    elif how != "restricted":
        share(owner, path, group, "run")
    started = [
        one.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"] for one in (builder, owner)
    ]
    change = {
        "restricted": ("PUT", f"{path}visibility/", {"visibility": "restricted"}),
        "revoked": ("DELETE", f"{path}grants/{builder.person.pk}/", None),
        "lowered": ("PUT", f"{path}grants/{builder.person.pk}/", {"level": "view"}),
        "left the group": ("DELETE", f"groups/{group}/members/{builder.person.pk}/", None),
        "group deleted": ("DELETE", f"groups/{group}/", None),
        "group revoked": ("DELETE", f"{path}grants/{group}/", None),
    }[how]
    assert owner.call(*change).status_code in (200, 204)
    assert set(Run.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True)) == {started[0]}


def test_who_leaves_comes_back_with_nothing(
    owner: Api, builder: Api, conversation: dict[str, str], workspace: Any
) -> None:
    share(owner, conversation["path"], builder.person.pk, "manage")
    member = Membership.objects.get(user=builder.person)
    assert owner.delete(f"members/{member.pk}/").status_code == 204
    Membership.objects.create(workspace=workspace, user=builder.person, role="builder")
    assert builder.get(conversation["path"]).status_code == 404
    assert owner.get(f"{conversation['path']}grants/").data["results"] == []


def test_grants_are_for_the_workspaces_own(
    owner: Api, agent: dict[str, Any], make_workspace: Any, make_person: Any, workspace: Any
) -> None:
    space = make_workspace("South")
    stranger = make_person(space, "owner")
    foreign = stranger.post("groups/", {"name": "G"}).data["id"]
    path = f"agents/{agent['id']}/"
    for grantee in (
        stranger.person.pk,
        foreign,
        "usr_00000000000000000000000000",
        "",
        "%",
        "' OR 1=1",
        5,
        None,
        [],
        "*",
    ):
        assert share(owner, path, grantee, "view").status_code == 400, grantee
    for level in ("admin", "", None, 4, "VIEW", ["view"]):
        assert share(owner, path, owner.person.pk, level).status_code == 400, level
    disabled = make_person(workspace, "user")
    disabled.person.is_active = False
    disabled.person.save()
    assert share(owner, path, disabled.person.pk, "view").status_code == 400
    assert owner.delete(f"{path}grants/{stranger.person.pk}/").status_code == 404
    assert owner.get(f"{path}grants/").data["results"] == []


def test_a_grant_is_one_level(owner: Api, agent: dict[str, Any], builder: Api) -> None:
    path, who = f"agents/{agent['id']}/", builder.person.pk
    for level in ("manage", "view", "edit"):
        assert share(owner, path, who, level).status_code == 201
        rows = owner.get(f"{path}grants/").data["results"]
        assert [(one["grantee"], one["level"], one["kind"]) for one in rows] == [(who, level, "person")]
    assert owner.delete(f"{path}grants/{who}/").status_code == 204
    assert owner.delete(f"{path}grants/{who}/").status_code == 404
