"""What an operator makes and changes in the admin goes through the actions that the people of a workspace use."""

from __future__ import annotations

import re
from typing import Any

import pytest

from accounts.models import ApiToken, CustomRole, Membership, ServiceAccount, User, WorkspaceGroup
from agents.models import AgentGroupGrant, AgentUserGrant, Run
from audit.models import AuditEntry
from llm_providers.models import ProviderUserGrant
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api

pytestmark = pytest.mark.django_db
USER_SCOPES = ["agent.view", "agent.run", "run.create", "run.view", "conversation.create"]


@pytest.fixture
def operator(db: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    return browser


@pytest.fixture
def staff(db: None) -> Client:
    """May open the admin, and has been given nothing in it."""
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_user("staff@example.com", PASSWORD, is_staff=True))
    return browser


def at(model: Any, page: str) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


def seen(browser: Client, address: str) -> str:
    return str(browser.get(address).context["adminform"].form["seen"].value())


def errors(answer: Any) -> str:
    assert answer.status_code == 200, answer.content[:500]
    return str(answer.context["adminform"].form.errors)


def kinds() -> list[str]:
    """What the operator did, in order; refusals are not among it."""
    operator = User.objects.get(email="op@example.com").pk
    done = AuditEntry.objects.filter(actor_id=operator, outcome="done").order_by("at", "id")
    return [one for one in done.values_list("kind", flat=True) if not one.startswith("session.")]


def test_a_group(
    operator: Client, staff: Client, owner: Api, workspace: Any, make_person: Any, make_workspace: Any
) -> None:
    one, two = make_person(workspace, "user"), make_person(workspace, "user")
    stranger = make_person(make_workspace("South"), "user")
    typed = {"in_workspace": workspace.pk, "name": "  Team  ", "description": "d"}
    assert staff.post(at(WorkspaceGroup, "add/"), typed).status_code == 403
    assert operator.post(at(WorkspaceGroup, "add/"), typed).status_code == 302
    group = WorkspaceGroup.objects.get()
    assert (group.name, group.workspace_id) == ("Team", workspace.pk)
    assert "Another group has this name" in errors(operator.post(at(WorkspaceGroup, "add/"), {**typed, "name": "team"}))
    page = at(WorkspaceGroup, f"{group.pk}/change/")
    was = seen(operator, page)
    form = {"name": "Team", "description": "d", "seen": was, "people": [one.person.pk]}
    assert "people" in errors(operator.post(page, {**form, "people": [stranger.person.pk]}))
    assert staff.post(page, form).status_code == 403
    assert operator.post(page, form).status_code == 302
    assert owner.post(f"groups/{group.pk}/members/", {"user": two.person.pk}).status_code == 201, "meanwhile"
    assert operator.post(page, {**form, "people": [one.person.pk]}).status_code == 302
    inside = {row["id"] for row in owner.get(f"groups/{group.pk}/members/").data["results"]}
    assert inside == {one.person.pk, two.person.pk}, "who saves an old page takes nobody out whom it did not show"
    assert owner.patch(f"groups/{group.pk}/", {"name": "Crew"}, If_Match="*").status_code == 200
    assert "Somebody else changed this" in errors(operator.post(page, {**form, "name": "Mine"}))
    assert operator.post(page, {**form, "seen": seen(operator, page), "name": "Mine", "people": []}).status_code == 302
    assert owner.get(f"groups/{group.pk}/members/").data["results"] == []
    assert kinds() == [
        *("group.create", "group.add_member", "group.update", "group.remove_member", "group.remove_member"),
    ]


def test_a_role(operator: Client, staff: Client, owner: Api, workspace: Any) -> None:
    typed = {"in_workspace": workspace.pk, "name": "Keeper", "permissions": ["agent.view", "run.view"]}
    assert staff.post(at(CustomRole, "add/"), typed).status_code == 403
    assert "permissions" in errors(operator.post(at(CustomRole, "add/"), {**typed, "permissions": ["agent.fly"]}))
    assert "built-in role" in errors(operator.post(at(CustomRole, "add/"), {**typed, "name": "Admin"}))
    assert operator.post(at(CustomRole, "add/"), typed).status_code == 302
    role = CustomRole.objects.get()
    page = at(CustomRole, f"{role.pk}/change/")
    form = {"name": "Keeper", "description": "", "permissions": ["agent.view"], "seen": seen(operator, page)}
    assert operator.post(page, form).status_code == 302
    role.refresh_from_db()
    assert role.permissions == ["agent.view"]
    late = operator.post(page, {**form, "permissions": ["run.view"]})
    assert "Somebody else changed this" in errors(late)
    assert kinds() == ["role.create", "role.update"]


def test_a_service_account_and_its_token(
    operator: Client, staff: Client, owner: Api, workspace: Any, make_workspace: Any, agent: dict[str, Any]
) -> None:
    elsewhere = CustomRole.objects.create(workspace=make_workspace("South"), name="Far", permissions=[])
    typed = {"in_workspace": workspace.pk, "name": "Nightly", "role": "user"}
    assert staff.post(at(ServiceAccount, "add/"), typed).status_code == 403
    assert "role" in errors(operator.post(at(ServiceAccount, "add/"), {**typed, "role": elsewhere.pk}))
    assert "role" in errors(operator.post(at(ServiceAccount, "add/"), {**typed, "role": "owner"}))
    assert operator.post(at(ServiceAccount, "add/"), typed).status_code == 302
    account = Membership.objects.get(user__kind="service")
    asked = {"account": account.pk, "name": "t", "scopes": USER_SCOPES, "networks": "127.0.0.0/8\n2001:db8::1"}
    asked |= {"objects": agent["id"], "per_minute": "60", "expires": "2030-01-01T00:00:00Z"}
    add = at(ApiToken, "add/")
    assert staff.post(add, asked).status_code == 403
    for wrong, field in (
        ({"scopes": ["agent.create", *USER_SCOPES]}, "scopes"),
        ({"scopes": ["api_token.edit"]}, "scopes"),
        ({"networks": "300.1.1.1"}, "networks"),
        ({"objects": "nonsense"}, "objects"),
        ({"expires": "yesterday"}, "expires"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ({"per_minute": "0"}, "per_minute"),
        ({"account": Membership.objects.get(user=owner.person).pk}, "account"),
    ):
        assert field in errors(operator.post(add, {**asked, **wrong})), wrong
    assert not ApiToken.objects.exists()
    shown = operator.post(add, asked)
    assert (shown.status_code, shown["Cache-Control"]) == (200, "no-store")
    secret = re.search(r"data-token>([^<]+)<", shown.content.decode())[1]  # type: ignore[index]
    token = Api(secret, owner.base)
    assert token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).status_code == 202
    row = ApiToken.objects.get()
    assert (row.user_id, row.per_minute, row.limited) == (account.user_id, 60, True)
    page = at(ApiToken, f"{row.pk}/change/")
    assert secret not in operator.get(page).content.decode()
    form = {**asked, "expires": row.expires_at.isoformat(), "networks": "127.0.0.0/8"}
    assert operator.post(page, {**form, "scopes": ["run.create"], "name": "Less"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.scopes, row.networks) == ("Less", ["run.create"], ["127.0.0.0/8"])
    assert row.expires_at is not None and Run.objects.get().cancel_requested_at is not None
    assert "scopes" in errors(operator.post(page, {**form, "scopes": USER_SCOPES})), "never more"
    fresh = operator.post(at(ApiToken, ""), {"action": "new_secret", "_selected_action": [row.pk]})
    again = Api(re.search(r"data-token>([^<]+)<", fresh.content.decode())[1], owner.base)  # type: ignore[index]
    assert token.get("agents/").status_code == 401 and again.get("agents/").status_code == 403
    change = at(ServiceAccount, f"{account.user_id}/change/")
    assert operator.post(change, {"name": "Daily", "role": "viewer", "seen": ""}).status_code == 302
    assert again.get("agents/").status_code == 401, "switched off: the box was not ticked"
    assert kinds() == [
        *("service_account.create", "service_account.create_token", "api_token.update", "api_token.rotate"),
        "service_account.update",
    ]
    data = AuditEntry.objects.values_list("data", flat=True)
    assert not any(secret.rsplit("_", 1)[1] in str(one) for one in data)


def test_a_persons_token_is_only_looked_at_and_revoked(operator: Client, owner: Api) -> None:
    row = owner.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data
    page = at(ApiToken, f"{row['id']}/change/")
    assert operator.get(page).status_code == 200
    assert operator.post(page, {"name": "x", "scopes": ["agent.view"]}).status_code == 403
    told = operator.post(at(ApiToken, ""), {"action": "new_secret", "_selected_action": [row["id"]]}, follow=True)
    assert "Select one token of a service account" in told.content.decode()
    assert Api(row["token"], owner.base).get("agents/").status_code == 200


def test_a_grant(
    operator: Client,
    staff: Client,
    owner: Api,
    workspace: Any,
    make_person: Any,
    make_workspace: Any,
    agent: dict[str, Any],
) -> None:
    person, far = make_person(workspace, "builder"), make_person(make_workspace("South"), "builder")
    assert owner.call("PUT", f"agents/{agent['id']}/visibility/", {"visibility": "restricted"}).status_code == 200
    add = at(AgentUserGrant, "add/")
    typed = {"content_object": agent["id"], "grantee": person.person.email, "level": "edit"}
    assert person.get(f"agents/{agent['id']}/").status_code == 404
    assert staff.post(add, typed).status_code == 403
    for wrong in ({"grantee": far.person.email}, {"grantee": far.person.pk}, {"grantee": "'"}):
        assert "grantee" in errors(operator.post(add, {**typed, **wrong})), wrong
    assert "level" in errors(operator.post(add, {**typed, "level": "all"}))
    assert operator.post(add, typed).status_code == 302
    assert "edit" in person.get(f"agents/{agent['id']}/").data["permissions"]
    row = AgentUserGrant.objects.get()
    page = at(AgentUserGrant, f"{row.pk}/change/")
    was = seen(operator, page)
    assert operator.post(page, {"level": "view", "seen": was}).status_code == 302
    row = AgentUserGrant.objects.get()
    page = at(AgentUserGrant, f"{row.pk}/change/")
    assert "Somebody else changed this" in errors(operator.post(page, {"level": "manage", "seen": was}))
    assert "edit" not in person.get(f"agents/{agent['id']}/").data["permissions"]
    group = owner.post("groups/", {"name": "Team"}).data["id"]
    assert operator.post(at(AgentGroupGrant, "add/"), {**typed, "grantee": "team"}).status_code == 302
    assert AgentGroupGrant.objects.get().group.workspace_group.pk == group
    provider = owner.get("providers/").data["results"][0]["id"]
    done = operator.post(at(ProviderUserGrant, "add/"), {**typed, "content_object": provider, "level": "manage"})
    assert done.status_code == 302
    assert kinds() == ["agent.grant", "agent.grant", "agent.grant", "provider.grant"]
    assert operator.get("/admin/agents/conversationusergrant/add/").status_code == 403, "whose chat it is decides that"


def test_g27_a_form_shows_what_its_own_row_has(operator: Client, owner: Api, workspace: Any) -> None:
    for name, role in (("First", "viewer"), ("Second", "builder")):
        assert owner.post("service-accounts/", {"name": name, "role": role}).status_code == 201
    for one in Membership.objects.filter(user__kind="service"):
        form = operator.get(at(ServiceAccount, f"{one.user_id}/change/")).context["adminform"].form
        assert form["role"].value() == one.role_key


def test_g27_a_group_is_found_by_name_in_its_own_workspace(
    operator: Client, owner: Api, make_person: Any, make_workspace: Any, agent: dict[str, Any]
) -> None:
    assert make_person(make_workspace("South"), "owner").post("groups/", {"name": "Team"}).status_code == 201
    ours = owner.post("groups/", {"name": "Team"}).data["id"]
    typed = {"content_object": agent["id"], "grantee": "team", "level": "view"}
    assert operator.post(at(AgentGroupGrant, "add/"), typed).status_code == 302
    assert AgentGroupGrant.objects.get().group.workspace_group.pk == ours


def test_g27_what_was_revoked_is_not_revoked_again(operator: Client, owner: Api) -> None:
    for name in ("a", "b"):
        owner.post("api-tokens/", {"name": name, "scopes": ["agent.view"]})
    chosen = {"action": "revoke_tokens", "_selected_action": list(ApiToken.objects.values_list("pk", flat=True))}
    for _ in range(2):
        operator.post(at(ApiToken, ""), chosen)
    assert AuditEntry.objects.filter(kind="api_token.revoke", outcome="done").count() == 2


def test_what_is_made_there_asks_for_a_fresh_proof(operator: Client, workspace: Any) -> None:
    from datetime import timedelta

    from accounts.models import LoginSession
    from core.clock import now

    browser = Client(raise_request_exception=False)
    browser.post("/admin/login/", {"username": "op@example.com", "password": PASSWORD, "next": "/admin/"})
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    for model in (WorkspaceGroup, CustomRole, ServiceAccount, ApiToken, AgentUserGrant, AgentGroupGrant):
        asked = browser.post(at(model, "add/"), {"in_workspace": workspace.pk, "name": "N"})
        assert asked.status_code == 403 and "Confirm that it is you" in asked.content.decode(), model
        assert browser.get(at(model, "add/")).status_code == 200
    assert not WorkspaceGroup.objects.exists()
