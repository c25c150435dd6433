"""Passwords of known breaches, by a real server in the form of the range API."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import OperationalError, connection
from prometheus_client import REGISTRY

from accounts.models import User
from accounts.setup import issue_code
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api

pytestmark = pytest.mark.django_db
KNOWN, PADDED, NEW = "a-tale-of-nine-cities-7", "a-tale-of-padding-only-7", "nobody-has-lost-this-one-7"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode()).hexdigest().upper()


@dataclass
class RangeService:
    asked: list[str] = field(default_factory=list)
    padding: list[str] = field(default_factory=list)
    answer: Any = None

    def lines(self, prefix: str) -> str:
        listed = ["0018A45C4D1DEF81644B54AB7F969B88D65:3", "00000000000000000000000000000000000:0"]
        for password, count in ((KNOWN, 42), (PADDED, 0)):
            if digest(password).startswith(prefix):
                listed.append(f"{digest(password)[5:]}:{count}")
        return "\r\n".join(listed)


@pytest.fixture
def service(settings: Any) -> Iterator[RangeService]:
    state = RangeService()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            state.asked.append(self.path)
            state.padding.append(self.headers.get("Add-Padding", ""))
            status, body = state.answer() if state.answer else (200, state.lines(self.path[-5:]).encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = f"127.0.0.1:{server.server_address[1]}"
    settings.ALLOWED_PRIVATE_HOSTS = (host,)
    settings.BREACHED_PASSWORDS_URL = f"http://{host}/range/"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email="ann@example.com")
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def change(ann: Api, password: str) -> Any:
    return ann.post("/api/v1/me/password/", {"current_password": PASSWORD, "new_password": password})


def test_asvs_6_2_12_a_password_of_a_breach_is_refused(ann: Api, service: RangeService) -> None:
    refused = change(ann, KNOWN)
    assert refused.status_code == 400
    assert refused.data["errors"][0]["field"] == "new_password"
    assert refused.data["errors"][0]["code"] == "breached_password"
    assert service.asked == [f"/range/{digest(KNOWN)[:5]}"], "five digits, and nothing else"
    assert service.padding == ["true"]
    assert KNOWN not in str(service.asked) and User.objects.get(pk=ann.person.pk).check_password(PASSWORD)
    too_short = change(ann, "short")
    assert too_short.status_code == 400 and len(service.asked) == 1, "what is refused here is asked nowhere"
    assert change(ann, NEW).status_code == 204


def test_padding_is_no_breach(ann: Api, service: RangeService) -> None:
    assert change(ann, PADDED).status_code == 204


BROKEN = {
    "an error": lambda: (503, b""),
    "rubbish": lambda: (200, b"\x00\xff<html>\r\n:::\r\n"),
    "too much": lambda: (200, b"A" * 2_000_000),
    "a count that is none": lambda: (200, f"{digest(KNOWN)[5:]}:many".encode()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_service_that_does_not_work_keeps_nobody_out(name: str, ann: Api, service: RangeService) -> None:
    service.answer = BROKEN[name]
    assert change(ann, KNOWN).status_code == 204


def test_nor_does_one_that_is_away_or_not_to_be_asked(
    ann: Api, service: RangeService, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ()
    assert change(ann, KNOWN).status_code == 204 and not service.asked, "through the guard of the house"
    assert "did not answer" in caplog.text and KNOWN not in caplog.text and digest(KNOWN) not in caplog.text


def test_nobody_waits_long_for_it(ann: Api, service: RangeService, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts import breached

    monkeypatch.setattr(breached, "SECONDS", 0.2)
    over = threading.Event()
    service.answer = lambda: (over.wait(20), (200, b""))[1]
    began = time.monotonic()
    assert change(ann, KNOWN).status_code == 204
    assert time.monotonic() - began < 10
    over.set()


def test_nobody_is_asked_unless_the_operator_says_so(ann: Api, service: RangeService, settings: Any) -> None:
    settings.BREACHED_PASSWORDS_URL = ""
    assert change(ann, KNOWN).status_code == 204 and not service.asked


def questions(outcome: str) -> float:
    return REGISTRY.get_sample_value("aap_breached_password_questions_total", {"outcome": outcome}) or 0.0


def test_what_came_of_the_questions_is_counted(ann: Api, service: RangeService) -> None:
    for outcome, password, answer in (
        ("known", KNOWN, None),
        ("unanswered", KNOWN, BROKEN["an error"]),
        ("unknown", NEW, None),
    ):
        service.answer = answer
        before = {name: questions(name) for name in ("known", "unknown", "unanswered")}
        ann.post("/api/v1/me/password/", {"current_password": PASSWORD, "new_password": password})
        assert {name: questions(name) - before[name] for name in before} == {**dict.fromkeys(before, 0.0), outcome: 1.0}
        ann.person.set_password(PASSWORD)
        ann.person.save()


def nobody_waits_in_a_transaction() -> bool:
    """Asked from another thread, while somebody waits for the service's answer."""
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                    "AND datname = current_database() AND pid <> pg_backend_pid()"
                )
                return bool(cursor.fetchone()[0] == 0)
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 500")
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        return True
    except OperationalError:
        return False
    finally:
        connection.close()


def looks_first(service: RangeService) -> list[bool]:
    """The service notes whether a transaction is open, then answers as it would."""
    seen: list[bool] = []

    def answer() -> tuple[int, bytes]:
        seen.append(nobody_waits_in_a_transaction())
        return 200, service.lines(service.asked[-1][-5:]).encode()

    service.answer = answer
    return seen


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_first_set_up_asks(service: RangeService, nobody: Api) -> None:
    seen = looks_first(service)
    body = {"code": issue_code(), "email": "first@example.com", "password": KNOWN, "workspace": "W"}
    assert nobody.post("/api/v1/setup/", {**body, "code": "wrong"}).status_code == 403 and not service.asked
    refused = nobody.post("/api/v1/setup/", body)
    assert refused.status_code == 400 and refused.data["errors"][0]["code"] == "breached_password"
    assert not User.objects.exists()
    assert nobody.post("/api/v1/setup/", {**body, "password": NEW}).status_code == 201
    assert seen == [True, True]
    assert nobody.post("/api/v1/setup/", body).status_code == 409 and len(seen) == 2


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_admins_form_asks(service: RangeService) -> None:
    seen = looks_first(service)
    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", "a-long-password-1"))
    form = {"email": "new@example.com", "name": "New", "is_active": "on"}
    page = "/admin/accounts/user/add/"
    answer = operator.post(page, {**form, "first_password": KNOWN})
    assert answer.status_code == 200 and "known breach" in answer.content.decode()
    assert operator.post(page, {**form, "first_password": "short"}).status_code == 200 and len(seen) == 1
    assert operator.post(page, {**form, "first_password": NEW}).status_code == 302
    assert User.objects.get(email="new@example.com").check_password(NEW)
    # A later change without a password asks nothing; a stranger makes the house ask nothing.
    changed = operator.post(f"/admin/accounts/user/{User.objects.get(email='new@example.com').pk}/change/", form)
    assert changed.status_code == 302
    Client().post(page, {**form, "first_password": KNOWN})
    assert seen == [True, True]
