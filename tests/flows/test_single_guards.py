"""Guards that no other test would miss, one by one, each through the door where it matters. See tests/mutations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts import api_tokens, custom_roles, grants, members
from accounts.models import ApiToken, CustomRole, Membership
from accounts.sso import connections
from agents.models import Agent, Conversation
from agents.services import agents, runs
from core.errors import NotFound
from core.ids import new_id
from llm_providers.models import Provider
from llm_providers.services import providers
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


def test_g27_an_idempotency_key_is_ones_own(owner: Api, make_person: Callable[..., Api], workspace: Any) -> None:
    other = make_person(workspace, "owner")
    made = [one.post("groups/", {"name": name}, Idempotency_Key="k") for one, name in ((owner, "A"), (other, "B"))]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].data["id"] != made[1].data["id"]


def test_g27_a_token_accepts_no_invitation(owner: Api, make_person: Callable[..., Api], workspace: Any) -> None:
    token = owner.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data["token"]
    answer = Api(token, "/api/v1/").post("invitations/accept/", {"token": "x" * 43})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "lock",
    [
        lambda pk, space: api_tokens._lock(ApiToken(pk=pk)),
        lambda pk, space: custom_roles._lock(CustomRole(pk=pk)),
        lambda pk, space: grants._lock(Agent(pk=pk)),
        lambda pk, space: members.lock_member(Membership(pk=pk, workspace_id=space)),
        lambda pk, space: connections.lock_connection(pk),
        lambda pk, space: providers._locked(Provider(pk=pk)),
        lambda pk, space: providers._try(Provider(pk=pk)),
        lambda pk, space: agents.lock_agent(Agent(pk=pk)),
        lambda pk, space: runs.lock_conversation(Conversation(pk=pk)),
    ],
    ids=["token", "role", "grant", "member", "sso", "provider", "try", "agent", "conversation"],
)
def test_g27_what_went_between_the_check_and_the_change_is_not_found(
    workspace: Any, lock: Callable[[str, str], Any]
) -> None:
    """Two people at once: what one deletes is gone for the other, whose request was let in before."""
    with pytest.raises(NotFound):
        lock(new_id("xyz"), workspace.pk)
