"""The permission matrix: every route x method x principal, expected from the declarations and the role table alone.

A route without a row in BODIES (or without objects for its path) fails; so routes that come later fall under it too.
Success and denial share one set-up, and each call is undone before the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.roles import ROLE_PERMISSIONS, Role
from agents.models import Decision, Run
from core.authz import Permission as P
from core.ids import new_id
from tests.architecture.test_routes import ROUTES
from tests.fixtures.people import Api

# The whole table, thirteen principals a row. Who may do what is decided in Python: one database says it all.
pytestmark = [pytest.mark.slow, pytest.mark.one_database]

# What to send, for each route and method that takes a body. "{name}" is filled in from the world's ids.
BODIES: dict[tuple[str, str], Any] = {
    ("", "PATCH"): {"name": "Renamed"},
    ("agents/", "POST"): {"name": "New"},
    ("agents/<str:agent_id>/", "PATCH"): {"description": "Better"},
    ("agents/<str:agent_id>/publish/", "POST"): {},
    ("agents/<str:agent_id>/versions/<int:number>/restore/", "POST"): {},
    ("api-tokens/", "POST"): {"name": "New", "scopes": ["agent.view"]},
    ("api-tokens/<str:token_id>/", "PATCH"): {"name": "Other"},
    ("api-tokens/<str:token_id>/rotate/", "POST"): {},
    ("conversations/", "POST"): {"agent": "{agent_id}"},
    ("conversations/<str:conversation_id>/", "PATCH"): {"title": "Other"},
    ("conversations/<str:conversation_id>/messages/", "POST"): {"text": "Hello"},
    ("groups/", "POST"): {"name": "New"},
    ("groups/<str:group_id>/", "PATCH"): {"name": "Other"},
    ("groups/<str:group_id>/members/", "POST"): {"user": "{user_id}"},
    ("members/<str:member_id>/", "PATCH"): {"role": "viewer"},
    ("models/<str:model>/", "PATCH"): {"enabled": False},
    ("providers/", "POST"): {"kind": "demo", "name": "Second"},
    ("providers/<str:provider>/", "PATCH"): {"name": "Other"},
    ("providers/<str:provider>/sync/", "POST"): {},
    ("providers/<str:provider>/test/", "POST"): {},
    ("providers/check/", "POST"): {"kind": "demo"},
    ("roles/", "POST"): {"name": "New", "permissions": ["agent.view"]},
    ("roles/<str:role_id>/", "PATCH"): {"name": "Other"},
    ("service-accounts/", "POST"): {"name": "New", "role": "viewer"},
    ("service-accounts/<str:account_id>/", "PATCH"): {"name": "Other"},
    ("service-accounts/<str:account_id>/api-tokens/", "POST"): {"name": "New", "scopes": ["agent.view"]},
    ("runs/", "POST"): {"agent": "{agent_id}", "input": {"text": "Hello"}},
    ("decisions/<str:decision_id>/resolve/", "POST"): {"resolution": "decline"},
    ("runs/<str:run_id>/cancel/", "POST"): {},
    ("runs/<str:run_id>/retry/", "POST"): {},
    ("runs/<str:run_id>/continue/", "POST"): {},
}
# Only a run that has ended can be tried again.
ENDED = ("runs/<str:run_id>/retry/", "runs/<str:run_id>/continue/")
PREFIX = "api/v1/workspaces/<str:workspace>/"
CALLS = [
    (route.removeprefix(PREFIX), method, required)
    for route, view in ROUTES
    if route.startswith(PREFIX)
    for method, required in (
        getattr(getattr(view, "view_class", None) or getattr(view, "cls", None), "permissions", None)
        or {"GET": view.permission}
    ).items()
]
# Async views read the database from threads of their own: their world must be committed.
ASYNC = {"runs/<str:run_id>/stream/"}
OWNED = {
    "agent_id": "agent",
    "conversation_id": "conversation",
    "run_id": "run",
    "decision_id": "decision",
    "token_id": "token",
}


class World:
    """One workspace with everything in it, made by a builder; the same in a second workspace."""

    def __init__(self, make_workspace: Callable[..., Any], make_person: Callable[..., Api]) -> None:
        self.space = make_workspace("Here")
        self.maker = make_person(self.space, "builder")
        self.people = {role.value: make_person(self.space, role.value) for role in Role}
        self.foreign_space = make_workspace("Elsewhere")
        self.stranger = make_person(self.foreign_space, "owner")
        self.ids = self._fill(self.people["owner"], self.maker)
        self.foreign_ids = self._fill(self.stranger, self.stranger)

    def _fill(self, owner: Api, maker: Api) -> dict[str, str]:
        provider = owner.post("providers/", {"kind": "demo", "name": "Demo"}).data["id"]
        model = owner.get("models/").data["results"][0]["id"]
        agent = maker.post("agents/", {"name": "A", "model": model}).data["id"]
        assert maker.post(f"agents/{agent}/publish/", {}).status_code == 201
        etag = maker.get(f"agents/{agent}/")["ETag"]
        assert maker.patch(f"agents/{agent}/", {"instructions": "Newer"}, If_Match=etag).status_code == 200
        started = maker.post("runs/", {"agent": agent, "input": {"text": "Hi"}})
        assert started.status_code == 202, started.content
        return {
            **company(owner, maker),
            "provider": provider,
            "model": model,
            "agent_id": agent,
            "number": "1",
            "conversation_id": started.data["conversation"],
            "run_id": started.data["id"],
            "decision_id": asked(started.data["id"]),
        }


def company(owner: Api, maker: Api) -> dict[str, str]:
    """A group with the workspace's newest member in it, a role, a service account and a token of the maker's; their ids."""
    group = owner.post("groups/", {"name": "Team"}).data["id"]
    member = owner.get("members/").data["results"][-1]
    assert owner.post(f"groups/{group}/members/", {"user": member["user"]["id"]}).status_code == 201
    return {
        "token_id": maker.post("api-tokens/", {"name": "Mine", "scopes": ["agent.view"]}).data["id"],
        "account_id": owner.post("service-accounts/", {"name": "Nightly", "role": "viewer"}).data["id"],
        "group_id": group,
        "member_id": member["id"],
        "user_id": member["user"]["id"],
        "role_id": owner.post("roles/", {"name": "Support", "permissions": ["agent.view"]}).data["id"],
    }


def asked(run: str) -> str:
    """A question that a run has put; returns its id."""
    row = Run.objects.get(pk=run)
    return str(Decision.objects.create(run=row, workspace_id=row.workspace_id, kind="question", prompt="Which?").pk)


def make_ready(route: str, ids: dict[str, str]) -> None:
    """Bring the world's run into the state that the route needs."""
    if route.startswith("runs/<"):
        Run.objects.filter(pk=ids["run_id"]).update(status="failed" if route in ENDED else "queued")


def cases(calls: list[Any]) -> list[Any]:
    return [
        pytest.param(*call, id=f"{call[1]} {call[0] or '.'}", marks=pytest.mark.django_db(transaction=call[0] in ASYNC))
        for call in calls
    ]


@pytest.fixture
def world(make_workspace: Any, make_person: Any) -> World:
    return World(make_workspace, make_person)


def fill(text: Any, ids: dict[str, str]) -> Any:
    if isinstance(text, str):
        return re.sub(r"<\w+:(\w+)>|\{(\w+)\}", lambda m: ids[m.group(1) or m.group(2)], text)
    if isinstance(text, dict):
        return {key: fill(value, ids) for key, value in text.items()}
    return text


def send(api: Api, base: str, route: str, method: str, ids: dict[str, str], reader: Api) -> int:
    """Call and undo; the status."""
    path = base + fill(route, ids)
    headers = {}
    if method == "PATCH":
        headers["If_Match"] = reader.get(path).headers.get("ETag", "*")
    if route in ASYNC:  # its threads could not write beside our transaction, and it changes nothing
        return int(api.get(path).status_code)
    with transaction.atomic():
        make_ready(route, ids)
        status = api.call(method, path, fill(BODIES.get((route, method)), ids), **headers).status_code
        transaction.set_rollback(True)
    return int(status)


def expected(role: Role, is_maker: bool, route: str, required: P) -> int | None:
    """403 or 404 when it must be refused, None when it must be let through."""
    held = ROLE_PERMISSIONS[role]
    if required not in held:
        return 403
    if required == P.PROVIDER_EDIT:  # there are no grants in this world
        return None if P.PROVIDER_EDIT_ANY in held else 403
    owned = next((kind for name, kind in OWNED.items() if f":{name}>" in route), None)
    if owned is None or is_maker:
        return None
    if owned == "conversation":
        return 404
    if owned == "token":
        if P.API_TOKEN_MANAGE not in held:
            return 404
        return 403 if required == P.API_TOKEN_EDIT else None
    if owned in ("run", "decision"):
        if P.RUN_VIEW_ANY not in held:
            return 404
        # To try somebody's run again means to speak in their conversation.
        return 403 if required == P.RUN_CREATE else None
    changes_agent = required in (P.AGENT_EDIT, P.AGENT_PUBLISH, P.AGENT_DELETE)
    return 403 if changes_agent and P.AGENT_EDIT_ANY not in held else None


@pytest.mark.parametrize(("route", "method", "required"), cases(CALLS))
def test_matrix(world: World, route: str, method: str, required: P) -> None:
    if method in ("POST", "PATCH", "PUT"):
        assert (route, method) in BODIES, "a new route needs its row in BODIES"
    base = f"/api/v1/workspaces/{world.space.slug}/"
    owner = world.people["owner"]

    def status_of(api: Api, ids: dict[str, str] = world.ids, where: str = base) -> int:
        return send(api, where, route, method, ids, owner)

    problems = []
    principals = [("maker", Role.BUILDER, world.maker, True)]
    principals += [(role.value, role, world.people[role.value], False) for role in Role]
    for name, role, api, is_maker in principals:
        want, got = expected(role, is_maker, route, required), status_of(api)
        if (got != want) if want else not 200 <= got < 300:
            problems.append(f"{name}: wanted {want or '2xx'}, got {got}")
    for name, api, want in (
        ("nobody", Api(None, base), 401),
        ("a wrong token", Api("eyJhbGciOiJub25lIn0.e30.", base), 401),
        ("another workspace's owner", world.stranger, 404),
    ):
        got = status_of(api)
        if got != want:
            problems.append(f"{name}: wanted {want}, got {got}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(("route", "method", "required"), cases([call for call in CALLS if "<" in call[0]]))
def test_incident_2_17_foreign_and_random_ids_answer_alike(world: World, route: str, method: str, required: P) -> None:
    owner = world.people["owner"]
    base = f"/api/v1/workspaces/{world.space.slug}/"
    random_ids = {name: new_id(value.split("_")[0]) if "_" in value else "999" for name, value in world.ids.items()}
    answers = []
    for ids in (world.foreign_ids, random_ids, {**world.ids, **dict.fromkeys(world.ids, "..%2f..%2fdb.sqlite3")}):
        if ids["number"].startswith(".."):
            ids["number"] = "1"
        with transaction.atomic():
            answer = owner.call(
                method, base + fill(route, ids), fill(BODIES.get((route, method)), world.ids), If_Match="*"
            )
            transaction.set_rollback(True)
        body = dict(answer.data or {})
        body.pop("request_id", None)
        answers.append((answer.status_code, body))
    assert [status for status, _ in answers] == [404, 404, 404], answers
    assert answers[0] == answers[1]


def test_ids_inside_a_body_of_another_workspace_are_unknown(world: World) -> None:
    owner = world.people["owner"]
    foreign, random = world.foreign_ids["agent_id"], new_id("agt")
    for path, body in (("conversations/", {"agent": "X"}), ("runs/", {"agent": "X", "input": {"text": "Hi"}})):
        found = [owner.post(path, {**body, "agent": value}) for value in (foreign, random)]
        assert [answer.status_code for answer in found] == [404, 404]
    for model in (world.foreign_ids["model"], new_id("mdl")):
        assert owner.post("agents/", {"name": "N", "model": model}).data["errors"][0]["field"] == "model"
    answer = owner.post(
        "runs/",
        {
            "agent": world.ids["agent_id"],
            "input": {"text": "Hi"},
            "conversation": world.foreign_ids["conversation_id"],
        },
    )
    assert answer.status_code == 404
