"""Mails through a real SMTP server: sent once, with patience, and forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts import mail_delivery
from accounts.mail import write_mail
from accounts.models import OutgoingMail
from core.clock import now
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = pytest.mark.django_db(transaction=True)
LINK = "https://agents.example.com/invitation/#token=secret-canary-1"


def invite(to: str = "ann@example.com", **facts: Any) -> OutgoingMail:
    words = {"workspace": "North <b>", "inviter": "Bo", "role": "builder", "until": now() + timedelta(days=1), **facts}
    assert write_mail("invitation", to=to, link=LINK, **words)
    return OutgoingMail.objects.latest("created_at")


def make_due() -> None:
    OutgoingMail.objects.filter(state="due").update(next_try_at=now())


def test_a_mail_is_sent_once_and_its_text_is_gone(post_office: PostOffice) -> None:
    mail = invite(to="ann@bücher.example")
    assert "secret-canary-1" not in mail.body, "a secret link waits encrypted"
    assert deliver_due() == 1
    (letter,) = post_office.letters
    assert letter["Subject"] == "You are invited to North <b>"
    assert (letter["From"], letter["To"]) == ("Agents <agents@example.com>", "ann@xn--bcher-kva.example")
    assert letter["Message-ID"] == f"<{mail.pk}@example.com>"
    assert LINK in post_office.text_to("ann@xn--bcher-kva.example")
    html = letter.get_body(("html",)).get_content()
    assert f'href="{LINK}"' in html and "North &lt;b&gt;" in html and "North <b>" not in html.partition("<body")[2]
    mail.refresh_from_db()
    assert (mail.state, mail.body, mail.attempts) == ("sent", "", 1)
    make_due()
    assert deliver_due() == 0 and len(post_office.letters) == 1


def test_many_workers_send_it_once(post_office: PostOffice) -> None:
    import asyncio

    mail = invite()

    async def rush() -> None:
        await asyncio.gather(*(mail_delivery.deliver(mail.pk) for _ in range(8)))

    asyncio.run(rush())
    assert len(post_office.letters) == 1


def test_a_busy_server_is_asked_again_later(post_office: PostOffice) -> None:
    mail = invite()
    post_office.answers = ["451 4.3.0 Busy", "421 Closing"]
    waits = []
    for _ in range(2):
        make_due()
        assert deliver_due() == 1
        mail.refresh_from_db()
        waits.append(mail.next_try_at - now())
        assert mail.state == "due" and mail.problem
    assert timedelta(seconds=5) < waits[0] < waits[1]
    assert deliver_due() == 0, "not before its time"
    make_due()
    deliver_due()
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.problem) == ("sent", 3, "") and len(post_office.letters) == 1


@pytest.mark.parametrize(
    ("to", "answers", "said"),
    [("unknown@example.com", [], "550"), ("ann@example.com", ["554 5.7.1 No"], "554")],
)
def test_what_is_refused_for_good_is_given_up(post_office: PostOffice, to: str, answers: list[str], said: str) -> None:
    post_office.answers = answers
    mail = invite(to=to)
    deliver_due()
    mail.refresh_from_db()
    assert (mail.state, mail.body) == ("given_up", "") and said in mail.problem


def test_a_mail_whose_link_is_of_no_use_any_more_is_not_sent(post_office: PostOffice) -> None:
    mail = invite()
    OutgoingMail.objects.update(expires_at=now())
    deliver_due()
    mail.refresh_from_db()
    assert (mail.state, mail.body) == ("given_up", "") and not post_office.letters


def test_a_worker_that_died_with_it_is_followed_by_another(post_office: PostOffice) -> None:
    mail = invite()
    assert mail_delivery._take(mail.pk) is not None  # and nothing more is heard of it
    assert deliver_due() == 0, "perhaps it is just sending it"
    OutgoingMail.objects.update(next_try_at=now() - timedelta(seconds=1))
    assert deliver_due() == 1 and len(post_office.letters) == 1


def test_a_wrong_password_is_told_without_it(post_office: PostOffice, settings: Any) -> None:
    settings.MAIL_SERVER = {**settings.MAIL_SERVER, "password": "canary-password-9"}
    mail = invite()
    deliver_due()
    mail.refresh_from_db()
    assert mail.state == "due" and "535" in mail.problem and "canary" not in mail.problem


def test_a_server_without_a_good_certificate_gets_nothing(post_office: PostOffice, settings: Any) -> None:
    settings.MAIL_SERVER = {**settings.MAIL_SERVER, "ca_file": ""}
    mail = invite()
    deliver_due()
    mail.refresh_from_db()
    assert mail.state == "due" and "CERTIFICATE_VERIFY_FAILED" in mail.problem and not post_office.letters


def test_no_name_of_a_person_reaches_a_header(post_office: PostOffice) -> None:
    invite(workspace="North\r\nBcc: eve@example.com\n\n", inviter="Bo\n\nhttps://evil.example")
    deliver_due()
    (letter,) = post_office.letters
    assert letter["Bcc"] is None and letter["Subject"] == "You are invited to North Bcc: eve@example.com"


def test_without_mail_nothing_waits(settings: Any) -> None:
    settings.MAIL_SERVER = None
    assert not write_mail("invitation", to="ann@example.com", link=LINK, workspace="N", role="user", until=now())
    assert not OutgoingMail.objects.exists()
