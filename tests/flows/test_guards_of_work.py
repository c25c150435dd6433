"""G27: each guard of runs and conversations that stands behind another is missed by itself.

Somebody may see a thing and not use it, or lost one right of several: the one that is left out here is the only one that
refuses.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Membership
from accounts.tokens import principal_from_access_token
from agents.models import Agent, ConversationUserGrant, Interjection, Run
from agents.services.interjections import follow_up
from agents.ws.authority import TopicRight, Watched, check_watchers
from core.clock import now
from llm_providers.models import UsageRecord
from privacy.retention import apply_retention
from tests.fixtures.people import Api, new_agent, new_model
from tests.flows.test_api_tokens import make_token, put

pytestmark = pytest.mark.django_db


#: Scopes of a token with which runs are begun, and no more.
BEGINS = ["agent.view", "agent.run", "run.create", "run.view", "conversation.view", "conversation.create"]


@pytest.fixture
def member(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "builder")
    return api


def begin(api: Api, agent: dict[str, Any], **more: Any) -> Run:
    answer = api.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}, **more})
    assert answer.status_code == 202, answer.content
    return Run.objects.get(pk=answer.data["id"])


def end(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(status="failed", ended_at=now())


def stopped() -> set[str]:
    return set(Run.objects.exclude(cancel_requested_at=None).values_list("pk", flat=True))


def close(agent: dict[str, Any]) -> None:
    """Only its owner reaches it from now on; what was begun is not looked at yet."""
    Agent.objects.filter(pk=agent["id"]).update(visibility="restricted")


@pytest.fixture
def spoken(owner: Api, member: Api, agent: dict[str, Any]) -> Run:
    """The owner's run in a conversation in which the member may speak."""
    run = begin(owner, agent)
    given = owner.post(f"conversations/{run.conversation_id}/grants/", {"grantee": member.person.pk, "level": "run"})
    assert given.status_code == 201
    return run


def may_only_read() -> None:
    """Of what is shared, from now on; what was begun is not looked at yet."""
    from django.contrib.auth.models import Permission

    reading = Permission.objects.get(content_type__app_label="agents", codename="view_conversation")
    ConversationUserGrant.objects.update(permission=reading)


@pytest.mark.parametrize("lost", ["speaking", "speaking here", "the agent"])
def test_g27_steering_takes_the_right_to_speak_and_the_agent(
    member: Api, agent: dict[str, Any], spoken: Run, lost: str
) -> None:
    path, said = f"conversations/{spoken.conversation_id}/messages/", {"text": "And", "mode": "steer"}
    assert member.post(path, said).status_code == 202, "whoever was given the conversation to speak in, steers in it"
    if lost == "speaking":
        member = make_token(member, BEGINS)
    else:
        may_only_read() if lost == "speaking here" else close(agent)
    assert member.post(path, said).status_code in (403, 404)
    assert Interjection.objects.count() == 1


@pytest.mark.parametrize("lost", ["nothing", "speaking", "the agent"])
def test_g27_a_message_that_came_too_late_takes_both_rights_again(
    member: Api, agent: dict[str, Any], spoken: Run, lost: str
) -> None:
    said = member.post(f"conversations/{spoken.conversation_id}/messages/", {"text": "And", "mode": "steer"})
    assert said.status_code == 202
    end(spoken)
    if lost != "nothing":
        may_only_read() if lost == "speaking" else close(agent)
    follow_up(spoken.pk)
    assert Run.objects.count() == (2 if lost == "nothing" else 1)


@pytest.mark.parametrize("lost", ["speaking", "the agent"])
def test_g27_trying_again_takes_both_rights_again(member: Api, agent: dict[str, Any], spoken: Run, lost: str) -> None:
    end(spoken)
    mine = begin(member, agent, conversation=spoken.conversation_id)
    end(mine)
    path = f"runs/{mine.pk}/"
    again = member.post(f"{path}retry/", {})
    assert again.status_code == 202
    end(Run.objects.get(pk=again.data["id"]))
    may_only_read() if lost == "speaking" else close(agent)
    for verb in ("retry", "continue"):
        assert member.post(f"{path}{verb}/", {}).status_code in (403, 404)
    assert Run.objects.count() == 3


def test_g27_who_may_not_begin_conversations_begins_none(owner: Api, agent: dict[str, Any]) -> None:
    token = make_token(owner, [one for one in BEGINS if one != "conversation.create"] + ["conversation.speak"])
    refused = token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}})
    assert refused.status_code == 403 and not Run.objects.exists()
    thread = begin(owner, agent).conversation_id
    begin(token, agent, conversation=thread)


def test_g27_a_token_for_named_agents_sees_no_runs_of_others(
    owner: Api, agent: dict[str, Any], demo_model: str
) -> None:
    """Also where its holder sees everybody's."""
    other = new_agent(owner, demo_model)
    mine, theirs = begin(owner, agent), begin(owner, other)
    token = make_token(owner, ["agent.view", "run.view", "run.view_any"], objects=[agent["id"]])
    assert [token.get(f"runs/{run.pk}/").status_code for run in (mine, theirs)] == [200, 404]
    assert [row["id"] for row in token.get("runs/").data["results"]] == [mine.pk]
    principal = principal_from_access_token(str(owner.token))
    assert check_watchers({1: Watched(principal, {mine.workspace_id: {mine.pk, theirs.pk}}, [])}) == (set(), set())


def test_g27_what_is_shared_with_me_is_not_mine(owner: Api, member: Api, spoken: Run, agent: dict[str, Any]) -> None:
    begin(member, agent)
    assert [row["id"] for row in member.get("conversations/?mine=false").data["results"]] == [spoken.conversation_id]
    assert owner.get("conversations/?mine=false").data["results"] == []


def test_g27_a_version_that_is_not_there_is_not_found(owner: Api, agent: dict[str, Any]) -> None:
    path = f"agents/{agent['id']}/versions/"
    assert [owner.post(f"{path}{number}/restore/").status_code for number in (1, 2, 0, 2**40)] == [200, 404, 404, 404]


@pytest.mark.parametrize("what", ["run", "message"])
def test_g27_who_loses_rights_is_looked_at_and_nobody_else(
    make_workspace: Any, make_person: Any, owner: Api, agent: dict[str, Any], spoken: Run, member: Api, what: str
) -> None:
    """A token that ran out is the sweep's; somebody else's change, here or elsewhere, does not look at its work."""
    end(spoken)
    token = make_token(owner, [*BEGINS, "conversation.speak"])
    if what == "run":
        began = begin(token, agent)
    else:
        began = begin(owner, agent)
        said = token.post(f"conversations/{began.conversation_id}/messages/", {"text": "And", "mode": "steer"})
        assert said.status_code == 202
    put(token, expires_at=now() - timedelta(seconds=1))
    elsewhere = make_person(make_workspace("South"), "owner")
    role = elsewhere.post("roles/", {"name": "R", "permissions": ["agent.view", "agent.run"]}).data["id"]
    assert elsewhere.patch(f"roles/{role}/", {"permissions": ["agent.view"]}, If_Match="*").status_code == 200
    person = Membership.objects.get(user=member.person)
    assert owner.patch(f"members/{person.pk}/", {"role": "viewer"}).status_code == 200
    assert not stopped() and Interjection.objects.filter(taken=True).count() == 0
    role = owner.post("roles/", {"name": "R", "permissions": ["agent.view", "agent.run"]}).data["id"]
    assert owner.patch(f"roles/{role}/", {"permissions": ["agent.view"]}, If_Match="*").status_code == 200
    assert stopped() == ({began.pk} if what == "run" else set()), "a role is anybody's of the workspace"
    assert Interjection.objects.filter(taken=True).count() == (0 if what == "run" else 1)


def test_g27_retention_lets_go_of_the_workspaces_own_only(
    owner: Api, agent: dict[str, Any], make_workspace: Any, make_person: Any, workspace: Any
) -> None:
    stranger = make_person(make_workspace("South"), "owner")
    theirs = new_agent(stranger, new_model(stranger))
    for api, one in ((owner, agent), (stranger, theirs)):
        run = begin(api, one)
        end(run)
        assert api.delete(f"conversations/{run.conversation_id}/").status_code == 204
        UsageRecord.objects.create(
            workspace_id=run.workspace_id, model_name="m", provider_kind="demo", outcome="ok",
            at=now() - timedelta(days=400),
        )  # fmt: skip
    from agents.models import Conversation
    from privacy.models import Retention

    Conversation.objects.update(deleted_at=now() - timedelta(days=90))
    assert stranger.patch("retention/", {"usage_days": 365, "trash_days": 30}).status_code == 200
    policy = Retention.objects.exclude(workspace=workspace).get()
    assert apply_retention(policy.pk) == {"trash": 1, "usage": 1}
    left = [set(model.objects.values_list("workspace_id", flat=True)) for model in (Conversation, UsageRecord)]
    assert left == [{workspace.pk}, {workspace.pk}]


def test_g27_a_topic_is_watched_with_the_permission_only(owner: Api, spoken: Run) -> None:
    principal = principal_from_access_token(str(owner.token))
    right = TopicRight(f"decisions:{spoken.workspace_id}", spoken.workspace_id, principal.user_id, everybody=False)
    role = owner.post("roles/", {"name": "Looks", "permissions": ["run.view"]}).data["id"]
    watched = {1: Watched(principal, {}, [right])}
    assert check_watchers(watched) == (set(), set())
    from accounts.models import CustomRole

    Membership.objects.filter(user=owner.person).update(role="custom", custom_role=CustomRole.objects.get(pk=role))
    assert check_watchers(watched) == (set(), {1})
