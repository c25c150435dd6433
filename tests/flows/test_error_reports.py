"""Error reports: what breaks inside arrives at the operator's Sentry under its request id, and nothing private with it."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.error_sink import ErrorSink
from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.fixtures.vendor import Vendor

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]
TEXT = "Her salary is 71234 and nobody may know"
INSTRUCTIONS = "You are the clerk of the house of Amber"


@pytest.fixture(scope="module")
def sink() -> Iterator[ErrorSink]:
    with ErrorSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def product(tmp_path: Path, sink: ErrorSink, vendor: Vendor) -> Iterator[Product]:
    environment = {
        "AAP_RATE_LIMITS": "off",
        "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}",
        "SENTRY_DSN": sink.dsn,
    }
    product = Product(data=tmp_path / "data", environment=environment)
    try:
        yield product.start().set_up()
    finally:
        product.stop()


class Browser:
    """Keeps cookies; a form is posted with its token, as a browser does it."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def send(self, method: str, path: str, data: bytes | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """The status and, of an answer in JSON, the body."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.product.url + path, method=method, data=data, headers=names)
        try:
            with self._opener.open(request, timeout=30) as answer:
                status, content, kind = answer.status, answer.read(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            status, content, kind = error.code, error.read(), error.headers["Content-Type"]
        return status, json.loads(content) if "json" in kind else {}

    def sign_in(self) -> None:
        body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
        status, _ = self.send(
            "POST", "/api/v1/auth/session/", body, Content_Type="application/json", X_AAP_Client="web"
        )
        assert status == 200

    def enter_admin(self) -> None:
        self.send("GET", "/admin/login/?next=/admin/")
        (token,) = [cookie.value for cookie in self.cookies if "csrf" in cookie.name]
        form = {"username": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": token or ""}
        data = urllib.parse.urlencode(form).encode()
        assert self.send("POST", "/admin/login/?next=/admin/", data)[0] == 200
        assert any(cookie.name == "aap_admin" for cookie in self.cookies)


def damage(product: Product, *statements: tuple[str, list[Any]]) -> None:
    """What a failing disk or a hand in the database may leave."""
    with sqlite3.connect(product.data / "platform.sqlite3", timeout=20) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        for statement, values in statements:
            assert database.execute(statement, values).rowcount == 1, statement


def secrets(product: Product, vendor: Vendor, browser: Browser | None = None) -> dict[str, str]:
    """All that was said or sent and must not be told."""
    keys = {path.name: path.read_text().strip() for path in (product.data / "keys").iterdir()}
    cookies = {cookie.name: cookie.value or "" for cookie in browser.cookies} if browser else {}
    return {
        "password": PASSWORD,
        "email": EMAIL,
        "token": product.token,
        "the token's signature": product.token.rsplit(".", 1)[-1],
        "provider key": vendor.key,
        "message": TEXT,
        "instructions": INSTRUCTIONS,
        **keys,
        **cookies,
    }


def check_silence(product: Product, sink: ErrorSink, told: dict[str, str]) -> None:
    """Nothing but error reports came, until the end, and none holds a secret, however it is written."""
    product.stop()  # whatever was gathered is sent now
    assert {item.kind for item in sink.items} == {"event"}
    everything = b"\n".join(sink.raw).lower()
    for name, secret in told.items():
        assert len(secret) >= 8, name
        for form in (secret, urllib.parse.quote(secret), urllib.parse.quote_plus(secret), json.dumps(secret)[1:-1]):
            assert form.lower().encode() not in everything, f"{name} was sent: {form}"


def functions(event: dict[str, Any]) -> list[str]:
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    return [frame["function"] for frame in frames]


def test_a_broken_request_is_reported(product: Product, vendor: Vendor, sink: ErrorSink) -> None:
    """GOALS G19: with every secret that a request can carry, on the API and in the operator admin."""
    address = f"http://127.0.0.1:{vendor.port}/v1"
    body = {"kind": "openai_compatible", "name": "V", "base_url": address, "api_key": vendor.key}
    provider = product.call("POST", "providers/", body)["id"]
    agent = product.demo_agent(instructions=INSTRUCTIONS)
    run = product.call("POST", "runs/", {"agent": agent, "input": {"text": TEXT}})["id"]
    product.wait_for_end(run)
    browser = Browser(product)
    browser.sign_in()
    browser.enter_admin()
    damage(
        product,
        ("UPDATE llm_providers_provider SET options = '{\"models' WHERE id = ?", [provider]),
        ("UPDATE agents_run SET input_tokens = ? WHERE id = ?", [TEXT, run]),
    )
    who = {"User_Agent": "the-browser-of-a-person", "X_Forwarded_For": "203.0.113.77"}
    headers = {"Authorization": f"Bearer {product.token}", "Content_Type": "application/json", "If_Match": "*", **who}
    patch = json.dumps({"api_key": vendor.key, "name": TEXT}).encode()
    path = f"{product.space}providers/{provider}/"
    status, problem = browser.send("PATCH", path, patch, X_Request_ID="broken-request-0001", **headers)
    assert (status, problem["code"], problem["request_id"]) == (500, "internal_error", "broken-request-0001"), problem
    event = sink.wait_for("broken-request-0001")
    assert event["exception"]["values"][-1]["type"] == "ValueError" and "make_access" in functions(event)
    assert (event["release"], event["level"]) == ("0.1.0", "error")
    assert event["transaction"] == "/api/v1/workspaces/{workspace}/providers/{provider}/"
    product.wait_for_log("broken-request-0001")  # the log tells the rest under the same id
    page = f"/admin/agents/run/?e={urllib.parse.quote(TEXT)}"
    assert browser.send("GET", page, X_Request_ID="broken-page-0001", **who)[0] == 500
    event = sink.wait_for("broken-page-0001")
    assert event["exception"]["values"][-1]["type"] == "TypeError" and "tokens" in functions(event)
    assert browser.send("PATCH", path, patch, X_Request_ID="broken-request-0002", **headers)[0] == 500
    sink.wait_for("broken-request-0002")
    told = [item.event["tags"]["request_id"] for item in sink.items if item.kind == "event"]
    assert (told.count("broken-request-0001"), told.count("broken-page-0001")) == (1, 1), "each is told once"
    check_silence(product, sink, {**secrets(product, vendor, browser), **who})


def test_a_broken_run_is_reported(product: Product, vendor: Vendor, sink: ErrorSink) -> None:
    """A run that fails inside, with what was said in the very words of the error; it is told under its request's id."""
    agent = product.demo_agent(instructions=INSTRUCTIONS)
    run = product.call("POST", "runs/", {"agent": agent, "input": {"text": TEXT}}, {"X-Request-ID": "asked-0001"})["id"]
    product.wait_for_end(run)
    product.kill()
    said = json.dumps({"type": TEXT, "text": TEXT})
    damage(
        product,
        ("UPDATE agents_runevent SET event = ? WHERE run_id = ? AND seq = 2", [said, run]),
        (
            "UPDATE agents_run SET status = 'queued', ended_at = NULL, lease_until = NULL, stop_reason = '' WHERE id = ?",
            [run],
        ),
    )
    product.start().sign_in()
    assert product.wait_for_end(run)["status"] == "failed"
    event = sink.wait_for("asked-0001")
    assert event["exception"]["values"][-1]["type"] == "RuntimeError" and "_drive" in functions(event)
    assert event["logger"] == "agents.runtime.advance" and run in json.dumps(event["logentry"])
    check_silence(product, sink, secrets(product, vendor))


def test_nobody_waits_for_reports_that_cannot_be_sent(tmp_path: Path) -> None:
    with ErrorSink() as gone:
        dsn = gone.dsn
    product = Product(data=tmp_path / "data", environment={"AAP_RATE_LIMITS": "off", "SENTRY_DSN": dsn})
    try:
        product.start().set_up().demo_agent()
        damage(product, ("UPDATE llm_providers_provider SET options = '{\"models'", []))
        browser = Browser(product)
        begun = time.monotonic()
        for _ in range(20):
            status, _ = browser.send("GET", f"{product.space}providers/", Authorization=f"Bearer {product.token}")
            assert status == 500
        assert time.monotonic() - begun < 10
        assert product.call("GET", "/readyz")["status"] == "ready"
    finally:
        product.stop()
