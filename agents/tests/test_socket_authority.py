"""Who may watch what over the socket, and how soon it ends when that changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from accounts.models import Membership
from accounts.tokens import principal_from_access_token
from agents.ws.authority import (
    Credential,
    RunWish,
    TopicRight,
    Watched,
    check_watchers,
    look_at_all_runs,
    look_at_run,
    look_at_topic,
    sign_in,
    sign_in_all,
)
from agents.ws.routing import websocket_application
from core.db import in_db
from core.errors import DomainError, NotAuthenticated, NotFound, PermissionDenied
from tests.flows.test_api_tokens import make_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(owner: Any, agent: Any) -> Any:
    return owner.post("runs/", {"agent": agent["id"], "input": {"text": "mine"}}).data


def test_a_run_is_its_starters_and_of_those_who_may_view_any(
    owner: Any, run: Any, make_person: Any, workspace: Any
) -> None:
    member = make_person(workspace, "user")
    stranger = make_person(None)
    assert look_at_run(RunWish(principal_from_access_token(owner.token), run["id"]))[0].last_seq == 1
    for person in (member, stranger):
        with pytest.raises(NotFound):
            look_at_run(RunWish(principal_from_access_token(person.token), run["id"]))
        with pytest.raises(NotFound):
            look_at_topic(principal_from_access_token(person.token), f"conversation:{run['conversation']}")
    with pytest.raises(DomainError):
        look_at_topic(principal_from_access_token(stranger.token), f"runs:{workspace.slug}")
    right = look_at_topic(principal_from_access_token(member.token), f"runs:{workspace.slug}")
    assert right.topic == f"runs:{workspace.id}" and not right.everybody


def test_revocation_is_seen_for_every_reason(
    owner: Any, agent: Any, run: Any, make_person: Any, workspace: Any
) -> None:
    people = [make_person(workspace, "owner") for _ in range(4)]
    watched: dict[int, Watched] = {}
    for number, person in enumerate(people):
        principal = principal_from_access_token(person.token)
        everybody = look_at_topic(principal, f"runs:{workspace.slug}")
        own = person.post("runs/", {"agent": agent["id"], "input": {"text": "theirs"}}).data
        own_topic = look_at_topic(principal, f"conversation:{own['conversation']}")
        watched[number] = Watched(principal, {workspace.id: {run["id"], own["id"]}}, [everybody])
        # Each kind of thing alone, on sockets of the same person.
        watched[10 + number] = Watched(principal, {workspace.id: {run["id"]}}, [])
        watched[20 + number] = Watched(principal, {}, [everybody])
        watched[30 + number] = Watched(principal, {}, [own_topic])
        watched[40 + number] = Watched(principal, {workspace.id: {own["id"]}}, [])
    assert check_watchers(watched) == (set(), set())
    signed_out, disabled, demoted, removed = people
    assert signed_out.post("/api/v1/auth/logout/", {}).status_code == 204
    disabled.person.is_active = False
    disabled.person.save()
    Membership.objects.filter(user=demoted.person).update(role="user")
    Membership.objects.filter(user=removed.person).delete()
    ended, refused = check_watchers(watched)
    assert ended == {tens + number for tens in (0, 10, 20, 30, 40) for number in (0, 1)}
    # What the demoted person started is still theirs to watch; on the workspace's topic they were to be told of other
    # people's runs.
    assert refused == {2, 12, 22, 3, 13, 23, 33, 43}


def test_one_socket_too_many_does_not_end_the_persons_others(owner: Any, run: Any, workspace: Any) -> None:
    principal = principal_from_access_token(owner.token)
    topic = TopicRight("conversation:cnv_gone", workspace.id, principal.user_id, everybody=False)
    watched = {
        1: Watched(principal, {workspace.id: {run["id"]}}, []),
        2: Watched(principal, {workspace.id: {run["id"], "run_gone"}}, []),
        3: Watched(principal, {}, [topic]),
        4: Watched(principal, {}, []),
    }
    assert check_watchers(watched) == (set(), {2, 3})


def test_all_of_a_persons_sockets_are_checked_with_four_queries(
    owner: Any, run: Any, workspace: Any, django_assert_num_queries: Any
) -> None:
    principal = principal_from_access_token(owner.token)
    right = look_at_topic(principal, f"conversation:{run['conversation']}")
    watched = {number: Watched(principal, {workspace.id: {run["id"]}}, [right]) for number in range(200)}
    with django_assert_num_queries(4):
        assert check_watchers(watched) == (set(), set())


def test_only_good_tokens_sign_in(owner: Any) -> None:
    good = Credential(owner.token, "127.0.0.1", "")
    assert sign_in(good).expires_in > 600
    bad = [
        Credential(token, "127.0.0.1", "")
        for token in ("", "x", owner.token[:-2], owner.token + "x", "é" * 10, "a" * 10_000)
    ]
    for one in bad:
        with pytest.raises(NotAuthenticated):
            sign_in(one)
    first, *refused, last = sign_in_all([good, *bad, good])
    assert kind(first) == kind(last) == sign_in(good).principal
    assert [type(one) for one in refused] == [NotAuthenticated] * len(bad)


def test_many_are_let_in_as_each_would_be_alone(
    owner: Any, agent: Any, run: Any, make_person: Any, workspace: Any
) -> None:
    """Those who come back together are asked for together: nobody sees more or less by that."""
    own, other = make_person(workspace, "user"), make_person(workspace, "owner")
    theirs = own.post("runs/", {"agent": agent["id"], "input": {"text": "theirs"}})
    runs = [run["id"], *([theirs.data["id"]] if theirs.status_code == 202 else []), "run_gone"]
    signed_out, disabled, removed = (make_person(workspace, "owner") for _ in range(3))
    people = [owner, own, other, make_person(None), make_person(workspace, "viewer"), signed_out, disabled, removed]
    shown = [Credential(person.token, None, None) for person in people]
    wishes = [RunWish(principal_from_access_token(person.token), one) for person in people for one in runs]
    assert signed_out.post("/api/v1/auth/logout/", {}).status_code == 204
    disabled.person.is_active = False
    disabled.person.save()
    Membership.objects.filter(user=removed.person).delete()
    assert [kind(one) for one in sign_in_all(shown)] == [kind(sign_in_all([one])[0]) for one in shown]
    alone = [kind(look_at_all_runs([wish])[0]) for wish in wishes]
    assert [kind(one) for one in look_at_all_runs(wishes)] == alone
    assert len({str(one) for one in alone}) >= 3, "seen, not found, signed out"


def kind(found: Any) -> Any:
    """What the answer comes to, without the seconds that pass."""
    return type(found) if isinstance(found, Exception) else getattr(found, "principal", found)


def test_g27_a_topic_is_for_those_who_may_watch_all_of_it(
    owner: Any, agent: Any, run: Any, workspace: Any, make_person: Any
) -> None:
    scopes = ["agent.view", "run.view", "conversation.view"]
    whole = principal_of(make_token(owner, scopes))
    named = principal_of(make_token(owner, scopes, objects=[agent["id"]]))
    without = principal_of(make_token(owner, ["agent.view"]))
    topic = f"runs:{workspace.slug}"
    assert look_at_topic(whole, topic).workspace == workspace.id
    with pytest.raises(PermissionDenied, match="named agents only"):
        look_at_topic(named, topic)
    for principal, asked in ((without, topic), (whole, f"decisions:{workspace.slug}")):
        with pytest.raises(PermissionDenied):
            look_at_topic(principal, asked)
    for unknown in ("", "runs", "runs:", "weather:today", "conversation:cnv_gone", f"tools:{workspace.slug}"):
        with pytest.raises(NotFound):
            look_at_topic(whole, unknown)
    person = make_person(workspace, "user")
    principal = principal_from_access_token(person.token)
    assert look_at_topic(principal, topic).workspace == workspace.id
    assert person.post("/api/v1/auth/logout/", {}).status_code == 204
    with pytest.raises(NotAuthenticated):
        look_at_topic(principal, topic)


def principal_of(token: Any) -> Any:
    return sign_in(Credential(token.token, "127.0.0.1", "")).principal


class OwnLine:
    """The server's side of a socket, with the client in the same process."""

    paused = False

    def __init__(self) -> None:
        self.told: asyncio.Queue[Any] = asyncio.Queue()

    async def send(self, message: dict[str, Any]) -> None:
        self.told.put_nowait(message.get("code", message["type"]))

    def send_texts(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.told.put_nowait(json.loads(text)["type"])

    def when_writable(self, callback: Callable[[], None]) -> None:
        callback()


async def talk(*frames: dict[str, Any]) -> list[Any]:
    """What a socket says to each frame: the type of what it sends, or the code with which it is closed."""
    line, to_server = OwnLine(), asyncio.Queue[dict[str, Any]]()
    scope = {
        "type": "websocket", "path": "/ws/v1/", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1),
        "extensions": {"aap.line": line},
    }  # fmt: skip
    task = asyncio.create_task(websocket_application(scope, to_server.get, line.send))
    to_server.put_nowait({"type": "websocket.connect"})
    said = [await asyncio.wait_for(line.told.get(), 10)]
    for frame in frames:
        to_server.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})
        said.append(await asyncio.wait_for(line.told.get(), 10))
    to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(asyncio.wait({task}), 10)
    return said[1:]


async def test_g27_a_socket_is_one_persons_and_nobodys_before_they_signed_in(owner: Any, make_person: Any) -> None:
    other = await in_db(make_person, None)
    mine, theirs = ({"type": "authenticate", "token": one.token} for one in (owner, other))
    ping = {"type": "ping"}
    assert await talk(ping) == [4401]
    assert await talk(mine, mine, ping) == ["ready", "ready", "pong"]
    assert await talk(mine, theirs) == ["ready", 4401]
