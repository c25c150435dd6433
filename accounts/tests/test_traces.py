"""What is refused at a way in, and what opens one, leaves an entry each. In the list of an operator nothing is missing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from accounts.password_reset import look_up
from accounts.tests.test_second_factors import add_app
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice
from tests.fixtures.security_key import totp

pytestmark = pytest.mark.django_db
EMAIL = "ann@example.com"
RIGHT = {"email": EMAIL, "password": PASSWORD}
ADMIN = "/admin/login/?next=/admin/"


@pytest.fixture
def ann(make_person: Any, workspace: Any, settings: Any) -> Api:
    settings.PUBLIC_URL = "https://agents.example.com"
    api: Api = make_person(workspace, "owner", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def entries(kind: str, outcome: str, **data: Any) -> int:
    return AuditEntry.objects.filter(kind=kind, outcome=outcome, **{f"data__{k}": v for k, v in data.items()}).count()


def test_g27_a_sign_in_and_a_refused_one(ann: Api, nobody: Api) -> None:
    before = entries("session.sign_in", "done", client="api")
    assert nobody.post("auth/token/", RIGHT).status_code == 200
    assert entries("session.sign_in", "done", client="api") == before + 1
    for email in (EMAIL, "nobody@example.com"):
        before = entries("session.sign_in", "denied")
        assert nobody.post("auth/token/", {"email": email, "password": "wrong-password-1"}).status_code == 401
        assert entries("session.sign_in", "denied") == before + 1, email
    User.objects.filter(pk=ann.person.pk).update(is_active=False)
    assert nobody.post("auth/token/", RIGHT).status_code == 401


def test_g27_a_second_factor_that_is_not_right(ann: Api, nobody: Api) -> None:
    uri, _ = add_app(ann)
    challenge = nobody.post("auth/token/", RIGHT).data["challenge"]
    body = {"challenge": challenge, "method": "totp", "response": "000000"}
    assert nobody.post("auth/token/second-factor/", body).status_code == 401
    assert entries("session.sign_in", "denied", why="wrong_second_factor", client="api") == 1
    assert nobody.post("auth/token/second-factor/", {**body, "response": totp(uri)}).status_code == 200


def test_g27_the_admins_door(ann: Api) -> None:
    form = {"username": EMAIL, "password": PASSWORD, "next": "/admin/"}
    assert Client().post(ADMIN, form).status_code == 200
    assert entries("session.sign_in", "denied", why="no_operator", client="admin") == 1
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    uri, _ = add_app(ann)
    browser = Client()
    challenge = browser.post(ADMIN, form).context["form"].asked.challenge
    step = {"challenge": challenge, "method": "totp", "next": "/admin/"}
    assert browser.post(ADMIN, {**step, "method": "webauthn", "response": "{"}).status_code == 200
    assert browser.post(ADMIN, {**step, "response": "000000"}).status_code == 200
    assert entries("session.sign_in", "denied", why="wrong_second_factor", client="admin") == 1
    assert browser.post(ADMIN, {**step, "response": totp(uri)}).status_code == 302
    assert entries("session.sign_in", "done", client="admin") == 1


def test_g27_a_link_for_a_new_password(ann: Api, nobody: Api, make_person: Any, post_office: PostOffice) -> None:
    from accounts.models import PasswordReset

    gone = make_person(email="gone@example.com").person
    User.objects.filter(pk=gone.pk).update(is_active=False)
    for email, count in ((EMAIL, 1), ("gone@example.com", 0), ("nobody@example.com", 0)):
        assert nobody.post("auth/password/reset/", {"email": email}).status_code == 202
        row = PasswordReset.objects.latest("created_at")
        PasswordReset.objects.filter(pk=row.pk).update(looked_up_at=None)
        before = AuditEntry.objects.filter(kind="password.reset_request").count()
        look_up(row.pk)
        assert AuditEntry.objects.filter(kind="password.reset_request").count() == before + count, email
        row.refresh_from_db()
        assert bool(row.user_id) == bool(count) and row.created_at <= now()


def test_g27_another_device_is_told_and_on_record_and_other_peoples_are_none_of_ones_own(
    ann: Api, nobody: Api, make_person: Any
) -> None:
    make_person(email="other@example.com")
    for agent, count in (("One/1.0", 1), ("One/1.0", 1), ("Two/1.0", 2)):
        assert nobody.post("auth/token/", RIGHT, User_Agent=agent).status_code == 200
        assert AuditEntry.objects.filter(kind__contains="device", target_id=ann.person.pk).count() == count, agent
    fresh = make_person(email="fresh@example.com").person
    fresh.set_password(PASSWORD)
    fresh.save()
    from accounts.models import LoginSession

    LoginSession.objects.filter(user=fresh).delete()
    right = {"email": "fresh@example.com", "password": PASSWORD}
    assert nobody.post("auth/token/", right, User_Agent="Three/1.0").status_code == 200
    assert not AuditEntry.objects.filter(kind__contains="device", target_id=fresh.pk).exists(), "their first one"
