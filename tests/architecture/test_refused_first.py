"""Each door and each verb refuses by itself: whoever lacks the permission is told so before anything else is looked at.

The matrix (test_matrix.py) says who is let through in the end. Here the view's own check is asked, with ids that do not
exist and bodies that hold nothing, and the verb's own check, with no door before it. So neither rests on the other.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from accounts.roles import NOT_FOR_TOKENS
from accounts.tokens import actor_of_member
from agents.models import Agent
from agents.services.sharing import agent_grants, conversation_grants
from audit.action import ACTIONS, Action
from audit.models import AuditEntry
from core.authz import Actor, verbs_on, visible_to
from core.authz import Permission as P
from core.errors import PermissionDenied
from core.ids import new_id
from llm_providers.models import Provider
from llm_providers.services import check_connection, create_provider, sync_models, test_provider
from llm_providers.services.sharing import provider_grants
from platform_site.permission_table import declared
from tests.architecture.test_routes import ROUTES
from tests.fixtures.people import Api

# Python's own decisions: one database says it all.
pytestmark = [pytest.mark.django_db, pytest.mark.one_database, pytest.mark.slow]

DECLARED = [(route, method, needed) for route, view in ROUTES for method, needed in declared(view).items()]
STREAM = "api/v1/workspaces/<str:workspace>/runs/<str:run_id>/stream/"  # read by threads of its own: test_stream.py


def _cases(chosen: Callable[[str, Any], bool]) -> list[Any]:
    return [
        pytest.param(*one, id=f"{one[1]} {one[0]}") for one in DECLARED if chosen(one[0], one[2]) and one[0] != STREAM
    ]


def _address(route: str, workspace: str) -> str:
    route = re.sub(r"<int:\w+>", "7", route.replace("<str:workspace>", workspace))
    return "/" + re.sub(r"<str:\w+>", lambda found: new_id("xyz"), route)


def _refused_at() -> str:
    """What the one refusal says that was attempted."""
    return str(AuditEntry.objects.get(kind="access.denied").data["attempted"])


def _holder_of_little(owner: Api, make_person: Callable[..., Api], workspace: Any, needed: P) -> Api:
    """A member whose role holds one permission, another than the one that is needed."""
    other = P.TOOL_VIEW if needed != P.TOOL_VIEW else P.MODEL_VIEW
    role = owner.post("roles/", {"name": "Little", "permissions": [other.value]}).data["id"]
    person = make_person(workspace, "viewer")
    members = owner.get("members/").data["results"]
    member = next(one["id"] for one in members if one["user"]["id"] == person.person.pk)
    assert owner.patch(f"members/{member}/", {"role": role}).status_code == 200
    return person


@pytest.mark.parametrize(
    ("route", "method", "needed"), _cases(lambda route, needed: isinstance(needed, P) and route.startswith("api/"))
)
def test_g27_a_door_refuses_before_it_looks_at_the_request(
    owner: Api, make_person: Callable[..., Api], workspace: Any, route: str, method: str, needed: P
) -> None:
    person = _holder_of_little(owner, make_person, workspace, needed)
    body = {} if method not in ("GET", "DELETE") else None
    answer = person.call(method, _address(route, workspace.slug), body)
    assert answer.status_code == 403, answer.content
    assert needed.value in answer.data["detail"]
    assert _refused_at().startswith(f"{method} "), "it is the door that refused, and it is on record"
    # The one who holds it is not refused: nothing else stood in the way.
    assert owner.call(method, _address(route, workspace.slug), body).status_code != 403


@pytest.mark.parametrize(("route", "method", "needed"), _cases(lambda route, needed: needed == "signed_in"))
def test_g27_what_a_person_does_for_themselves_takes_no_token(
    owner: Api, workspace: Any, route: str, method: str, needed: str
) -> None:
    scopes = [one.value for one in P if one not in NOT_FOR_TOKENS]
    made = owner.post("api-tokens/", {"name": "all", "scopes": scopes})
    token = Api(made.data["token"], owner.base)
    answer = token.call(method, _address(route, workspace.slug), {} if method not in ("GET", "DELETE") else None)
    assert (answer.status_code, answer.data["code"]) == (403, "people_only")


@pytest.mark.parametrize(("route", "method", "needed"), _cases(lambda route, needed: needed == "any_credential"))
def test_g27_what_takes_any_credential_takes_one(
    nobody: Api, workspace: Any, route: str, method: str, needed: str
) -> None:
    assert nobody.call(method, _address(route, workspace.slug)).status_code == 401


@pytest.mark.parametrize(
    ("route", "method", "needed"), _cases(lambda route, needed: isinstance(needed, P) and route.startswith("scim/"))
)
def test_g27_a_directorys_door_takes_the_scope_of_a_directory(
    owner: Api, workspace: Any, route: str, method: str, needed: P
) -> None:
    role = owner.post("roles/", {"name": "Directory", "permissions": [P.MEMBER_VIEW.value, needed.value]}).data["id"]
    account = owner.post("service-accounts/", {"name": "Directory", "role": role}).data["id"]
    answers = []
    for scope in (P.MEMBER_VIEW, needed):
        made = owner.post(f"service-accounts/{account}/api-tokens/", {"name": scope, "scopes": [scope.value]})
        path = _address(route, workspace.slug)
        answers.append(Api(made.data["token"], "/").call(method, path, {} if method not in ("GET", "DELETE") else None))
    assert [answers[0].status_code == 403, answers[1].status_code == 403] == [True, False]
    assert _refused_at().startswith(f"{method} ")


GRANTS = {"agent": agent_grants, "conversation": conversation_grants, "provider": provider_grants}
ASKING = {kind: verb for kind, verb in ACTIONS.items() if verb.requires is not None}


@pytest.mark.parametrize("kind", sorted(ASKING))
def test_g27_a_verb_refuses_by_itself(workspace: Any, kind: str) -> None:
    needed, perform = ASKING[kind]
    others = frozenset(P) - {needed}
    actor = Actor("user", new_id("usr"), "somebody", workspace.pk, permissions=others)  # type: ignore[arg-type]
    place = GRANTS[kind.partition(".")[0]] if perform.__name__ in ("give", "take") else sys.modules[perform.__module__]
    with pytest.raises(PermissionDenied, match=re.escape(str(needed))):
        getattr(place, perform.__name__)(actor)  # as its callers find it
    assert _refused_at() == kind


class Door:
    """An address at which somebody counts who knocks, and shuts again."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.knocks = 0
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        try:
            while True:
                knocking, _ = self._socket.accept()
                self.knocks += 1  # before it is shut: whoever knocks goes on as soon as it is
                knocking.close()
        except OSError:
            return

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def door() -> Iterator[Door]:
    one = Door()
    yield one
    one.close()


@pytest.mark.parametrize(
    ("name", "verb", "needed"),
    [
        ("create", create_provider, P.PROVIDER_CREATE),
        ("check", check_connection, P.PROVIDER_CREATE),
        ("test", test_provider, P.PROVIDER_EDIT),
        ("sync", sync_models, P.PROVIDER_EDIT),
    ],
)
def test_g27_who_may_not_connect_providers_makes_the_server_connect_to_nothing(
    owner: Api, workspace: Any, settings: Any, door: Door, name: str, verb: Callable[..., Any], needed: P
) -> None:
    """What these verbs write would refuse as well, but only after the address was asked."""
    settings.ALLOWED_PRIVATE_HOSTS = (door.host,)
    actor = actor_of_member(owner.person.pk, workspace.pk)
    asked: dict[str, Any] = {"kind": "openai_compatible", "name": "Theirs", "base_url": f"http://{door.host}/v1"}
    if needed == P.PROVIDER_EDIT:
        asked = {"provider": create_provider(actor, **asked)}
        door.knocks = 0
    before = list(Provider.objects.values())
    with pytest.raises(PermissionDenied, match=re.escape(needed)):
        verb(replace(actor, permissions=actor.permissions - {needed}), **asked)
    assert (door.knocks, list(Provider.objects.values())) == (0, before)
    assert _refused_at() == f"provider.{name}"
    if needed == P.PROVIDER_CREATE:  # nor are they told what is wrong with the address
        with pytest.raises(PermissionDenied):
            verb(replace(actor, permissions=actor.permissions - {needed}), **{**asked, "base_url": "nonsense"})
    verb(actor, **asked)
    assert door.knocks


def test_g27_what_is_listed_needs_the_permission_and_the_workspace(
    owner: Api, agent: dict[str, Any], workspace: Any, make_workspace: Callable[..., Any]
) -> None:
    actor = actor_of_member(owner.person.pk, workspace.pk)
    without = replace(actor, permissions=actor.permissions - {P.AGENT_VIEW})
    elsewhere = replace(actor, workspace_id=make_workspace().pk)
    rows, pk = Agent.objects.filter(pk=agent["id"]), agent["id"]
    seen = [visible_to(one, P.AGENT_VIEW, rows).exists() for one in (actor, without, elsewhere)]
    assert seen == [True, False, False]
    verbs = {"view": P.AGENT_VIEW, "edit": P.AGENT_EDIT}
    offered = [verbs_on(one, Agent, [pk], verbs)[pk] for one in (actor, without, elsewhere)]
    assert offered == [["view", "edit"], ["edit"], []]


def test_g27_only_a_person_does_what_is_recorded_for_a_person(workspace: Any) -> None:
    system = Actor("system", None, "system", workspace.pk, permissions=frozenset(P))
    with pytest.raises(PermissionDenied):
        assert Action("agent.create", system).person_id
