"""A fresh proof in the admin from the house, and what becomes of what was typed."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import LoginSession, SsoConnection, User
from accounts.tests.test_oidc_logout import send as say_signed_out
from accounts.tests.test_oidc_logout import signed as signed_logout
from accounts.tests.test_saml import corp as saml_corp  # noqa: F401
from accounts.tests.test_second_factors import add_app, add_key
from audit.models import AuditEntry
from core.clock import now
from platform_site.tests.operators_house import OPERATOR, USERS, back, is_in, leads_to, setting_out
from platform_site.tests.test_admin_confirm import kept
from tests.fixtures.doors import Client
from tests.fixtures.houses import Issuer
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.security_key import SecurityKey, totp

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


TYPED = {"email": "new@example.com", "name": "two\nlines", "first_password": PASSWORD, "is_active": "on"}


def an_hour_later() -> None:
    LoginSession.objects.update(proved_at=now() - timedelta(hours=1))


def test_who_has_no_password_proves_it_at_the_house_and_loses_nothing(
    operator: Api, house: str, issuer: Issuer
) -> None:
    browser = Client()
    back(browser, issuer, setting_out(browser))
    an_hour_later()
    asked = browser.post(f"{USERS}add/", TYPED)
    assert asked.status_code == 403 and kept(asked) == TYPED
    assert b"Confirm with Corp" in asked.content and b"_confirm_password" not in asked.content
    assert browser.post(f"{USERS}add/", kept(asked)).status_code == 403, "pressing the button is no proof"
    url = leads_to(browser.post("/admin/sso/prove/", {"connection": house}))
    assert url.startswith(issuer.origin)
    other = back(browser, issuer, url, sub="somebody-else")
    assert other.status_code == 403 and b"came back as somebody else" in other.content
    url = leads_to(browser.post("/admin/sso/prove/", {"connection": house}))
    stale = back(browser, issuer, url, auth_time=1)
    assert stale.status_code == 403 and b"did not ask you again" in stale.content
    assert browser.post(f"{USERS}add/", TYPED).status_code == 403
    url = leads_to(browser.post("/admin/sso/prove/", {"connection": house}))
    told = back(browser, issuer, url)
    assert told.status_code == 200 and b"Close this tab" in told.content
    assert issuer.asked[-1]["prompt"] == "login"
    assert browser.post(f"{USERS}add/", kept(asked)).status_code == 302
    assert User.objects.get(email="new@example.com").name == "two\nlines".strip()
    for bad in ("", "sso_unknown", "\x00"):
        assert leads_to(browser.post("/admin/sso/prove/", {"connection": bad})) == ""
    assert leads_to(Client().post("/admin/sso/prove/", {"connection": house})) == "", "for those who are signed in"


def test_the_house_and_the_second_factor_of_those_who_have_one(operator: Api, house: str, issuer: Issuer) -> None:
    uri, _ = add_app(operator)
    browser = Client()
    page = back(browser, issuer, setting_out(browser)).content.decode()
    challenge = re.search(r'name="challenge" value="([^"]+)"', page)[1]  # type: ignore[index]
    browser.post("/admin/login/", {"challenge": challenge, "method": "totp", "response": totp(uri)})
    assert is_in(browser)
    an_hour_later()
    url = leads_to(browser.post("/admin/sso/prove/", {"connection": house}))
    due = back(browser, issuer, url)
    assert browser.post(f"{USERS}add/", TYPED).status_code == 403, "half a proof"
    challenge = re.search(r'name="challenge" value="([^"]+)"', due.content.decode())[1]  # type: ignore[index]
    for form in ({}, {"challenge": challenge, "method": "king"}, {"challenge": "x", "method": "totp", "response": "1"}):
        assert browser.post("/admin/sso/factor/", form).status_code == 403
    right = {"challenge": challenge, "method": "totp", "response": totp(uri, steps=1)}
    assert Client().post("/admin/sso/factor/", right).status_code == 403, "somebody else's browser"
    assert b"Close this tab" in browser.post("/admin/sso/factor/", right).content
    assert browser.post(f"{USERS}add/", TYPED).status_code == 302


@pytest.mark.parametrize("has_password", [True, False])
def test_a_security_key_is_a_fresh_proof_and_nothing_typed_is_lost(
    has_password: bool, make_person: Any, workspace: Any, settings: Any
) -> None:
    import json

    settings.PUBLIC_URL = "https://agents.example.com"
    person: Api = make_person(workspace, "owner", email="key@example.com")
    if has_password:
        person.person.set_password(PASSWORD)
    person.person.is_staff = person.person.is_superuser = True
    person.person.save()
    key = SecurityKey()
    assert add_key(person, key).status_code == 201
    browser = Client(raise_request_exception=False)
    browser.force_login(person.person, backend="django.contrib.auth.backends.ModelBackend")
    an_hour_later()
    asked = browser.post(f"{USERS}add/", TYPED)
    assert kept(asked) == TYPED
    if has_password:
        assert b"data-security-key" not in asked.content
        asked = browser.post(f"{USERS}add/", {**kept(asked), "_confirm_password": PASSWORD, "_confirm_code": ""})
    text = asked.content.decode()
    assert asked.status_code == 403 and "data-security-key" in text and kept(asked) == TYPED
    hidden = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="(_confirm_\w+)" value="([^"]*)"', text)
    }
    options = json.loads(hidden["_confirm_options"])
    proof = {**hidden, "_confirm_method": "webauthn"}
    for bad in ("", "{", "[]", json.dumps(SecurityKey(id=key.id).get(options)), "\x00"):
        wrong = browser.post(f"{USERS}add/", {**TYPED, **proof, "_confirm_response": bad})
        assert wrong.status_code == 403 and kept(wrong) == TYPED
    assert not User.objects.filter(email="new@example.com").exists()
    right = {**TYPED, **proof, "_confirm_response": json.dumps(key.get(options))}
    assert browser.post(f"{USERS}add/", right).status_code == 302
    assert User.objects.filter(email="new@example.com").exists()
    an_hour_later()
    assert browser.post(f"{USERS}add/", {**right, "email": "second@example.com"}).status_code == 403, "once"


def test_who_signs_out_at_the_house_is_out_of_the_admin(operator: Api, house: str, issuer: Issuer) -> None:
    browser = Client()
    back(browser, issuer, setting_out(browser))
    assert is_in(browser)
    assert say_signed_out(house, signed_logout(issuer, sub="somebody-else")).status_code == 200 and is_in(browser)
    assert say_signed_out(house, signed_logout(issuer, sub=OPERATOR["sub"])).status_code == 200
    assert not is_in(browser)


def test_nothing_hostile_breaks_a_page_of_the_door(operator: Api) -> None:
    """From strangers and from somebody who is signed in: never a 500, and nothing of it comes back as markup."""
    inside = Client(raise_request_exception=False)
    inside.force_login(User.objects.create_superuser("op@example.com", "a-long-password-1"))
    long, mark = "x" * 100_000, "<script>alert(1)</script>"
    forms = [
        {"email": value, "connection": other, "ticket": other, "next": value}
        for value in ("\x00", long, "a@b@c", "@", mark, "\u202e@corp.example")
        for other in ("", "\x00", "sso_0", long, mark)
    ]
    answers = [("", form) for form in forms] + [("prove/", form) for form in forms[::3]]
    answers += [
        ("factor/", {"challenge": challenge, "method": method, "response": response})
        for challenge in ("", "\x00", "x", long)
        for method in ("totp", "webauthn", "nothing")
        for response in ("", "[" * 5_000, "{}", "\x00")
    ]
    tickets = ("%00", "x" * 9_000, "%F0", "%ED%A0%80", "%3Cscript%3Ealert(1)%3C/script%3E")
    for browser in (Client(raise_request_exception=False), inside):
        for page, form in answers:
            answer = browser.post(f"/admin/sso/{page}", form)
            assert answer.status_code < 500 and mark not in answer.content.decode(), (page, str(form)[:80])
        for page in ("arrive/", "finish/", ""):
            for ticket in tickets:
                answer = browser.get(f"/admin/sso/{page}?ticket={ticket}&error={ticket}&next={ticket}")
                assert answer.status_code < 500 and mark not in answer.content.decode(), (page, ticket[:9])


def test_g27_who_has_to_come_another_way_by_now_is_told_after_the_factor_too(
    operator: Api, house: str, issuer: Issuer
) -> None:
    """The password was right before the workspace began to ask its people to come through its own house."""
    SsoConnection.objects.update(enforced=False)
    operator.person.set_password(PASSWORD)
    operator.person.save()
    uri, _ = add_app(operator)
    browser = Client()
    page = browser.post("/admin/login/", {"username": OPERATOR["email"], "password": PASSWORD}).content.decode()
    challenge = re.search(r'name="challenge" value="([^"]+)"', page)[1]  # type: ignore[index]
    right = {"challenge": challenge, "method": "totp", "response": totp(uri)}
    SsoConnection.objects.update(enforced=True)
    assert browser.post("/admin/login/", right).status_code == 200 and not is_in(browser)
    assert (
        AuditEntry.objects.filter(kind="session.sign_in", outcome="denied").latest("pk").data["why"] == "sso_required"
    )
