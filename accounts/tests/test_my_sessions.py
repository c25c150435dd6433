"""Where I am signed in: every door's sign-ins are listed, and end when I say so; what I may set as a password."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.models import LoginSession, User
from audit.models import AuditEntry
from core.clock import now
from core.ids import new_id
from tests.fixtures.doors import Client
from tests.fixtures.hashing import REAL
from tests.fixtures.people import PASSWORD, Api

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EMAIL = "ann@example.com"
RIGHT = {"email": EMAIL, "password": PASSWORD}


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def test_all_doors_are_listed_and_ended(ann: Api, nobody: Api, make_person: Any) -> None:
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    web = Client(headers={"X-AAP-Client": "web", "User-Agent": FIREFOX})
    access = web.post("/api/v1/auth/session/", RIGHT, content_type="application/json").json()["access"]
    admin = Client()
    form = {"username": EMAIL, "password": PASSWORD}
    assert admin.post("/admin/login/?next=/admin/", form, REMOTE_ADDR="203.0.113.9").status_code == 302
    assert admin.get("/admin/").status_code == 200
    make_person(email="bo@example.com")
    listed = ann.get("/api/v1/me/sessions/").data["results"]
    assert {row["client"] for row in listed} == {"api", "web", "admin"} and len(listed) == 3
    assert [row["client"] for row in listed if row["current"]] == ["api"]
    by = {row["client"]: row for row in listed}
    assert by["web"]["device"] == "Firefox on Linux" and by["admin"]["ip"] == "203.0.113.9"
    assert ann.delete(f"/api/v1/me/sessions/{by['admin']['id']}/").status_code == 204
    assert admin.get("/admin/").status_code == 302, "the admin's cookie is nobody's now"
    assert Api(access, ann.base).get("/api/v1/me/").status_code == 200
    assert ann.delete("/api/v1/me/sessions/").data == {"ended": 1}
    assert Api(access, ann.base).get("/api/v1/me/").status_code == 401
    assert web.post("/api/v1/auth/session/refresh/", {}, content_type="application/json").status_code == 401
    assert len(ann.get("/api/v1/me/sessions/").data["results"]) == 1


def test_incident_2_17_somebody_elses_session_is_not_there(ann: Api, make_person: Any) -> None:
    make_person(email="bo@example.com")
    theirs = LoginSession.objects.exclude(user=ann.person).get()
    for name in (theirs.pk, new_id("ses"), "ses_x", "%00", "..%2f"):
        assert ann.delete(f"/api/v1/me/sessions/{name}/").status_code in (400, 404)
    theirs.refresh_from_db()
    assert theirs.ended_at is None


def test_an_admin_sign_in_ends_with_everything_that_ends_sign_ins(ann: Api) -> None:
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    person = User.objects.get(pk=ann.person.pk)
    for end in ("password", "time", "disabled"):
        admin = Client()
        admin.force_login(person)
        assert admin.get("/admin/").status_code == 200
        if end == "password":
            body = {"current_password": PASSWORD, "new_password": "another-horse-battery-8"}
            assert ann.post("/api/v1/me/password/", body).status_code == 204
            person.refresh_from_db()
        elif end == "time":
            LoginSession.objects.filter(client="admin").update(expires_at=now() - timedelta(seconds=1))
        else:
            User.objects.update(is_active=False)
        assert admin.get("/admin/").status_code == 302, end


def test_an_operators_new_password_in_the_admin_ends_all_their_sign_ins(ann: Api, nobody: Api, settings: Any) -> None:
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    admin = Client()
    admin.force_login(User.objects.get(pk=ann.person.pk))
    page, new = "/admin/password_change/", "a-staple-of-correct-horses"
    assert admin.get(page).status_code == 200
    body = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    for wrong in (
        {"old_password": "wrong-one-123"},
        {"new_password2": "other"},
        {"new_password1": "x", "new_password2": "x"},
    ):
        assert admin.post(page, {**body, **wrong}).status_code == 200
    assert User.objects.get(pk=ann.person.pk).check_password(PASSWORD)
    assert admin.post(page, body).status_code == 302
    assert User.objects.get(pk=ann.person.pk).check_password(new)
    assert admin.get("/admin/").status_code == 302
    assert ann.get("/api/v1/me/").status_code == 401
    assert AuditEntry.objects.filter(kind="profile.change_password").count() == 1
    admin.force_login(User.objects.get(pk=ann.person.pk))
    settings.RATE_LIMITS = "0.1"
    for _ in range(3):
        last = admin.post(page, {**body, "old_password": "guess-after-guess"})
    assert "Too many wrong attempts" in last.content.decode()


def test_the_hash_follows_the_parameters(ann: Api, nobody: Api, settings: Any) -> None:
    settings.PASSWORD_HASHERS = REAL

    class Weaker(Argon2PasswordHasher):
        time_cost = 1
        memory_cost = 8 * 1024

    User.objects.filter(pk=ann.person.pk).update(password=Weaker().encode(PASSWORD, Weaker().salt()))
    assert nobody.post("auth/token/", RIGHT).status_code == 200
    after = User.objects.get(pk=ann.person.pk).password
    assert f"m={Argon2PasswordHasher.memory_cost}" in after and "$m=8192," not in after
    assert nobody.post("auth/token/", RIGHT).status_code == 200


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("nine-char", False),
        ("qwertyuiop", False),
        ("1234567890", False),
        ("ann@example.com", False),
        ("Agentic-Platform-2026", False),
        ("AnnExample1!", False),
        ("password password", False),
        ("  four words with spaces  ", True),
        ("oooo oooo oooo", True),
        ("корова-на-крыше", True),
        ("馬電池主食正確的馬電池主食", True),
        ("x" * 1000 + " and more", True),
        ("x" * 1025, False),
        ("null\x00character-here", False),
    ],
)
def test_asvs_6_2_password_rules(ann: Api, nobody: Api, password: str, good: bool) -> None:
    """ASVS 5, 6.2: length, no rules of composition, common ones and words of the context refused, spaces kept."""
    answer = ann.post("/api/v1/me/password/", {"current_password": PASSWORD, "new_password": password})
    assert answer.status_code == (204 if good else 400), answer.content
    if good:
        assert nobody.post("auth/token/", {"email": EMAIL, "password": password}).status_code == 200
        assert nobody.post("auth/token/", {"email": EMAIL, "password": password.strip() + "."}).status_code == 401


@pytest.mark.parametrize("password", ["", " ", "\t\n", "   ", None, [], False, 0])
def test_incident_2_32_an_empty_password_opens_nothing(ann: Api, nobody: Api, password: Any) -> None:
    web = Client(headers={"X-AAP-Client": "web"})
    body = {"email": EMAIL, "password": password}
    for person in (ann.person, None):
        if person is not None:
            person.set_unusable_password()
            person.save()
        assert nobody.post("auth/token/", body).status_code in (400, 401)
        assert web.post("/api/v1/auth/session/", body, content_type="application/json").status_code in (400, 401)
        assert ann.post("/api/v1/me/reauthenticate/", {"password": password}).status_code in (400, 401)
        admin = Client()
        admin.post("/admin/login/", {"username": EMAIL, "password": "" if password is None else str(password)})
        assert admin.get("/admin/").status_code == 302
