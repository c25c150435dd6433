"""Each check of accounts, sign-ins and factors by itself, tried where nothing else would say no as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from asgiref.sync import async_to_sync
from django.test import RequestFactory

from accounts import credentials
from accounts.groups import remove_from_group
from accounts.members import change_role
from accounts.models import (
    ApiToken,
    FactorChallenge,
    Invitation,
    LoginSession,
    Membership,
    PasswordReset,
    User,
    WorkspaceGroup,
)
from accounts.rest.authentication import async_actor
from accounts.roles import ROLE_PERMISSIONS, Role, granters_of
from accounts.second_factor.challenges import Asked, ask, find_open, use_up
from accounts.second_factor.proofs import methods_of, prove
from accounts.second_factor.rules import EnrolmentRequired, is_required_of
from accounts.selectors import ended_sessions, everybody_in, invitations_visible_to, tokens_visible_to
from accounts.service_accounts import update_service_account
from accounts.services import end_my_session
from accounts.sessions import open_session
from accounts.sign_in import admit
from accounts.tests.test_second_factors import add_app, ann, answered, asked  # noqa: F401
from accounts.tokens import (
    actor_of_member,
    actor_without_workspace,
    mint_tokens,
    principal_from_access_token,
    principals_from_access_tokens,
)
from audit.models import AuditEntry
from core.authz import Permission as P
from core.clock import now
from core.errors import NotAuthenticated, NotFound, PermissionDenied
from tests.fixtures.houses import Issuer, approve, connect
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.security_key import totp

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor(owner: Api, workspace: Any) -> Any:
    return actor_of_member(owner.person.pk, workspace.pk)


def service_account(owner: Api, role: str = "user", name: str = "Bot") -> Membership:
    made = owner.post("service-accounts/", {"name": name, "role": role})
    assert made.status_code == 201, made.content
    return Membership.objects.get(user=made.data["id"])


def session_of(api: Api) -> LoginSession:
    return LoginSession.objects.get(user=api.person)


# --- sign-ins --------------------------------------------------------------------------------------------------------


def test_g27_no_way_in_opens_a_session_for_a_closed_account_or_a_program(owner: Api) -> None:
    person, program = owner.person, service_account(owner).user
    admit(person, how="password", client="api", ip=None)
    with pytest.raises(NotAuthenticated):
        open_session(program, client="api", ip=None)
    with pytest.raises(NotAuthenticated, match="address or the password"):
        admit(program, how="password", client="api", ip=None)
    User.objects.filter(pk=person.pk).update(is_active=False)
    before = LoginSession.objects.count()
    with pytest.raises(NotAuthenticated):
        admit(person, how="password", client="api", ip=None)
    assert LoginSession.objects.count() == before


@pytest.mark.parametrize("how", ["ended", "over", "disabled", "another's"])
def test_g27_an_access_token_is_as_good_as_its_sign_in(how: str, owner: Api, make_person: Any, workspace: Any) -> None:
    session, other = session_of(owner), make_person(workspace, "user")
    token = mint_tokens(session).access
    principal = principal_from_access_token(token)
    assert principals_from_access_tokens([(token, None)]) == [principal]
    credentials.require_live(principal)
    assert ended_sessions([session.pk]) == set()
    if how == "ended":
        LoginSession.objects.filter(pk=session.pk).update(ended_at=now())
    elif how == "over":
        LoginSession.objects.filter(pk=session.pk).update(expires_at=now() - timedelta(seconds=1))
    elif how == "disabled":
        User.objects.filter(pk=owner.person.pk).update(is_active=False)
    else:
        LoginSession.objects.filter(pk=session.pk).update(user=other.person)
    with pytest.raises(NotAuthenticated, match="has ended"):
        principal_from_access_token(token)
    (refused,) = principals_from_access_tokens([(token, None)])
    assert isinstance(refused, NotAuthenticated)
    if how != "another's":
        assert ended_sessions([session.pk]) == {session.pk}
        with pytest.raises(NotAuthenticated, match="has ended"):
            credentials.require_live(principal)


@pytest.mark.parametrize("text", ["", "x" * 4_097, "é.é.é"])
def test_g27_what_can_be_no_token_is_not_checked(text: str) -> None:
    with pytest.raises(NotAuthenticated, match="malformed"):
        principal_from_access_token(text)


def test_g27_what_ended_before_keeps_its_time(owner: Api) -> None:
    session = session_of(owner)
    LoginSession.objects.filter(pk=session.pk).update(ended_at="2026-01-01T00:00:00Z")
    end_my_session(actor_without_workspace(principal_of(owner)), session=session)
    assert str(LoginSession.objects.get(pk=session.pk).ended_at).startswith("2026-01-01")


def principal_of(api: Api) -> Any:
    return credentials.Principal(api.person.pk, api.person.email, session_of(api).pk)


@pytest.mark.django_db(transaction=True)  # asked in a thread of its own
def test_g27_what_a_stream_refuses_is_on_record(owner: Api, workspace: Any) -> None:
    role = owner.post("roles/", {"name": "Little", "permissions": ["workspace.view"]}).data["id"]
    account = service_account(owner, role)
    made = owner.post(f"service-accounts/{account.user_id}/api-tokens/", {"name": "t", "scopes": ["workspace.view"]})
    request = RequestFactory().get("/x/", HTTP_AUTHORIZATION=f"Bearer {made.data['token']}")
    find = async_to_sync(async_actor)
    assert find(request, workspace.slug, P.WORKSPACE_VIEW).user_id == account.user_id
    with pytest.raises(PermissionDenied):
        find(request, workspace.slug, P.RUN_VIEW)
    entry = AuditEntry.objects.get(kind="access.denied")
    assert (entry.data["permission"], entry.data["attempted"]) == ("run.view", "GET /x/")


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_g27_a_token_opens_its_own_workspace_and_nobody_elses_work(
    owner: Api, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    other = make_workspace("Other")
    Membership.objects.create(workspace=other, user=owner.person, role="owner")
    made = owner.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}).data
    token = Api(made["token"], owner.base)
    assert token.get("agents/").status_code == 200
    assert token.get(f"/api/v1/workspaces/{other.slug}/agents/").status_code == 404
    somebody = make_person(workspace, "user")
    pk = ApiToken.objects.get().pk
    assert actor_of_member(owner.person.pk, workspace.pk, token_id=pk).token_id == pk
    with pytest.raises(NotFound):
        actor_of_member(somebody.person.pk, workspace.pk, token_id=pk)


def test_g27_nobody_lists_the_tokens_of_another_workspace(
    owner: Api, make_person: Any, make_workspace: Any, actor: Any
) -> None:
    foreign = make_person(make_workspace("Other"), "owner")
    assert foreign.post("api-tokens/", {"name": "theirs", "scopes": ["agent.view"]}).status_code == 201
    assert owner.post("api-tokens/", {"name": "mine", "scopes": ["agent.view"]}).status_code == 201
    assert [one.name for one in tokens_visible_to(actor)] == ["mine"]
    assert not tokens_visible_to(replace(actor, permissions=actor.permissions - {P.API_TOKEN_VIEW})).exists()


# --- roles and groups ------------------------------------------------------------------------------------------------


def test_g27_nobody_takes_or_gives_a_role_beyond_their_own(owner: Api, make_person: Any, workspace: Any) -> None:
    rights = sorted({"member.view", "member.edit", "service_account.view", "service_account.edit", "workspace.view"})
    role = owner.post("roles/", {"name": "Desk", "permissions": rights}).data["id"]
    small = owner.post("roles/", {"name": "Small", "permissions": ["workspace.view"]}).data["id"]
    clerk, builder = make_person(workspace, "viewer"), make_person(workspace, "builder")
    mine = Membership.objects.get(user=clerk.person)
    assert owner.patch(f"members/{mine.pk}/", {"role": role}).status_code == 200
    acting = actor_of_member(clerk.person.pk, workspace.pk)
    theirs = Membership.objects.get(user=builder.person)
    with pytest.raises(PermissionDenied, match="beyond what you may do"):
        change_role(acting, member=theirs, role=small)
    bot = service_account(owner, small)
    with pytest.raises(PermissionDenied, match="beyond what you may do"):
        update_service_account(acting, account=bot, role="builder")
    assert Membership.objects.get(pk=bot.pk).role_key == small
    update_service_account(acting, account=bot, role=role)


def test_g27_who_can_help_is_who_holds_it() -> None:
    """Owners hold everything; of the rest the text names those who do."""
    for permission in P:
        admins = permission in ROLE_PERMISSIONS[Role.ADMIN]
        assert ("kept to owners." in granters_of(permission)) == (not admins), permission


def test_g27_who_is_in_no_group_cannot_be_taken_out_of_it(
    owner: Api, make_person: Any, workspace: Any, actor: Any
) -> None:
    group = owner.post("groups/", {"name": "Sales"}).data["id"]
    inside, outside = make_person(workspace, "user").person, make_person(workspace, "user").person
    assert owner.post(f"groups/{group}/members/", {"user": inside.pk}).status_code in (200, 201)
    assert owner.delete(f"groups/{group}/members/{outside.pk}/").status_code == 404
    with pytest.raises(NotFound):
        remove_from_group(actor, group=WorkspaceGroup.objects.get(), user_id=outside.pk)
    assert owner.delete(f"groups/{group}/members/{inside.pk}/").status_code == 204
    assert not AuditEntry.objects.filter(kind="group.remove_member", data__user=outside.pk, outcome="done").exists()


def test_g27_an_invitation_leads_into_groups_of_its_own_workspace(
    owner: Api, nobody: Api, make_person: Any, make_workspace: Any, actor: Any
) -> None:
    foreign = make_person(make_workspace("Other"), "owner")
    theirs = foreign.post("groups/", {"name": "Theirs"}).data["id"]
    ours = owner.post("groups/", {"name": "Ours"}).data["id"]
    made = owner.post("invitations/", {"role": "user", "email": "bo@example.com", "groups": [ours]})
    token = made.data["link"].partition("#token=")[2]
    assert [one.pk for one in invitations_visible_to(actor)] == [made.data["id"]]
    Invitation.objects.update(groups=[ours, theirs])
    body = {"token": token, "name": "Bo", "password": PASSWORD}
    assert nobody.post("invitations/accept/", body).status_code == 200
    inside = {one.pk for one in WorkspaceGroup.objects.filter(group__user__email="bo@example.com")}
    assert inside == {ours}
    assert not invitations_visible_to(actor).exists()
    Invitation.objects.update(uses_left=1)  # one that was used up stays closed, whatever its count says
    assert not invitations_visible_to(actor).exists()


def test_g27_who_could_share_something_is_who_is_here(owner: Api, make_person: Any, make_workspace: Any) -> None:
    other = make_workspace("Other")
    make_person(other, "user")
    here = Membership.objects.get(user=owner.person).workspace_id
    assert [one.user_id for one in everybody_in(here)] == [owner.person.pk]


def test_g27_the_rule_about_second_factors_takes_a_fresh_proof(owner: Api) -> None:
    LoginSession.objects.update(second_factor=True, proved_at=now() - timedelta(hours=1))
    refused = owner.patch("", {"require_second_factor": True})
    assert (refused.status_code, refused.data["code"]) == (403, "reauthentication_required")
    assert owner.patch("", {"name": "North again"}).status_code == 200


# --- passwords and addresses -----------------------------------------------------------------------------------------


def test_g27_a_link_for_a_new_password_that_was_used_is_over(owner: Api, nobody: Api) -> None:
    """Even where the password is the one that it was bound to."""
    from accounts.password_reset import start_reset

    link, _ = start_reset(actor_without_workspace(principal_of(owner)), user=owner.person)
    body = {"token": link.partition("#token=")[2], "password": "a-staple-of-horses"}
    PasswordReset.objects.update(used_at=now())
    assert nobody.post("auth/password/reset/confirm/", body).data["errors"][0]["code"] == "invalid_link"
    PasswordReset.objects.update(used_at=None)
    assert nobody.post("auth/password/reset/confirm/", body).status_code == 204


# --- second factors --------------------------------------------------------------------------------------------------


def challenge_of(user: User) -> tuple[Asked, FactorChallenge]:
    made = ask(user, purpose=FactorChallenge.Purpose.SIGN_IN, client="api")
    return made, FactorChallenge.objects.latest("created_at")


def test_g27_a_challenge_is_answered_once_and_by_an_open_account(ann: Api) -> None:  # noqa: F811
    add_app(ann)
    made, row = challenge_of(ann.person)
    wanted = {"purpose": FactorChallenge.Purpose.SIGN_IN, "client": "api", "session_id": None}
    assert find_open(made.challenge, **wanted) == row  # type: ignore[arg-type]
    User.objects.filter(pk=ann.person.pk).update(is_active=False)
    assert find_open(made.challenge, **wanted) is None  # type: ignore[arg-type]
    User.objects.filter(pk=ann.person.pk).update(is_active=True)
    assert [use_up(row), use_up(row)] == [True, False]


def test_g27_somebody_elses_factor_proves_nothing(
    ann: Api,  # noqa: F811
    make_person: Any,
    workspace: Any,
) -> None:
    other = make_person(workspace, "owner", email="bob@example.com")
    uri, _ = add_app(ann)
    assert methods_of(other.person.pk) == [] and methods_of(ann.person.pk) == ["totp", "recovery_code"]
    assert not prove(other.person, "totp", totp(uri), {})
    assert prove(ann.person, "totp", totp(uri), {})


def test_g27_the_workspace_that_asks_is_ones_own(
    ann: Api,  # noqa: F811
    make_person: Any,
    make_workspace: Any,
    workspace: Any,
) -> None:
    other = make_person(make_workspace("Other"), "owner")
    type(workspace).objects.filter(pk=workspace.pk).update(require_second_factor=True)
    assert is_required_of(ann.person.pk) and not is_required_of(other.person.pk)
    refused = ann.get("agents/")
    assert (refused.status_code, refused.data["code"]) == (403, EnrolmentRequired.code)
    assert other.get("agents/").status_code == 200


def test_g27_a_factor_is_finished_with_a_proof_that_is_still_fresh(ann: Api) -> None:  # noqa: F811
    begun = ann.post("/api/v1/me/second-factors/begin/", {"method": "totp"}).data
    body = {"challenge": begun["challenge"], "response": totp(begun["uri"])}
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    refused = ann.post("/api/v1/me/second-factors/", body)
    assert (refused.status_code, refused.data["code"]) == (403, "reauthentication_required")
    assert not Authenticator.objects.exists()
    LoginSession.objects.update(proved_at=now())
    assert ann.post("/api/v1/me/second-factors/", body).status_code == 201


def test_g27_who_has_to_come_another_way_by_now_is_told_after_the_factor_too(
    ann: Api,  # noqa: F811
    nobody: Api,
    workspace: Any,
    issuer: Issuer,
) -> None:
    from accounts.models import SsoConnection

    uri, _ = add_app(ann)
    due = asked(nobody)
    approve(workspace, "example.com")
    connect(ann, issuer.origin, domains=["example.com"])
    SsoConnection.objects.update(enforced=True)
    refused = answered(nobody, due["challenge"], "totp", totp(uri))
    assert (refused.status_code, refused.data["code"]) == (403, "sso_required")
    entry = AuditEntry.objects.filter(kind="session.sign_in", outcome="denied").latest("pk")
    assert (entry.data["why"], entry.target_id) == ("sso_required", ann.person.pk)
    SsoConnection.objects.update(enforced=False)
