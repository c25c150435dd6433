"""Whoever is signed in to with something new is told so."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import OutgoingMail
from audit.models import AuditEntry
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = pytest.mark.django_db(transaction=True)  # mails are sent from threads of their own
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER = FIREFOX.replace("140.0", "141.0")
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
EMAIL = "ann@example.com"


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    from accounts.models import LoginSession

    api: Api = make_person(workspace, "user", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    LoginSession.objects.all().delete()  # nobody has ever been in
    return api


def sign_in(user_agent: str, address: str = "198.51.100.7") -> None:
    browser = Client(REMOTE_ADDR=address, headers={"User-Agent": user_agent, "X-AAP-Client": "web"})
    body = {"email": EMAIL, "password": PASSWORD}
    answer = browser.post("/api/v1/auth/session/", body, content_type="application/json")
    assert answer.status_code == 200, answer.content


def told() -> int:
    return AuditEntry.objects.filter(kind="session.new_device", outcome="done").count()


def test_asvs_6_3_5_a_new_device_or_network_is_told(ann: Api, post_office: PostOffice) -> None:
    sign_in(FIREFOX)
    assert told() == 0, "the first of all"
    sign_in(NEWER)
    sign_in(FIREFOX, "198.51.200.9")
    assert told() == 0, "a newer version, and another address of the same network"
    sign_in(SAFARI)
    assert told() == 1
    deliver_due()
    text = post_office.text_to(EMAIL)
    assert "from a new device (Safari on iPhone)" in text and "198.51.100.7" in text and "/settings/sessions/" in text
    sign_in(SAFARI)
    assert told() == 1, "known now"
    sign_in(SAFARI, "203.0.113.5")
    sign_in(SAFARI, "2001:db8::1")
    sign_in(SAFARI, "2001:db8:ffff::2")
    assert told() == 3
    entry = AuditEntry.objects.filter(kind="session.new_device").latest("pk")
    assert entry.target_id == ann.person.pk and set(entry.data) == {"client", "session"}


def test_the_mail_holds_no_words_of_the_program(ann: Api, post_office: PostOffice) -> None:
    sign_in(FIREFOX)
    sign_in("Please confirm at https://evil.example/now")
    deliver_due()
    text = post_office.text_to(EMAIL)
    assert "evil" not in text and "a program that we do not know" in text


def test_without_mail_it_is_on_record(ann: Api) -> None:
    sign_in(FIREFOX)
    sign_in(SAFARI)
    assert told() == 1 and not OutgoingMail.objects.exists()


def test_a_wrong_password_tells_nobody_of_a_device(ann: Api) -> None:
    sign_in(FIREFOX)
    browser = Client(headers={"User-Agent": SAFARI, "X-AAP-Client": "web"})
    body = {"email": EMAIL, "password": "not-it-at-all-9"}
    assert browser.post("/api/v1/auth/session/", body, content_type="application/json").status_code == 401
    assert told() == 0
