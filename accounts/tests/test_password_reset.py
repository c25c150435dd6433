"""A new password by a link: for whoever asks, as far as anybody can tell; good once, for a while, for one password."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import LoginSession, OutgoingMail, PasswordReset, User
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL, NEW = "ann@example.com", "a-staple-of-correct-horses"
START, CONFIRM = "auth/password/reset/", "auth/password/reset/confirm/"


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email=EMAIL)
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def link_for(nobody: Api, post_office: PostOffice, email: str = EMAIL) -> str:
    assert nobody.post(START, {"email": email}).status_code == 202
    deliver_due()
    return post_office.token_to(EMAIL)


def password_is(word: str) -> bool:
    return User.objects.get(email=EMAIL).check_password(word)


def test_a_new_password_by_a_link(ann: Api, nobody: Api, post_office: PostOffice) -> None:
    admin = Client()
    admin.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    token = link_for(nobody, post_office, "ANN@example.com")
    assert "https://agents.example.com/reset-password/#token=" in post_office.text_to(EMAIL)
    assert not PasswordReset.objects.filter(digest__contains=token).exists(), "only a digest is stored"
    weak = nobody.post(CONFIRM, {"token": token, "password": "short"})
    assert (weak.status_code, weak.data["errors"][0]["field"]) == (400, "password")
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 204
    assert password_is(NEW)
    assert ann.get("/api/v1/me/").status_code == 401, "all sign-ins ended"
    again = nobody.post(CONFIRM, {"token": token, "password": "another-good-phrase-1"})
    assert again.status_code == 400 and password_is(NEW)
    assert nobody.post("auth/token/", {"email": EMAIL, "password": NEW}).status_code == 200
    deliver_due()
    assert "was changed by a link" in post_office.text_to(EMAIL)
    assert admin.get("/admin/").status_code == 200
    assert {"password.reset_request", "password.reset"} <= set(AuditEntry.objects.values_list("kind", flat=True))


@pytest.mark.parametrize("token", [None, "", " ", [], {}, 0, "null", "undefined", "x" * 43, "\x00", "%", ["x"]])
def test_incident_2_12_an_empty_or_foreign_token_changes_nothing(
    ann: Api, nobody: Api, post_office: PostOffice, token: Any
) -> None:
    link_for(nobody, post_office)
    for body in ({"token": token, "password": NEW}, {"password": NEW}):
        answer = nobody.post(CONFIRM, body)
        assert answer.status_code == 400, answer.content
        assert {one["field"] for one in answer.data["errors"]} == {"token"}
    assert password_is(PASSWORD)


def test_incident_2_12_somebody_elses_token_is_theirs(
    ann: Api, nobody: Api, post_office: PostOffice, make_person: Any
) -> None:
    """A reset that was asked for, but not looked up yet, has no token at all; and a token says whose password it is."""
    PasswordReset.objects.create(email=EMAIL, created_at=now(), expires_at=now() + timedelta(minutes=5))
    assert nobody.post(CONFIRM, {"token": "", "password": NEW}).status_code == 400
    bo = make_person(email="bo@example.com").person
    bo.set_password(PASSWORD)
    bo.save()
    nobody.post(START, {"email": "bo@example.com"})
    deliver_due()
    token = post_office.token_to("bo@example.com")
    assert nobody.post(CONFIRM, {"token": token, "password": NEW, "email": EMAIL}).status_code == 400
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 204
    bo.refresh_from_db()
    assert bo.check_password(NEW) and password_is(PASSWORD)


def test_incident_2_19_nobody_learns_who_signs_in_here(ann: Api, nobody: Api, post_office: PostOffice) -> None:
    User.objects.create_user("gone@example.com", PASSWORD, is_active=False)
    answers = [nobody.post(START, {"email": email}) for email in (EMAIL, "stranger@example.com", "gone@example.com")]
    for answer in answers:
        answer.data.pop("request_id", None)
    assert {(answer.status_code, str(answer.data)) for answer in answers} == {(202, str(answers[0].data))}
    assert not OutgoingMail.objects.exists(), "nothing that depends on it has happened yet"
    assert PasswordReset.objects.count() == 3
    deliver_due()
    assert [letter["To"] for letter in post_office.letters] == [EMAIL]


@pytest.mark.parametrize(
    "email",
    [[EMAIL, "eve@example.com"], {"a": EMAIL}, f"{EMAIL},eve@example.com", f"{EMAIL}\r\nBcc: eve@example.com",
     f"{EMAIL}\neve@example.com", f"{EMAIL} eve@example.com", f"<{EMAIL}>", None, "", f"{EMAIL}\x00"],
)  # fmt: skip
def test_incident_2_63_one_address_or_none(ann: Api, nobody: Api, post_office: PostOffice, email: Any) -> None:
    assert nobody.post(START, {"email": email}).status_code == 400
    deliver_due()
    assert not post_office.letters and not PasswordReset.objects.exists()


def test_a_link_dies_with_time_with_the_password_and_with_the_person(
    ann: Api, nobody: Api, post_office: PostOffice
) -> None:
    token = link_for(nobody, post_office)
    PasswordReset.objects.update(expires_at=now())
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 400
    token = link_for(nobody, post_office)
    change = {"current_password": PASSWORD, "new_password": "something-else-altogether"}
    assert ann.post("/api/v1/me/password/", change).status_code == 204
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 400
    token = link_for(nobody, post_office)
    PasswordReset.objects.update(created_at=now() - timedelta(hours=2))
    User.objects.filter(pk=ann.person.pk).update(email="moved@example.com")
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 400, (
        "its mailbox is somebody else's now"
    )
    User.objects.filter(pk=ann.person.pk).update(email=EMAIL)
    token = link_for(nobody, post_office)
    User.objects.update(is_active=False)
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 400
    assert password_is("something-else-altogether")


def test_nobody_is_flooded_with_mails(ann: Api, nobody: Api, post_office: PostOffice) -> None:
    for _ in range(6):
        assert nobody.post(START, {"email": EMAIL}).status_code == 202
    deliver_due()
    assert len(post_office.letters) == 3


def test_incident_2_16_guessing_links_is_slow(nobody: Api, post_office: PostOffice, settings: Any) -> None:
    settings.RATE_LIMITS = "0.1"
    statuses = [nobody.post(CONFIRM, {"token": f"guess-{n}", "password": NEW}).status_code for n in range(12)]
    assert statuses[0] == 400 and statuses[-1] == 429


def test_without_mail_an_operator_makes_the_link(ann: Api, nobody: Api, settings: Any) -> None:
    settings.MAIL_SERVER = None
    told = [nobody.post(START, {"email": email}) for email in (EMAIL, "stranger@example.com")]
    assert {(answer.status_code, answer.data["code"]) for answer in told} == {(409, "mail_not_set_up")}
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    body = {"action": "start_password_reset", "_selected_action": [ann.person.pk]}
    page = operator.post("/admin/accounts/user/", body)
    assert page.status_code == 200 and page["Cache-Control"] == "no-store"
    token = page.context["link"].partition("#token=")[2]
    assert token and page.context["link"] in page.content.decode()
    assert AuditEntry.objects.get(kind="user.start_password_reset").target_id == ann.person.pk
    assert nobody.post(CONFIRM, {"token": token, "password": NEW}).status_code == 204
    assert password_is(NEW)


def test_one_link_one_password_however_many_come(ann: Api, nobody: Api, post_office: PostOffice) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    token = link_for(nobody, post_office)

    def come(number: int) -> int:
        try:
            return int(Api(None, "/api/v1/").post(CONFIRM, {"token": token, "password": f"{NEW}-{number}"}).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(come, range(6)))
    assert statuses == [204] + [400] * 5
    assert not LoginSession.objects.filter(user=ann.person, ended_at=None).exists()
