"""Access in the operator admin: what is taken away there ends, and looking at it changes nothing but the audit log."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group

from accounts.models import ApiToken, CustomRole, Membership, ServiceAccount, User, WorkspaceGroup
from agents.models import AgentGroupGrant, AgentUserGrant, Conversation, ConversationUserGrant, Run
from audit.models import AuditEntry
from llm_providers.models import ProviderUserGrant
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api


@pytest.fixture
def operator(db: None) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    return browser


@pytest.fixture
def person(make_person: Any, workspace: Any) -> Api:
    return make_person(workspace, "builder")


@pytest.fixture
def shared(owner: Api, person: Api, agent: dict[str, Any]) -> dict[str, str]:
    """A group with the person in it, a role, a token, a service account, and grants of each kind."""
    group = owner.post("groups/", {"name": "Team"}).data["id"]
    assert owner.post(f"groups/{group}/members/", {"user": person.person.pk}).status_code == 201
    thread = owner.post("conversations/", {"agent": agent["id"], "title": "<b>Plans</b>"}).data["id"]
    provider = owner.get("providers/").data["results"][0]["id"]
    for path, grantee, level in (
        (f"agents/{agent['id']}/", person.person.pk, "edit"),
        (f"agents/{agent['id']}/", group, "view"),
        (f"conversations/{thread}/", person.person.pk, "view"),
        (f"providers/{provider}/", person.person.pk, "edit"),
    ):
        assert owner.post(f"{path}grants/", {"grantee": grantee, "level": level}).status_code == 201
    token = person.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data
    return {
        "group": group,
        "conversation": thread,
        "role": owner.post("roles/", {"name": "Spare", "permissions": []}).data["id"],
        "token": token["token"],
        "account": owner.post("service-accounts/", {"name": "Nightly", "role": "user"}).data["id"],
    }


def act(operator: Client, model: Any, action: str) -> list[str]:
    """Select all rows of a table and take an action; the kinds of the new audit entries."""
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    ids = list(model.objects.values_list("pk", flat=True))
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    answer = operator.post(address, {"action": action, "_selected_action": ids})
    assert answer.status_code == 302, answer.content[:500]
    return sorted(AuditEntry.objects.exclude(pk__in=before).values_list("kind", flat=True))


def test_everything_can_be_taken_away(operator: Client, shared: dict[str, str], owner: Api, person: Api) -> None:
    token = Api(shared["token"], owner.base)
    assert token.get("agents/").status_code == 200
    assert act(operator, ApiToken, "revoke_tokens") == ["api_token.revoke"]
    assert token.get("agents/").status_code == 401
    for model, kind in (
        (AgentUserGrant, "agent.withdraw_grant"),
        (AgentGroupGrant, "agent.withdraw_grant"),
        (ConversationUserGrant, "conversation.withdraw_grant"),
        (ProviderUserGrant, "provider.withdraw_grant"),
    ):
        assert act(operator, model, "take_away") == [kind]
        assert not model.objects.exists()
    assert person.get(f"conversations/{shared['conversation']}/").status_code == 404
    assert act(operator, WorkspaceGroup, "delete_groups") == ["group.delete"]
    assert not Group.objects.exists()
    assert act(operator, CustomRole, "delete_roles") == ["role.delete"]
    accounts = ServiceAccount.objects.filter(kind="service")
    address = "/admin/accounts/serviceaccount/"
    for action, active in (("switch_off", False), ("switch_on", True)):
        operator.post(address, {"action": action, "_selected_action": [shared["account"]]})
        assert accounts.get().is_active is active
    assert AuditEntry.objects.filter(kind="service_account.update", target_id=shared["account"]).count() == 2


def test_a_role_in_use_stays(operator: Client, owner: Api, person: Api, shared: dict[str, str]) -> None:
    member = Membership.objects.get(user=person.person)
    assert owner.patch(f"members/{member.pk}/", {"role": shared["role"]}).status_code == 200
    answer = operator.post(
        "/admin/accounts/customrole/", {"action": "delete_roles", "_selected_action": [shared["role"]]}, follow=True
    )
    assert "Somebody still has the role Spare" in answer.content.decode()
    assert CustomRole.objects.count() == 1


def test_service_accounts_are_no_people(operator: Client, shared: dict[str, str]) -> None:
    assert operator.get(f"/admin/accounts/user/{shared['account']}/change/").status_code == 302, "no such person"
    assert "Nightly" not in operator.get("/admin/accounts/user/").content.decode()
    assert operator.get(f"/admin/accounts/serviceaccount/{shared['account']}/change/").status_code == 200


def test_the_last_owner_stays_in_the_admin_too(operator: Client, owner: Api, workspace: Any) -> None:
    member = Membership.objects.get(user=owner.person)
    page = operator.get(f"/admin/accounts/workspace/{workspace.pk}/change/")
    prefix = page.context["inline_admin_formsets"][0].formset.prefix
    form = {
        "name": workspace.name,
        "slug": workspace.slug,
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "1",
        f"{prefix}-0-id": member.pk,
        f"{prefix}-0-workspace": workspace.pk,
        f"{prefix}-0-user": owner.person.pk,
        f"{prefix}-0-role": "viewer",
    }
    for change in ({}, {f"{prefix}-0-role": "owner", f"{prefix}-0-DELETE": "on"}):
        answer = operator.post(f"/admin/accounts/workspace/{workspace.pk}/change/", {**form, **change})
        assert answer.status_code == 200
        assert "keeps at least one owner" in answer.content.decode()
    assert Membership.objects.get(user=owner.person).role == "owner"


def test_effective_access_says_why(
    operator: Client, person: Api, shared: dict[str, str], agent: dict[str, Any], make_person: Any, make_workspace: Any
) -> None:
    stranger = make_person(make_workspace("South"), "owner")
    assert stranger.post("agents/", {"name": "Southern"}).status_code == 201
    member = Membership.objects.get(user=person.person)
    link = f"/admin/access/{member.pk}/"
    assert link in operator.get(f"/admin/accounts/user/{person.person.pk}/change/").content.decode()
    page = operator.get(link)
    text = page.content.decode()
    assert page.status_code == 200 and page["Cache-Control"] == "no-store"
    for words in ("was given edit", "the group Team was given view", "open to everybody", "yes, by the role builder"):
        assert words in text, words
    assert "<b>Plans</b>" not in text and "&lt;b&gt;Plans" in text
    assert "Southern" not in text, "another workspace's"


def test_view_as_is_looking_only_and_on_record(
    operator: Client, owner: Api, person: Api, shared: dict[str, str], agent: dict[str, Any]
) -> None:
    hidden = owner.post("conversations/", {"agent": agent["id"], "title": "Between us"}).data["id"]
    run = person.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"]
    secret = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"]
    member = Membership.objects.get(user=person.person)
    before = [list(model.objects.order_by("pk").values()) for model in (Conversation, Run, Membership)]
    page = operator.get(f"/admin/view-as/{member.pk}/")
    text = page.content.decode()
    assert page.status_code == 200 and "data-view-as" in text
    assert agent["name"] in text and run in text and "Plans" in text
    assert "Between us" not in text and hidden not in text and secret not in text
    assert "<form" not in text.split("data-view-as")[1].split("</main>")[0]
    entry = AuditEntry.objects.get(kind="user.view_as")
    assert (entry.target_id, entry.workspace_id) == (person.person.pk, member.workspace_id)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(operator, method)(f"/admin/view-as/{member.pk}/").status_code == 405
    assert [list(model.objects.order_by("pk").values()) for model in (Conversation, Run, Membership)] == before
    person.person.is_active = False
    person.person.save()
    assert run not in operator.get(f"/admin/view-as/{member.pk}/").content.decode(), "they see nothing any more"


@pytest.mark.parametrize("page", ["access", "view-as"])
def test_only_operators_open_these_pages(page: str, owner: Api, person: Api, operator: Client) -> None:
    member = Membership.objects.get(user=person.person)
    address = f"/admin/{page}/{member.pk}/"
    assert Client().get(address).status_code == 302
    assert Client().get(address, headers={"Authorization": f"Bearer {owner.token}"}).status_code == 302
    staff = Client(raise_request_exception=False)
    staff.force_login(User.objects.create_user("staff@example.com", PASSWORD, is_staff=True))
    assert staff.get(address).status_code == 403
    assert not AuditEntry.objects.filter(kind="user.view_as").exists()
    for missing in ("mbr_x", "mbr_%00", "'"):
        assert operator.get(f"/admin/{page}/{missing}/").status_code in (400, 404)


def test_view_as_reads_what_the_person_may_read_and_nothing_else(
    operator: Client, owner: Api, person: Api, shared: dict[str, str], agent: dict[str, Any]
) -> None:
    """Success and denial side by side: what was shared opens as text, what was not is not there, for the person as here."""
    started = owner.post("runs/", {"agent": agent["id"], "input": {"text": "<i>Shall we?</i>"}}).data
    hidden = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Between us"}}).data
    grant = {"grantee": person.person.pk, "level": "view"}
    assert owner.post(f"conversations/{started['conversation']}/grants/", grant).status_code == 201
    base = f"/admin/view-as/{Membership.objects.get(user=person.person).pk}/"
    overview = operator.get(base).content.decode()
    rows = [list(model.objects.order_by("pk").values()) for model in (Conversation, Run, Membership)]
    for kind, seen, unseen in (
        ("conversations", started["conversation"], hidden["conversation"]),
        ("runs", started["id"], hidden["id"]),
    ):
        assert f"{base}{kind}/{seen}/" in overview and unseen not in overview
        page = operator.get(f"{base}{kind}/{seen}/")
        text = page.content.decode()
        assert page.status_code == 200 and page["Cache-Control"] == "no-store"
        assert "&lt;i&gt;Shall we?&lt;/i&gt;" in text and "Still going on" in text and "Between us" not in text
        assert "<form" not in text.split("data-view-as")[1].split("</main>")[0]
        entry = AuditEntry.objects.filter(kind="user.view_as").latest("at")
        assert entry.data == {"page": kind.rstrip("s"), "opened": seen}
        assert (entry.target_id, entry.actor_id) == (person.person.pk, User.objects.get(email="op@example.com").pk)
        count = AuditEntry.objects.filter(kind="user.view_as").count()
        for missing in (unseen, "run_" + "0" * 26, "'", "%00"):
            assert operator.get(f"{base}{kind}/{missing}/").status_code in (400, 404), missing
        assert AuditEntry.objects.filter(kind="user.view_as").count() == count, "what did not open was not looked at"
        for method in ("post", "put", "patch", "delete"):
            assert getattr(operator, method)(f"{base}{kind}/{seen}/").status_code == 405
        assert Client().get(f"{base}{kind}/{seen}/").status_code == 302
        staff = Client(raise_request_exception=False)
        staff.force_login(User.objects.create_user(f"{kind}@example.com", PASSWORD, is_staff=True))
        assert staff.get(f"{base}{kind}/{seen}/").status_code == 403
    assert [list(model.objects.order_by("pk").values()) for model in (Conversation, Run, Membership)] == rows
    assert owner.delete(f"conversations/{started['conversation']}/grants/{person.person.pk}/").status_code == 204
    assert operator.get(f"{base}conversations/{started['conversation']}/").status_code == 404
    User.objects.filter(pk=person.person.pk).update(is_active=False)
    assert operator.get(f"{base}runs/{started['id']}/").status_code == 404


def test_the_admins_list_is_in_plain_words(operator: Client) -> None:
    from django.contrib import admin

    for model in admin.site._registry:
        for name in (model._meta.verbose_name, model._meta.verbose_name_plural):
            assert not re.search(r"\b([Aa]pi|[Ss]so|[Ss]cim|identitys|login session|grant)\b", str(name)), name
    page = operator.get("/admin/").content.decode()
    for words in ("API tokens", "Single sign-on connections", "People from directories", "Sign-ins", "Groups"):
        assert words in page, words
