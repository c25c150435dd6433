"""The permission matrix: every route x method x principal, expected from the declarations, the role table and the levels of
sharing alone. `docs/permissions.md` is the same for readers.

A route without a row in BODIES (or without objects for its path) fails; so routes that come later fall under it too.
Success and denial share one set-up, and each call is undone before the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from accounts.roles import NOT_FOR_TOKENS, ROLE_PERMISSIONS, Role
from accounts.sharing import Level, Sharing
from agents.models import Decision, Run
from agents.models.sharing import AGENT, CONVERSATION
from core.authz import Permission as P
from core.ids import new_id
from llm_providers.sharing import PROVIDER
from tests.architecture.test_routes import ROUTES
from tests.fixtures.houses import SAML_METADATA
from tests.fixtures.people import Api

# The whole table, sixteen principals a row. Who may do what is decided in Python: one database says it all.
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
    ("agents/<str:agent_id>/visibility/", "PUT"): {"visibility": "restricted"},
    ("agents/<str:agent_id>/grants/", "POST"): {"grantee": "{user_id}", "level": "view"},
    ("agents/<str:agent_id>/grants/<str:grantee>/", "PUT"): {"level": "view"},
    ("conversations/<str:conversation_id>/grants/", "POST"): {"grantee": "{user_id}", "level": "view"},
    ("conversations/<str:conversation_id>/grants/<str:grantee>/", "PUT"): {"level": "view"},
    ("providers/<str:provider>/visibility/", "PUT"): {"visibility": "restricted"},
    ("providers/<str:provider>/grants/", "POST"): {"grantee": "{user_id}", "level": "view"},
    ("providers/<str:provider>/grants/<str:grantee>/", "PUT"): {"level": "view"},
    ("conversations/", "POST"): {"agent": "{agent_id}"},
    ("conversations/<str:conversation_id>/", "PATCH"): {"title": "Other"},
    ("conversations/<str:conversation_id>/messages/", "POST"): {"text": "Hello"},
    ("groups/", "POST"): {"name": "New"},
    ("groups/<str:group_id>/", "PATCH"): {"name": "Other"},
    ("groups/<str:group_id>/members/", "POST"): {"user": "{user_id}"},
    ("invitations/", "POST"): {"email": "new@example.com", "role": "viewer"},
    ("invitations/<str:invitation_id>/resend/", "POST"): {},
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
    ("sso/", "POST"): {"kind": "saml", "name": "Second", "metadata": SAML_METADATA, "default_role": "viewer"},
    ("sso/<str:connection_id>/", "PATCH"): {"name": "Other"},
    ("sso/<str:connection_id>/test/", "POST"): {},
    ("retention/", "PATCH"): {"run_days": 400},
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


@dataclass(frozen=True)
class Principal:
    """Somebody who knocks: what they hold, and how near the world's objects are to them.

    `level`: what was granted to them on each shared object; `own`: they made the agent, the conversation and the run.
    `status`: what everybody of this kind is answered, whatever they ask.
    """

    name: str
    api: Api
    held: frozenset[P] = frozenset()
    own: bool = False
    level: Level | None = None
    status: int | None = None


class World:
    """One workspace with everything in it, made by a builder; the same in a second workspace."""

    def __init__(self, make_workspace: Callable[..., Any], make_person: Callable[..., Api]) -> None:
        self.space = make_workspace("Here")
        self.base = f"/api/v1/workspaces/{self.space.slug}/"
        self.maker = make_person(self.space, "builder")
        reader, writer, disabled = (make_person(self.space, "builder") for _ in range(3))
        self.people = {role.value: make_person(self.space, role.value) for role in Role}
        self.foreign_space = make_workspace("Elsewhere")
        self.stranger = make_person(self.foreign_space, "owner")
        self.ids = self._fill(self.people["owner"], self.maker)
        self.foreign_ids = self._fill(self.stranger, self.stranger)
        self._share(reader, "view")
        self._share(writer, "manage")
        disabled.person.is_active = False
        disabled.person.save()
        built = ROLE_PERMISSIONS[Role.BUILDER]
        carried = built - NOT_FOR_TOKENS
        looks = frozenset(one for one in carried if one.value.endswith(".view"))
        self.principals = [
            Principal("own", self.maker, built, own=True),
            *(Principal(name, api, ROLE_PERMISSIONS[Role(name)]) for name, api in self.people.items()),
            Principal("shared-read", reader, built, level=Level.VIEW),
            Principal("shared-write", writer, built, level=Level.MANAGE),
            Principal("own, by a token", self._token(self.maker, carried), carried, own=True),
            Principal("own, by a token that looks", self._token(self.maker, looks), looks, own=True),
            Principal("a service account", self._account(carried), carried),
            Principal("disabled", disabled, status=401),
            Principal("nobody", Api(None, self.base), status=401),
            Principal("a wrong token", Api("eyJhbGciOiJub25lIn0.e30.", self.base), status=401),
            Principal("a wrong API token", Api(f"aap_{'a' * 12}_{'B' * 40}", self.base), status=401),
            Principal("another workspace's owner", self.stranger, status=404),
        ]

    def _share(self, person: Api, level: str) -> None:
        body = {"grantee": person.person.pk, "level": level}
        for who, path in (
            (self.maker, f"agents/{self.ids['agent_id']}/"),
            (self.maker, f"conversations/{self.ids['conversation_id']}/"),
            (self.people["owner"], f"providers/{self.ids['provider']}/"),
        ):
            assert who.post(f"{path}grants/", body).status_code == 201

    def _token(self, person: Api, scopes: frozenset[P], path: str = "api-tokens/") -> Api:
        made = person.post(path, {"name": "t", "scopes": sorted(scopes)})
        assert made.status_code == 201, made.content
        return Api(made.data["token"], self.base)

    def _account(self, scopes: frozenset[P]) -> Api:
        made = self.people["owner"].post("service-accounts/", {"name": "s", "role": "builder"})
        return self._token(self.people["owner"], scopes, f"service-accounts/{made.data['id']}/api-tokens/")

    def _fill(self, owner: Api, maker: Api) -> dict[str, str]:
        provider = owner.post("providers/", {"kind": "demo", "name": "Demo"}).data["id"]
        model = owner.get("models/").data["results"][0]["id"]
        agent = maker.post("agents/", {"name": "A", "model": model}).data["id"]
        assert maker.post(f"agents/{agent}/publish/", {}).status_code == 201
        etag = maker.get(f"agents/{agent}/")["ETag"]
        assert maker.patch(f"agents/{agent}/", {"instructions": "Newer"}, If_Match=etag).status_code == 200
        started = maker.post("runs/", {"agent": agent, "input": {"text": "Hi"}})
        assert started.status_code == 202, started.content
        ids = {
            **company(owner, maker),
            "provider": provider,
            "model": model,
            "agent_id": agent,
            "number": "1",
            "conversation_id": started.data["conversation"],
            "run_id": started.data["id"],
            "decision_id": asked(started.data["id"]),
        }
        share_with(owner, maker, ids)
        return ids


def share_with(owner: Api, maker: Api, ids: dict[str, str]) -> None:
    """Everything that can be shared is, with somebody: the grants that the routes name."""
    ids["grantee"] = ids["user_id"]
    for who, path in (
        (maker, f"agents/{ids['agent_id']}/"),
        (maker, f"conversations/{ids['conversation_id']}/"),
        (owner, f"providers/{ids['provider']}/"),
    ):
        assert who.post(f"{path}grants/", {"grantee": ids["grantee"], "level": "view"}).status_code == 201


def company(owner: Api, maker: Api) -> dict[str, str]:
    """A group with the workspace's newest member in it, a role, a service account and a token of the maker's; their ids."""
    group = owner.post("groups/", {"name": "Team"}).data["id"]
    member = owner.get("members/").data["results"][-1]
    assert owner.post(f"groups/{group}/members/", {"user": member["user"]["id"]}).status_code == 201
    return {
        "token_id": maker.post("api-tokens/", {"name": "Mine", "scopes": ["agent.view"]}).data["id"],
        "account_id": owner.post("service-accounts/", {"name": "Nightly", "role": "viewer"}).data["id"],
        "group_id": group,
        "invitation_id": owner.post("invitations/", {"email": "invited@example.com", "role": "viewer"}).data["id"],
        "member_id": member["id"],
        "user_id": member["user"]["id"],
        **federation(owner),
        "role_id": owner.post("roles/", {"name": "Support", "permissions": ["agent.view"]}).data["id"],
    }


def federation(owner: Api) -> dict[str, str]:
    """An identity provider, and a test of it."""
    body = {"kind": "saml", "name": "Corp", "metadata": SAML_METADATA, "default_role": "viewer"}
    pk = owner.post("sso/", body).data["id"]
    return {"connection_id": pk, "test_id": owner.post(f"sso/{pk}/test/", {}).data["test"]}


def asked(run: str) -> str:
    """A question that a run has put; returns its id."""
    row = Run.objects.get(pk=run)
    return str(Decision.objects.create(run=row, workspace_id=row.workspace_id, kind="question", prompt="Which?").pk)


def make_ready(route: str, ids: dict[str, str]) -> None:
    """Bring the world's run into the state that the route needs."""
    if route.startswith("runs/<"):
        Run.objects.filter(pk=ids["run_id"]).update(status="failed" if route in ENDED else "queued")


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


def expected(who: Principal, route: str, required: P) -> int | None:
    """403 or 404 when it must be refused, None when it must be let through."""
    if who.status is not None:
        return who.status
    if required not in who.held:
        return 403
    kind = next((name for name in NEAR if f"<str:{name}>" in route), None)
    return None if kind is None else NEAR[kind](who, required)


def _shared(sharing: Sharing, who: Principal, needed: Level) -> int | None:
    near = who.level or 0
    if (who.own and sharing.owned) or (sharing.reaches_all in who.held):
        near = Level.MANAGE
    near = max(near, sharing.opens or 0)
    return None if near >= needed else 403 if near >= Level.VIEW else 404


def _near_agent(who: Principal, required: P) -> int | None:
    return _shared(AGENT, who, AGENT.level_of(required))


def _near_conversation(who: Principal, required: P) -> int | None:
    return _shared(CONVERSATION, who, Level.RUN if required == P.RUN_CREATE else CONVERSATION.level_of(required))


def _near_provider(who: Principal, required: P) -> int | None:
    return _shared(PROVIDER, who, PROVIDER.level_of(required))


def _near_run(who: Principal, required: P) -> int | None:
    if who.own:
        return None
    sees = P.RUN_VIEW_ANY in who.held or who.level is not None
    acts = P.RUN_MANAGE_ANY in who.held or (who.level or 0) >= Level.RUN
    if required == P.RUN_CREATE:  # to try again is for who started it
        return 403 if sees else 404
    good = sees if required in (P.RUN_VIEW, P.DECISION_VIEW) else acts
    return None if good else 403 if sees else 404


def _near_token(who: Principal, required: P) -> int | None:
    if who.own:
        return None
    if P.API_TOKEN_MANAGE not in who.held:
        return 404
    return 403 if required == P.API_TOKEN_EDIT else None


def _near_test(who: Principal, required: P) -> int | None:
    return None if who.name == Role.OWNER.value else 404  # the owner's own; nobody else who may test is there


NEAR = {
    "agent_id": _near_agent,
    "conversation_id": _near_conversation,
    "provider": _near_provider,
    "model": _near_provider,
    "run_id": _near_run,
    "decision_id": _near_run,
    "token_id": _near_token,
    "test_id": _near_test,
}
#: All routes of a resource in one world, which costs more than the calls: every call is undone.
RESOURCES = [
    pytest.param(
        [call for call in CALLS if (call[0].split("/")[0], call[0] in ASYNC) == (resource, is_async)],
        id=resource + (" (stream)" if is_async else ""),
        marks=pytest.mark.django_db(transaction=is_async),
    )
    for resource, is_async in sorted({(route.split("/")[0], route in ASYNC) for route, _, _ in CALLS})
]


@pytest.mark.parametrize("calls", RESOURCES)
def test_incident_2_6_2_30_matrix(world: World, calls: list[Any]) -> None:
    problems, asked = [], 0
    for route, method, required in calls:
        if method in ("POST", "PATCH", "PUT"):
            assert (route, method) in BODIES, "a new route needs its row in BODIES"
        for who in world.principals:
            want = expected(who, route, required)
            got = send(who.api, world.base, route, method, world.ids, world.people["owner"])
            asked += 1
            if (got != want) if want else not 200 <= got < 300:
                problems.append(f"{method} {route}: {who.name}: wanted {want or '2xx'}, got {got}")
    assert asked
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("calls", [one for one in RESOURCES if any("<" in call[0] for call in one.values[0])])
def test_incident_2_17_foreign_and_random_ids_answer_alike(world: World, calls: list[Any]) -> None:
    for route, method, _ in calls:
        if "<" in route:
            refuse_alike(world, route, method)


def refuse_alike(world: World, route: str, method: str) -> None:
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
    assert [status for status, _ in answers] == [404, 404, 404], (method, route, answers)
    assert answers[0] == answers[1], (method, route)


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
