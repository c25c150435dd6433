"""Dangerous actions of the operator admin need a fresh proof of who one is; nothing typed is lost over it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import LoginSession, User
from accounts.tests.test_second_factors import add_app
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.security_key import totp

TEXTS = ["plain", "two\nlines", "\nbegins with a line", '<script>alert("x")</script>&amp;']


@pytest.fixture
def operator(db: None) -> Client:
    """Signed in to the admin, for a while already."""
    User.objects.create_superuser("op@example.com", PASSWORD)
    browser = Client(raise_request_exception=False)
    done = browser.post("/admin/login/", {"username": "op@example.com", "password": PASSWORD, "next": "/admin/"})
    assert done.status_code == 302
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    return browser


def kept(page: Any) -> dict[str, str]:
    """The hidden fields of the question, as a browser would post them."""
    import html

    found = re.findall(
        r'<textarea name="([^"]+)" hidden aria-hidden="true">\n(.*?)</textarea>', page.content.decode(), re.S
    )
    return {html.unescape(name): html.unescape(value) for name, value in found}


@pytest.mark.parametrize("name", TEXTS)
def test_asvs_7_5_1_it_asks_and_then_goes_on_with_what_was_typed(operator: Client, name: str) -> None:
    typed = {"email": "new@example.com", "name": name, "first_password": PASSWORD, "is_active": "on"}
    asked = operator.post("/admin/accounts/user/add/", typed)
    assert asked.status_code == 403
    assert not User.objects.filter(email="new@example.com").exists()
    hidden = kept(asked)
    assert hidden == typed
    wrong = operator.post("/admin/accounts/user/add/", {**hidden, "_confirm_password": "not-my-password"})
    assert wrong.status_code == 403
    assert b"This is not your password." in wrong.content
    assert kept(wrong) == typed
    done = operator.post("/admin/accounts/user/add/", {**hidden, "_confirm_password": PASSWORD})
    assert done.status_code == 302, done.content
    made = User.objects.get(email="new@example.com")
    assert made.name == name.strip()
    assert AuditEntry.objects.filter(kind="session.reauthenticate").count() == 1
    again = operator.post("/admin/accounts/user/add/", {**typed, "email": "second@example.com"})
    assert again.status_code == 302, "a fresh proof stands for ten minutes"


def test_a_second_factor_is_asked_for_too(operator: Client, make_person: Any, workspace: Any, settings: Any) -> None:
    person = make_person(workspace, "owner")
    person.person.set_password(PASSWORD)
    person.person.is_staff = person.person.is_superuser = True
    person.person.save()
    uri, recovery_codes = add_app(person)
    browser = Client(raise_request_exception=False)
    browser.force_login(person.person, backend="django.contrib.auth.backends.ModelBackend")
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    typed = {"email": "new@example.com", "first_password": PASSWORD, "is_active": "on", "_confirm_password": PASSWORD}
    for code in ("", "000000", "x" * 500, "\x00"):
        refused = browser.post("/admin/accounts/user/add/", {**typed, "_confirm_code": code})
        assert refused.status_code == 403, code
    assert not User.objects.filter(email="new@example.com").exists()
    done = browser.post("/admin/accounts/user/add/", {**typed, "_confirm_code": totp(uri)})
    assert done.status_code == 302, done.content
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    again = {**typed, "email": "third@example.com", "_confirm_code": recovery_codes[0]}
    assert browser.post("/admin/accounts/user/add/", again).status_code == 302


def test_daily_work_needs_no_proof_and_reading_none_either(operator: Client, owner: Api, agent: dict[str, Any]) -> None:
    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data["id"]
    stopped = operator.post("/admin/agents/run/", {"action": "cancel_runs", "_selected_action": [run]})
    assert stopped.status_code in (200, 302)
    assert operator.get("/admin/accounts/user/").status_code == 200


def test_another_sites_words_are_never_shown_back(db: None) -> None:
    User.objects.create_superuser("op@example.com", PASSWORD)
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
    forged = browser.post("/admin/accounts/user/add/", {"email": "evil@example.com"})
    assert forged.status_code == 403
    assert b"evil@example.com" not in forged.content
    assert b"_confirm_password" not in forged.content


def test_guessing_the_password_here_is_braked(operator: Client, settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    said = [
        operator.post("/admin/accounts/user/add/", {"email": "n@example.com", "_confirm_password": f"guess-{number}"})
        for number in range(12)
    ]
    assert all(answer.status_code == 403 for answer in said)
    assert b"Too many wrong attempts" in said[-1].content
    right = operator.post("/admin/accounts/user/add/", {"email": "n@example.com", "_confirm_password": PASSWORD})
    assert b"Too many wrong attempts" in right.content
