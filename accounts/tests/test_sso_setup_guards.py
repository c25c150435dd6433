"""Each check of who sets single sign-on up, and of whom its groups reach, by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from accounts.models import (
    LoginSession,
    Membership,
    SsoConnection,
    SsoIdentity,
    WorkspaceGroup,
)
from accounts.sso.connections import create_connection, update_connection
from accounts.tokens import actor_of_member
from audit.models import AuditEntry
from core.authz import Permission as P
from core.errors import PermissionDenied
from tests.fixtures.houses import Issuer, fresh_browser, link, through
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_g27_setting_it_up_takes_a_fresh_proof(owner: Api, house: str, issuer: Issuer) -> None:
    link(house, owner.person, issuer, "the-owner")
    LoginSession.objects.update(proved_at="2020-01-01T00:00:00Z")
    body = {"kind": "oidc", "name": "N", "issuer": issuer.origin, "client_id": "c"}
    mine = SsoIdentity.objects.get().pk
    for answer in (
        owner.post("sso/", body),
        owner.patch(f"sso/{house}/", {"issuer": issuer.origin}),
        owner.delete(f"sso/{house}/"),
        owner.delete(f"/api/v1/me/identities/{mine}/"),
    ):
        assert (answer.status_code, answer.data["code"]) == (403, "reauthentication_required")
    assert SsoConnection.objects.count() == SsoIdentity.objects.count() == 1


@pytest.mark.parametrize("without", ["the right", "a fresh proof"])
def test_g27_who_may_not_set_it_up_has_the_server_ask_nobody(
    without: str, owner: Api, house: str, issuer: Issuer, workspace: Any
) -> None:
    asked: list[int] = []
    document = issuer.document()
    issuer.document = lambda: asked.append(1) or document  # type: ignore[method-assign,func-returns-value]
    actor = actor_of_member(owner.person.pk, workspace.pk)
    if without == "the right":
        actor = replace(actor, permissions=actor.permissions - {P.SSO_EDIT})
    else:
        session = LoginSession.objects.filter(user=owner.person).get()
        LoginSession.objects.update(proved_at="2020-01-01T00:00:00Z")
        actor = replace(actor, session_id=session.pk)
    calls: list[Callable[[], Any]] = [
        lambda: create_connection(actor, kind="oidc", name="N", issuer=issuer.origin, client_id="c"),
        lambda: update_connection(actor, connection=SsoConnection.objects.get(), issuer=issuer.origin),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
    assert not asked and SsoConnection.objects.count() == 1
    if without == "the right":
        tried = set(AuditEntry.objects.filter(kind="access.denied").values_list("data__attempted", flat=True))
        assert tried == {"sso.create", "sso.update"}
    assert owner.patch(f"sso/{house}/", {"name": "N"}).status_code == (200 if without == "the right" else 403)


def test_g27_who_may_not_put_people_into_groups_maps_none(
    owner: Api, house: str, make_person: Any, workspace: Any, issuer: Issuer
) -> None:
    group = owner.post("groups/", {"name": "Everybody"}).data["id"]
    rights = sorted({"workspace.view", "sso.view", "sso.edit"})
    role = owner.post("roles/", {"name": "Identity", "permissions": rights}).data["id"]
    clerk = make_person(workspace, "viewer")
    member = Membership.objects.get(user=clerk.person).pk
    assert owner.patch(f"members/{member}/", {"role": role}).status_code == 200
    body = {"kind": "oidc", "name": "Mine", "issuer": issuer.origin, "client_id": "c"}
    refused = clerk.post("sso/", {**body, "mapping": [{"group": "g", "role": "", "groups": [group]}]})
    assert (refused.status_code, refused.data["errors"][0]["code"]) == (400, "not_allowed")
    assert clerk.post("sso/", {**body, "mapping": [{"group": "g", "role": "", "groups": []}]}).status_code == 201


def test_g27_what_somebody_holds_elsewhere_is_nothing_to_whoever_sets_it_up_here(
    owner: Api, house: str, make_person: Any, make_workspace: Any, workspace: Any, issuer: Issuer
) -> None:
    """The connection knows somebody who is a viewer here and an owner elsewhere."""
    rights = sorted({"workspace.view", "sso.view", "sso.edit", "member.view"})
    role = owner.post("roles/", {"name": "Identity", "permissions": rights}).data["id"]
    clerk = make_person(workspace, "viewer")
    member = Membership.objects.get(user=clerk.person).pk
    assert owner.patch(f"members/{member}/", {"role": role}).status_code == 200
    assert owner.patch(f"sso/{house}/", {"default_role": role}).status_code == 200
    two = make_person(make_workspace("Other"), "owner").person
    small = owner.post("roles/", {"name": "Small", "permissions": ["workspace.view"]}).data["id"]
    Membership.objects.create(workspace=workspace, user=two, role="custom", custom_role_id=small)
    link(house, two, issuer, "two")
    assert clerk.patch(f"sso/{house}/", {"name": "Mine"}).status_code == 200


def test_g27_what_ended_before_keeps_its_time(owner: Api, house: str, issuer: Issuer) -> None:
    browser, second = fresh_browser(), fresh_browser()
    assert through(issuer, house, browser) == through(issuer, house, second) == {}
    first = LoginSession.objects.filter(how=f"sso:{house}").earliest("created_at")
    LoginSession.objects.filter(pk=first.pk).update(ended_at="2026-01-01T00:00:00Z")
    assert owner.patch(f"sso/{house}/", {"enabled": False}).status_code == 200
    assert str(LoginSession.objects.get(pk=first.pk).ended_at).startswith("2026-01-01")
    entry = AuditEntry.objects.filter(kind="sso.update", outcome="done").latest("pk")
    assert entry.data["sessions_ended"] == 1


# --- groups ----------------------------------------------------------------------------------------------------------


def test_g27_groups_of_another_workspace_are_left_alone(
    owner: Api, house: str, issuer: Issuer, make_person: Any, make_workspace: Any
) -> None:
    """An entry that names one (written before the group was anybody else's) moves nobody there."""
    other = make_person(make_workspace("Other"), "owner")
    theirs = other.post("groups/", {"name": "Theirs"}).data["id"]
    entry = {"group": "staff", "role": "builder", "groups": [theirs]}
    SsoConnection.objects.update(mapping=[entry])
    issuer.claims = {"groups": ["staff"]}
    assert through(issuer, house) == {}
    assert other.get(f"groups/{theirs}/members/").data["results"] == []
    assert WorkspaceGroup.objects.get().group.user_set.count() == 0
