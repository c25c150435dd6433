"""Who may watch what over the socket, and how soon it ends when that changes."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Membership
from accounts.tokens import principal_from_access_token
from agents.ws.authority import check_watchers, look_at_run, look_at_topic, sign_in
from core.errors import DomainError, NotAuthenticated, NotFound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(owner: Any, agent: Any) -> Any:
    return owner.post("runs/", {"agent": agent["id"], "input": {"text": "mine"}}).data


def test_a_run_is_its_starters_and_of_those_who_may_view_any(
    owner: Any, run: Any, make_person: Any, workspace: Any
) -> None:
    member = make_person(workspace, "user")
    stranger = make_person(None)
    assert look_at_run(principal_from_access_token(owner.token), run["id"])[0].last_seq == 1
    for person in (member, stranger):
        with pytest.raises(NotFound):
            look_at_run(principal_from_access_token(person.token), run["id"])
        with pytest.raises(NotFound):
            look_at_topic(principal_from_access_token(person.token), f"conversation:{run['conversation']}")
    with pytest.raises(DomainError):
        look_at_topic(principal_from_access_token(stranger.token), f"runs:{workspace.slug}")
    right = look_at_topic(principal_from_access_token(member.token), f"runs:{workspace.slug}")
    assert right.topic == f"runs:{workspace.id}" and not right.everybody


def test_revocation_is_seen_for_every_reason(owner: Any, run: Any, make_person: Any, workspace: Any) -> None:
    people = [make_person(workspace, "owner") for _ in range(4)]
    watched = {
        number: (principal_from_access_token(person.token), {workspace.id: {run["id"]}}, {f"runs:{workspace.id}": True})
        for number, person in enumerate(people)
    }
    assert check_watchers(watched) == (set(), set())
    signed_out, disabled, demoted, removed = people
    assert signed_out.post("/api/v1/auth/logout/", {}).status_code == 204
    disabled.person.is_active = False
    disabled.person.save()
    Membership.objects.filter(user=demoted.person).update(role="user")
    Membership.objects.filter(user=removed.person).delete()
    assert check_watchers(watched) == ({0, 1}, {2, 3})

    only_topic = {7: (principal_from_access_token(demoted.token), {}, {f"runs:{workspace.id}": True})}
    assert check_watchers(only_topic) == (set(), {7}), "what it is told of other people's runs has to end"


def test_only_good_tokens_sign_in(owner: Any) -> None:
    assert sign_in(owner.token, "127.0.0.1", "").expires_in > 600
    for token in ("", "x", owner.token[:-2], owner.token + "x", "é" * 10, "a" * 10_000):
        with pytest.raises(NotAuthenticated):
            sign_in(token, "127.0.0.1", "")
