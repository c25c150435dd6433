"""Another workspace's things, in every place where one could be named or listed, and what only its holder may give."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import CustomRole, Invitation, Membership
from tests.fixtures.houses import SAML_METADATA
from tests.fixtures.people import Api
from tests.fixtures.post_office import PostOffice

pytestmark = pytest.mark.django_db
ACCEPT, LOOK = "/api/v1/invitations/accept/", "/api/v1/invitations/look/"
NEW = {"name": "Bo", "password": "correct-staple-battery-9"}
SSO = {"kind": "saml", "name": "House", "metadata": SAML_METADATA, "default_role": "viewer"}


def made(person: Api, path: str, **body: Any) -> str:
    answer = person.post(path, body)
    assert answer.status_code == 201, (path, answer.content)
    return str(answer.data["id"])


def one_of_each(person: Api) -> dict[str, str]:
    return {
        "members/": Membership.objects.get(user=person.person).pk,
        "roles/": made(person, "roles/", name="Own", permissions=["agent.view"]),
        "groups/": made(person, "groups/", name="Own"),
        "service-accounts/": made(person, "service-accounts/", name="Own", role="viewer"),
        "invitations/": made(person, "invitations/", role="user", email="x@example.com"),
        "api-tokens/": made(person, "api-tokens/", name="Own", scopes=["agent.view"]),
        "sso/": made(person, "sso/", **SSO),
    }


@pytest.fixture
def stranger(make_workspace: Any, make_person: Any) -> Api:
    return make_person(make_workspace("South"), "owner")


@pytest.fixture
def theirs(stranger: Api) -> dict[str, str]:
    return one_of_each(stranger)


def with_role(owner: Api, person: Api, *permissions: str) -> Api:
    """The person, with a role that holds these."""
    role = made(owner, "roles/", name="Narrow", permissions=list(permissions))
    Membership.objects.filter(user=person.person).update(role="custom", custom_role=CustomRole.objects.get(pk=role))
    return person


def test_g27_lists_hold_the_workspaces_own(owner: Api, stranger: Api, theirs: dict[str, str]) -> None:
    for path, pk in one_of_each(owner).items():
        for person, shown, hidden in ((owner, pk, theirs[path]), (stranger, theirs[path], pk)):
            text = person.get(path).content.decode()
            assert shown in text and hidden not in text, path
            assert person.delete(f"{path}{hidden}/").status_code == 404, path


def test_g27_nothing_of_another_workspace_can_be_named(
    owner: Api, stranger: Api, theirs: dict[str, str], make_person: Any, workspace: Any
) -> None:
    mine, member = one_of_each(owner), Membership.objects.get(user=make_person(workspace, "user").person)
    role, group = theirs["roles/"], theirs["groups/"]
    for method, path, body, field in (
        ("PATCH", f"members/{member.pk}/", {"role": role}, "role"),
        ("POST", "invitations/", {"email": "y@example.com", "role": role}, "role"),
        ("POST", "invitations/", {"email": "y@example.com", "role": "user", "groups": [group]}, "groups"),
        ("POST", "service-accounts/", {"name": "n", "role": role}, "role"),
        ("PATCH", f"service-accounts/{mine['service-accounts/']}/", {"role": role}, "role"),
        ("POST", f"groups/{mine['groups/']}/members/", {"user": stranger.person.pk}, "user"),
        ("PATCH", f"sso/{mine['sso/']}/", {"default_role": role}, "default_role"),
        ("PATCH", f"sso/{mine['sso/']}/", {"mapping": [{"group": "g", "role": "user", "groups": [group]}]}, "mapping"),
    ):
        answer = owner.call(method, path, body)
        assert answer.status_code == 400 and answer.data["errors"][0]["field"] == field, (path, answer.content)


def test_g27_a_token_is_seen_by_its_holder_and_by_those_who_look_after_all(
    owner: Api, make_person: Any, workspace: Any
) -> None:
    builder = make_person(workspace, "builder")
    account = made(owner, "service-accounts/", name="Nightly", role="viewer")
    tokens = {
        "owner's": made(owner, "api-tokens/", name="t", scopes=["agent.view"]),
        "builder's": made(builder, "api-tokens/", name="t", scopes=["agent.view"]),
        "account's": made(owner, f"service-accounts/{account}/api-tokens/", name="t", scopes=["agent.view"]),
    }
    for person, path, seen in (
        (owner, f"service-accounts/{account}/api-tokens/", {"account's"}),
        (builder, "api-tokens/", {"builder's"}),
    ):
        text = person.get(path).content.decode()
        assert {name for name, pk in tokens.items() if pk in text} == seen
    for name in ("owner's", "account's"):
        assert builder.delete(f"api-tokens/{tokens[name]}/").status_code == 404
    theirs = "api-tokens/" + tokens["builder's"] + "/"
    assert owner.post(f"{theirs}rotate/", {}).status_code in (403, 404)
    assert owner.delete(theirs).status_code == 204


def test_g27_an_invitation_gives_what_whoever_sent_it_last_holds(owner: Api, make_person: Any, workspace: Any) -> None:
    admin, anybody = make_person(workspace, "admin"), Api(None, "/api/v1/")
    high = made(owner, "invitations/", role="owner", email="high@example.com")
    assert admin.post(f"invitations/{high}/resend/").data["code"] == "beyond_your_own"
    sent = admin.post("invitations/", {"role": "admin", "email": "bo@example.com"}).data["link"]
    token = sent.partition("#token=")[2]
    assert anybody.post(LOOK, {"token": token}).status_code == 200
    with_role(owner, admin, "invitation.view", "invitation.create")
    assert anybody.post(LOOK, {"token": token}).status_code == 400, "they could not invite an admin any more"
    group = made(owner, "groups/", name="Team")
    answer = admin.post("invitations/", {"role": "user", "email": "c@example.com", "groups": [group]})
    assert answer.status_code in (400, 403)
    role = made(owner, "roles/", name="Nothing", permissions=[])
    answer = admin.post("invitations/", {"role": role, "email": "c@example.com", "groups": [group]})
    assert answer.status_code == 400 and answer.data["errors"][0]["code"] == "not_allowed"


def test_g27_who_is_known_elsewhere_is_invited_here(
    owner: Api, workspace: Any, stranger: Api, theirs: dict[str, str], post_office: PostOffice
) -> None:
    """A member there, and somebody who has an open invitation there."""
    link = owner.post("invitations/", {"role": "viewer", "uses": 5}).data["link"].partition("#token=")[2]
    here = Invitation.objects.filter(workspace=workspace, kind="email")
    for email in (stranger.person.email, "x@example.com"):
        assert Api(None, "/api/v1/").post(ACCEPT, {"token": link, "email": email, **NEW}).status_code == 202
        assert here.filter(email=email).count() == 1, email
    here.delete()
    assert owner.post("invitations/", {"role": "viewer", "email": stranger.person.email}).status_code == 201
