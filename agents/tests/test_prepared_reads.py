"""Prepared reads answer like the queries they are made from, for every actor, and never keep one's rows for another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User, Workspace
from accounts.roles import ROLE_PERMISSIONS, Role
from agents.models import Agent, AgentUserGrant, Conversation, Run
from core.authz import Actor, Permission, authorize, visible_to
from core.clock import now
from core.errors import DomainError, NotFound
from core.ids import new_id
from core.prepared import Prepared, PreparedForActor, columns, instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> tuple[list[Actor], list[Conversation]]:
    actors, conversations = [], []
    for number in range(2):
        workspace = Workspace.objects.create(name=f"W{number}", slug=f"w{number}-{new_id('x')[-6:]}")
        for role in (Role.OWNER, Role.USER, Role.VIEWER):
            user = User.objects.create(email=f"{role}{number}-{new_id('x')[-6:]}@example.com")
            actor = Actor("user", user.id, user.email, workspace.id, role, ROLE_PERMISSIONS[role], session_id="s")
            actors.append(actor)
            agent = Agent.objects.create(workspace=workspace, name="A", owner=user)
            made = Conversation.objects.create(workspace=workspace, owner=user, agent=agent, active_at=now())
            conversations.append(made)
    Conversation.objects.filter(pk=conversations[0].pk).update(deleted_at=now())
    return actors, conversations


def outcome(actor: Actor, permission: Permission, obj: object) -> str:
    try:
        authorize(actor, permission, obj)  # type: ignore[arg-type]
    except DomainError as error:
        return error.code
    return "yes"


def test_authorize_is_visible_to(world: tuple[list[Actor], list[Conversation]]) -> None:
    """Asked in any order, by anybody: the same answer as the list gives."""
    actors, conversations = world
    for _ in range(2):
        for actor in actors:
            for obj in (*conversations, *(one.agent for one in conversations)):
                for permission in (Permission.CONVERSATION_EDIT, Permission.AGENT_RUN, Permission.AGENT_EDIT):
                    if (permission == Permission.CONVERSATION_EDIT) != isinstance(obj, Conversation):
                        continue
                    listed = visible_to(actor, permission, type(obj)._default_manager.filter(pk=obj.pk)).exists()
                    assert (outcome(actor, permission, obj) == "yes") == listed


def test_a_new_grant_counts_at_once(world: tuple[list[Actor], list[Conversation]]) -> None:
    """Grants are a part of the query, which is put together once, not of how it is put together."""
    actors, conversations = world
    builder = replace(actors[1], role=Role.BUILDER, permissions=ROLE_PERMISSIONS[Role.BUILDER])
    agent = conversations[0].agent
    assert outcome(builder, Permission.AGENT_EDIT, agent) != "yes"
    AgentUserGrant.objects.assign_perm("edit_agent", User.objects.get(pk=builder.user_id), agent)
    assert outcome(builder, Permission.AGENT_EDIT, agent) == "yes"


def test_an_actor_of_no_workspace_reaches_nothing(world: tuple[list[Actor], list[Conversation]]) -> None:
    actors, conversations = world
    nowhere = replace(actors[2], workspace_id=None)
    with pytest.raises(NotFound):
        authorize(nowhere, Permission.CONVERSATION_EDIT, conversations[2])


def test_rows_are_converted_like_the_orm_does(world: tuple[list[Actor], list[Conversation]]) -> None:
    _, conversations = world
    ask = Prepared(lambda v: Agent.objects.filter(pk=v("pk")).values_list(*columns(Agent)))
    for conversation in (*conversations, conversations[0]):
        row = ask.row(pk=conversation.agent_id)
        assert row is not None
        found, expected = instance(Agent, row), Agent.objects.get(pk=conversation.agent_id)
        assert {name: getattr(found, name) for name in columns(Agent)} == {
            name: getattr(expected, name) for name in columns(Agent)
        }
        assert not found._state.adding
    assert ask.row(pk="agt_none") is None


def test_composed_once(world: tuple[list[Actor], list[Conversation]]) -> None:
    actors, conversations = world
    composed = []

    def build(actor: Actor, value: object) -> object:
        composed.append(1)
        rows = visible_to(actor, Permission.CONVERSATION_VIEW, Conversation.objects.filter(pk=value("pk")))  # type: ignore[operator]
        return rows.values_list("id")

    ask = PreparedForActor(build)  # type: ignore[arg-type]
    ask.rows(actors[1], pk=conversations[1].pk)
    before = len(composed)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert ask.rows(actors[1], pk=conversations[1].pk) == [(conversations[1].pk,)]
        assert ask.rows(actors[4], pk=conversations[1].pk) == []
        assert ask.rows(actors[4], pk=conversations[4].pk) == [(conversations[4].pk,)]
    assert (len(composed), len(queries)) == (before, 3)
    assert Run.objects.count() == 0
