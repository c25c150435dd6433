"""Invitations: once, for a while, never to more than whoever invites holds, and never telling who is known here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Invitation, LoginSession, Membership, OutgoingMail, User
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import Api
from tests.fixtures.post_office import PostOffice, deliver_due

ACCEPT = "/api/v1/invitations/accept/"
LOOK = "/api/v1/invitations/look/"
NEW = {"name": "Bo", "password": "correct-staple-battery-9"}
mailed = pytest.mark.django_db(transaction=True)


def token_of(answer: Any) -> str:
    assert answer.status_code in (200, 201), answer.content
    return str(answer.data["link"].partition("#token=")[2])


def invited(owner: Api, **body: Any) -> str:
    return token_of(owner.post("invitations/", {"role": "user", "email": "bo@example.com", **body}))


def test_without_mail_the_link_is_shown_once_and_works_once(owner: Api, nobody: Api, workspace: Any) -> None:
    made = owner.post("invitations/", {"email": "Bo@Example.com", "role": "builder"}, Idempotency_Key="i-1")
    token = token_of(made)
    again = owner.post("invitations/", {"email": "Bo@Example.com", "role": "builder"}, Idempotency_Key="i-1")
    assert again.data["link"] is None and again.data["id"] == made.data["id"]
    assert token not in str(list(Invitation.objects.values())), "only a digest is stored"
    (row,) = owner.get("invitations/").data["results"]
    assert (row["email"], row["role"]) == ("bo@example.com", "builder") and "link" not in row
    look = nobody.post(LOOK, {"token": token}).data
    assert (look["workspace"], look["role"], look["email"], look["by_mail"]) == (
        "North",
        "builder",
        "bo@example.com",
        False,
    )
    assert nobody.post(ACCEPT, {"token": token, "name": "Bo", "password": "short"}).status_code == 400
    assert nobody.post(ACCEPT, {"token": token}).data["errors"][0]["field"] == "password"
    done = nobody.post(ACCEPT, {"token": token, **NEW})
    assert done.status_code == 200, done.content
    bo = Api(done.data["access"], owner.base)
    assert bo.get("agents/").status_code == 200
    assert bo.get("/api/v1/me/").data["workspaces"][0]["role"] == "builder"
    for path, body in ((ACCEPT, {"token": token, **NEW}), (LOOK, {"token": token})):
        assert nobody.post(path, body).data["errors"][0]["code"] == "invalid_link"
    assert nobody.post("auth/token/", {"email": "bo@example.com", "password": NEW["password"]}).status_code == 200
    kinds = set(AuditEntry.objects.filter(workspace_id=workspace.pk).values_list("kind", flat=True))
    assert {"invitation.create", "invitation.accept"} <= kinds


@mailed
def test_by_mail(owner: Api, nobody: Api, post_office: PostOffice) -> None:
    made = owner.post("invitations/", {"email": "bo@example.com", "role": "user"})
    assert made.status_code == 201 and made.data["link"] is None
    deliver_due()
    token = post_office.token_to("bo@example.com")
    assert "https://agents.example.com/invitation/#token=" in post_office.text_to("bo@example.com")
    resent = owner.post(f"invitations/{made.data['id']}/resend/")
    assert resent.status_code == 200
    deliver_due()
    assert nobody.post(LOOK, {"token": token}).status_code == 400, "the old link is void"
    web = Client(headers={"X-AAP-Client": "web"})
    body = {"token": post_office.token_to("bo@example.com"), **NEW}
    done = web.post(ACCEPT, body, content_type="application/json")
    assert done.status_code == 200 and done.json()["refresh"] is None and done.cookies


@mailed
def test_incident_2_19_inviting_tells_nothing_about_who_is_known(
    owner: Api, nobody: Api, make_person: Any, post_office: PostOffice
) -> None:
    make_person(email="known@example.com")
    answers = [
        owner.post("invitations/", {"email": email, "role": "user"})
        for email in ("known@example.com", "new@example.com")
    ]
    shapes = [{**answer.data, "id": "", "email": "", "created_at": "", "expires_at": ""} for answer in answers]
    assert shapes[0] == shapes[1] and {answer.status_code for answer in answers} == {201}
    token = token_of(owner.post("invitations/", {"role": "user", "uses": 5}))
    for email in ("known@example.com", "other@example.com", owner.person.email):
        come = nobody.post(ACCEPT, {"token": token, "email": email, **NEW})
        assert (come.status_code, come.data["workspace"], come.data["access"]) == (202, None, None)
    deliver_due()
    assert {letter["To"] for letter in post_office.letters} == {
        "known@example.com",
        "new@example.com",
        "other@example.com",
    }
    assert User.objects.filter(email="other@example.com").count() == 0
    own = post_office.token_to("other@example.com")
    assert nobody.post(ACCEPT, {"token": own, **NEW}).status_code == 200
    assert Invitation.objects.get(kind="link").used == 1


def test_somebody_with_an_account_signs_in_first(owner: Api, nobody: Api, make_person: Any) -> None:
    bo, eve = make_person(email="bo@example.com"), make_person(email="eve@example.com")
    token = invited(owner)
    refused = nobody.post(ACCEPT, {"token": token, **NEW})
    assert (refused.status_code, refused.data["code"]) == (409, "sign_in_first")
    assert not User.objects.get(email="bo@example.com").check_password(NEW["password"])
    other = eve.post(ACCEPT, {"token": token})
    assert (other.status_code, other.data["code"]) == (403, "other_address")
    joined = bo.post(ACCEPT, {"token": token})
    assert joined.status_code == 200 and joined.data["access"] is None and joined.data["workspace"]["slug"] == "north"
    assert bo.get(f"{owner.base}agents/").status_code == 200
    assert owner.post("invitations/", {"email": "bo@example.com", "role": "user"}).data["code"] == "already_member"


def test_a_link_for_several(owner: Api, nobody: Api, make_person: Any) -> None:
    token = token_of(owner.post("invitations/", {"role": "viewer", "uses": 2}))
    assert nobody.post(ACCEPT, {"token": token, **NEW}).data["errors"][0]["field"] == "email"
    assert nobody.post(ACCEPT, {"token": token, "email": "one@example.com", **NEW}).status_code == 200
    two, three = make_person(email="two@example.com"), make_person(email="three@example.com")
    assert two.post(ACCEPT, {"token": token}).status_code == 200
    assert two.post(ACCEPT, {"token": token}).status_code == 400
    assert three.post(ACCEPT, {"token": token}).status_code == 400, "used up"
    assert {row.role for row in Membership.objects.filter(user__email__in=["one@example.com", "two@example.com"])} == {
        "viewer"
    }


@mailed
def test_a_link_for_one_domain(owner: Api, nobody: Api, make_person: Any, post_office: PostOffice) -> None:
    token = token_of(owner.post("invitations/", {"role": "viewer", "domain": "@Corp.example", "uses": 9}))
    for email in ("a@corp.example.evil.test", "a@evilcorp.example", "a@sub.corp.example", "corp.example@evil.test"):
        assert nobody.post(ACCEPT, {"token": token, "email": email, **NEW}).status_code == 400, email
    outside = make_person(email="out@example.com")
    assert outside.post(ACCEPT, {"token": token}).status_code == 400
    assert nobody.post(ACCEPT, {"token": token, "email": "A@CORP.example", **NEW}).status_code == 202


def test_nobody_gives_more_than_they_hold(owner: Api, make_person: Any, workspace: Any, settings: Any) -> None:
    admin = make_person(workspace, "admin")
    assert admin.post("invitations/", {"email": "x@example.com", "role": "owner"}).data["code"] == "beyond_your_own"
    assert admin.post("invitations/", {"email": "x@example.com", "role": "admin"}).status_code == 201
    for role in ("builder", "user", "viewer", "auditor"):
        low = make_person(workspace, role)
        assert low.post("invitations/", {"email": "y@example.com", "role": "viewer"}).status_code == 403
        assert low.get("invitations/").status_code == 403
    assert owner.post("invitations/", {"role": "admin"}).data["errors"][0]["code"] == "not_by_link"
    assert owner.post("invitations/", {"role": "viewer", "domain": "example.com"}).data["code"] == "mail_not_set_up"
    group = owner.post("groups/", {"name": "Team"}).data["id"]
    token = invited(owner, groups=[group])
    done = Api(None, "").post(ACCEPT, {"token": token, **NEW})
    assert done.status_code == 200
    people = owner.get(f"groups/{group}/members/").data["results"]
    assert [person["email"] for person in people] == ["bo@example.com"]


def test_an_invitation_dies_with_time_revocation_and_the_right_to_invite(
    owner: Api, nobody: Api, make_person: Any, workspace: Any
) -> None:
    def is_good(token: str) -> bool:
        return bool(nobody.post(LOOK, {"token": token}).status_code == 200)

    token = invited(owner)
    assert is_good(token)
    assert owner.post("invitations/", {"role": "user", "email": "BO@example.com"}).data["code"] == "already_invited"
    Invitation.objects.update(expires_at=now() - timedelta(seconds=1))
    assert not is_good(token) and owner.get("invitations/").data["results"] == []
    token = invited(owner)
    row = owner.get("invitations/").data["results"][0]["id"]
    assert owner.delete(f"invitations/{row}/").status_code == 204
    assert owner.delete(f"invitations/{row}/").status_code == 404
    assert not is_good(token)
    admin = make_person(workspace, "admin")
    token = invited(admin)
    Membership.objects.filter(user=admin.person).update(role="user")
    assert not is_good(token)
    Membership.objects.filter(user=admin.person).update(role="admin")
    assert is_good(token)
    User.objects.filter(pk=admin.person.pk).update(is_active=False)
    assert not is_good(token)
    assert nobody.post(ACCEPT, {"token": token, **NEW}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"role": "nonsense"}, {"role": None}, {}, {"role": "user", "email": ["a@example.com", "b@example.com"]},
        {"role": "user", "email": "a@example.com\r\nBcc: b@example.com"}, {"role": "user", "uses": 0},
        {"role": "user", "uses": 10**9}, {"role": "user", "days": 31}, {"role": "user", "uses": True},
        {"role": "user", "email": "a@example.com", "uses": 2}, {"role": "user", "groups": ["grp_x"]},
        {"role": "user", "domain": "no domain"}, {"role": "user", "extra": 1},
    ],
)  # fmt: skip
def test_incident_2_63_bad_invitations(owner: Api, body: Any) -> None:
    answer = owner.post("invitations/", body)
    assert answer.status_code == 400, answer.content
    assert not Invitation.objects.exists() and not OutgoingMail.objects.exists()


@pytest.mark.parametrize("token", [None, "", [], {}, "x", "\x00", "x" * 43, "x" * 200])
def test_incident_2_12_bad_tokens(owner: Api, nobody: Api, token: Any) -> None:
    invited(owner)
    for path, body in ((ACCEPT, {"token": token, **NEW}), (LOOK, {"token": token})):
        answer = nobody.post(path, body)
        assert answer.status_code == 400 and answer.data["errors"][0]["field"] == "token"
    assert not User.objects.filter(email="bo@example.com").exists()


@mailed
def test_one_invitation_one_member_however_many_come(owner: Api, make_person: Any) -> None:
    token = token_of(owner.post("invitations/", {"role": "viewer", "uses": 2}))
    people = [make_person(email=f"p{number}@example.com") for number in range(6)]

    def come(person: Api) -> int:
        try:
            return int(person.post(ACCEPT, {"token": token}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(come, people))
    assert statuses == [200, 200, 400, 400, 400, 400]
    assert Membership.objects.filter(role="viewer").count() == 2
    assert Invitation.objects.get().uses_left == 0


def test_whoever_accepts_meets_the_rules_of_the_workspace(owner: Api, nobody: Api, workspace: Any) -> None:
    workspace.require_second_factor = True
    workspace.save()
    LoginSession.objects.update(second_factor=True)
    done = nobody.post(ACCEPT, {"token": invited(owner), **NEW})
    bo = Api(done.data["access"], owner.base)
    assert bo.get("agents/").data["code"] == "second_factor_enrolment_required"
    assert bo.get("/api/v1/me/").data["second_factor"] == {"enrolled": False, "required": True}
