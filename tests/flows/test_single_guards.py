"""Guards that no other test would miss, one by one, each through the door where it matters. See tests/mutations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts import api_tokens, custom_roles, grants, groups, members, service_accounts
from accounts.models import ApiToken, CustomRole, LoginSession, Membership, SsoConnection, User, WorkspaceGroup
from accounts.sso import connections
from agents.models import Agent, Conversation
from agents.services import agents, runs
from core.clock import now
from core.errors import NotFound
from core.ids import new_id
from llm_providers.models import Provider
from llm_providers.services import providers
from tests.fixtures.houses import SAML_METADATA
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
    ("method", "path"),
    [
        ("POST", "auth/session/"),
        ("DELETE", "auth/session/"),
        ("POST", "auth/session/refresh/"),
        ("POST", "auth/session/second-factor/"),
        ("POST", "auth/sso/start/"),
    ],
)
def test_g27_the_cookies_doors_are_for_our_own_pages(nobody: Api, method: str, path: str) -> None:
    """A page of another site can have a form sent, but not with this header."""
    for headers in ({}, {"X_AAP_Client": "api"}):
        answer = nobody.call(method, path, {"x": 1}, **headers)
        assert answer.status_code == 403 and "own door" in answer.data["detail"]


@pytest.mark.parametrize("purpose", ["link", "reauthenticate"])
def test_g27_setting_out_for_a_provider_as_somebody_takes_a_sign_in(owner: Api, nobody: Api, purpose: str) -> None:
    body = {"connection": new_id("sso"), "purpose": purpose, "next": "/"}
    token = Api(owner.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data["token"], nobody.base)
    answers = [one.post("auth/sso/start/", body, X_AAP_Client="web") for one in (nobody, token)]
    assert [answer.status_code for answer in answers] == [401, 403]
    LoginSession.objects.update(proved_at=now() - timedelta(hours=2))
    stale = Api(owner.token, nobody.base).post("auth/sso/start/", body, X_AAP_Client="web")
    assert stale.status_code == (403 if purpose == "link" else 404)


def test_g27_what_others_have_uses_up_nobodys_share(
    owner: Api, workspace: Any, make_workspace: Callable[..., Any]
) -> None:
    """The most of everything in another workspace, and a hundred tokens of one's own that were revoked."""
    there, me = make_workspace("South"), owner.person
    CustomRole.objects.bulk_create(CustomRole(workspace=there, name=f"{n}") for n in range(custom_roles.MAX_ROLES))
    names = [new_id("grp") for _ in range(groups.MAX_GROUPS)]
    of_django = Group.objects.bulk_create(Group(name=name) for name in names)
    WorkspaceGroup.objects.bulk_create(
        WorkspaceGroup(id=name, workspace=there, name=name, group=one)
        for name, one in zip(names, of_django, strict=True)
    )
    accounts = User.objects.bulk_create(
        User(email=f"{n}@service.invalid", kind=User.Kind.SERVICE, service_of=there)
        for n in range(service_accounts.MAX_ACCOUNTS)
    )
    Membership.objects.bulk_create(Membership(workspace=there, user=one, role="viewer") for one in accounts)
    for n in range(api_tokens.MAX_LIVE_TOKENS):
        holders = ((there, None, me), (workspace, now(), me), (workspace, None, accounts[0]))
        for number, (space, revoked, holder) in enumerate(holders):
            ApiToken.objects.create(
                workspace=space, user=holder, revoked_at=revoked, name="t", prefix=f"p{n}of{number}", digest=new_id("x"),
                scopes=[],
            )  # fmt: skip
    SsoConnection.objects.bulk_create(
        SsoConnection(workspace=there, kind="saml", name=f"{n}", default_role="viewer", configured_at=now())
        for n in range(connections.MAX_CONNECTIONS)
    )
    for path, body in (
        ("roles/", {"name": "New", "permissions": ["agent.view"]}),
        ("groups/", {"name": "New"}),
        ("service-accounts/", {"name": "New", "role": "viewer"}),
        ("api-tokens/", {"name": "New", "scopes": ["agent.view"]}),
        ("sso/", {"kind": "saml", "name": "New", "metadata": SAML_METADATA, "default_role": "viewer"}),
    ):
        answer = owner.post(path, body)
        assert answer.status_code == 201, (path, answer.content)


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
