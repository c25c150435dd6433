"""A product as a process sends its mails by itself: the whole way from an invitation to a member, over HTTP and SMTP."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fixtures.post_office import open_post_office
from tests.fixtures.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


def test_an_invitation_and_a_new_password_by_mail(tmp_path: Path) -> None:
    office, controller = open_post_office(tmp_path)
    environment = {"AAP_MAIL_URL": office.url, "AAP_MAIL_FROM": "agents@example.com", "AAP_RATE_LIMITS": "off"}
    product = Product(data=tmp_path / "data", environment=environment)

    def arrived(count: int) -> None:
        deadline = time.monotonic() + 30
        while len(office.letters) < count:
            assert time.monotonic() < deadline, product.log.read_text()[-2000:]
            time.sleep(0.05)

    try:
        product.start().set_up()
        body = {"email": "bo@example.com", "role": "user"}
        assert product.call("POST", "invitations/", body)["link"] is None
        arrived(1)
        product.token = ""  # somebody new is not signed in
        new = {"token": office.token_to("bo@example.com"), "name": "Bo", "password": "correct-staple-battery-9"}
        assert product.call("POST", "/api/v1/invitations/accept/", new)["workspace"]
        product.call("POST", "/api/v1/auth/password/reset/", {"email": "bo@example.com"})
        arrived(2)
        reset = {"token": office.token_to("bo@example.com"), "password": "another-staple-battery-9"}
        product.call("POST", "/api/v1/auth/password/reset/confirm/", reset)
        right = {"email": "bo@example.com", "password": reset["password"]}
        assert product.call("POST", "/api/v1/auth/token/", right)["access"]
        log = product.log.read_text()
        assert new["token"] not in log and reset["token"] not in log and "bo@example.com" not in log
    finally:
        product.stop()
        controller.stop()
