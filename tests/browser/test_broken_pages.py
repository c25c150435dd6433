"""A page that breaks says so under a code: it leads to the log line and the report, and nothing private is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.driving import Person
from tests.fixtures.error_sink import ErrorSink
from tests.fixtures.fleet import wait_until
from tests.fixtures.product import EMAIL, PASSWORD, Product

TEXT = "Her salary is 71234"
SECRET = "s3cret-of-a-link-in-a-mail"
#: Throws where the client's own code calls it, with what a page might quote.
BREAK_SOCKETS = f"WebSocket.prototype.send = () => {{ throw new RangeError({TEXT!r}) }}"
#: As a promise of the client's breaks; and as an extension's does, with no file of ours in it.
LEAVE_UNCAUGHT = """([text, file]) => {
  const broken = (stack) => Object.assign(new SyntaxError(text), { stack: `SyntaxError: ${text}\\n${stack}` });
  setTimeout(() => {
    void Promise.reject(broken('    at elsewhere (chrome-extension://abc/x.js:1:1)'));
    void Promise.reject(broken(`    at read (${location.origin}${file}:1:22)`));
  });
}"""


@pytest.fixture(scope="module")
def sink() -> Iterator[ErrorSink]:
    with ErrorSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, sink: ErrorSink) -> Iterator[Product]:
    environment = {"AAP_RATE_LIMITS": "off", "SENTRY_DSN": sink.dsn, "AAP_ENVIRONMENT": "trial", "AAP_RELEASE": "7.7"}
    product = Product(data=tmp_path_factory.mktemp("broken") / "data", environment=environment)
    try:
        product.start().set_up()
        product.run = product.call("POST", "runs/", {"agent": product.demo_agent(), "input": {"text": TEXT}})["id"]  # type: ignore[attr-defined]
        product.wait_for_end(product.run)  # type: ignore[attr-defined]
        yield product
    finally:
        product.stop()


def answer_with_nonsense(page: Page, address: re.Pattern[str], **nonsense: Any) -> None:
    """From now on the server's answers there are not as the page was promised."""

    def change(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), **nonsense})

    page.route(address, change)


def refuse(page: Page, address: re.Pattern[str]) -> None:
    """The server is asked for something that is not there instead."""
    page.route(address, lambda route: route.continue_(url=route.request.url.split("?")[0] + "nothing/"))


def code_on(page: Page) -> str:
    expect(page.get_by_role("heading", name="This page stopped working")).to_be_visible()
    shown = page.get_by_role("alert").get_by_text(re.compile(r"^page_[0-9a-f]{16}$"))
    return shown.inner_text()


def line_of(product: Product, code: str) -> dict[str, Any]:
    """What the log says of the code, once its request has a line too: that comes after the answer, and after the report."""

    def lines() -> list[dict[str, Any]]:
        text = product.log.read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and code in line]

    wait_until(lambda: any(line["event"] == "request" for line in lines()), "its request has no line")
    (found,) = [line for line in lines() if line["event"] == "a page broke"]
    return dict(found)


def check_silence(product: Product, sink: ErrorSink, *told: str) -> None:
    everything = (b"\n".join(sink.raw).decode() + product.log.read_text()).lower()
    for private in (TEXT, "salary", EMAIL, PASSWORD, SECRET, *told):
        for form in (private, quote(private), json.dumps(private)[1:-1]):
            assert form.lower() not in everything, f"{private} was told"


def test_a_broken_screen_shows_a_code_that_finds_it(
    person: Callable[..., Person], product: Product, sink: ErrorSink
) -> None:
    """GOALS G19: React's own message quotes the page; the report has the run, the refusal before, and files of ours."""
    someone = person()
    someone.refusals.add(404)
    run = product.run  # type: ignore[attr-defined]
    refused: list[str] = []
    page = someone.page
    page.on("response", lambda answer: refused.append(answer.headers["x-request-id"]) if answer.status == 404 else None)
    refuse(page, re.compile(r"/decisions/\?"))
    with page.expect_response(lambda answer: answer.status == 404):
        page.goto("/")
    page.get_by_role("link", name="Runs").first.click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    answer_with_nonsense(page, re.compile(rf"/runs/{run}/$"), agent={"id": "agt_x", "name": {TEXT: 1}})
    page.locator(f"a[href='/runs/{run}/']").locator("visible=true").first.click()
    code = code_on(page)
    event = sink.wait_for(code)
    assert (event["release"], event["environment"], event["platform"]) == ("7.7", "trial", "javascript")
    (error,) = event["exception"]["values"]
    assert (error["type"], event["tags"]["code"]) == ("Error", "react_31")
    assert error["mechanism"] == {"type": "screen", "handled": True}
    assert all(frame["filename"].startswith("app:///_next/static/") for frame in error["stacktrace"]["frames"])
    assert error["stacktrace"]["frames"], event
    assert event["tags"] | {"request_id": code, "run": run, "page": "/runs/_/"} == event["tags"]
    assert event["tags"]["failed_request"] in refused
    line = line_of(product, code)
    assert (line["run"], line["page"], line["failed_request"]) == (run, "/runs/_/", event["tags"]["failed_request"])
    assert line["failed_request"] in product.log.read_text().replace(json.dumps(line), ""), (
        "and the refusal's own lines"
    )
    assert someone.foreign_requests() == []
    someone.console.clear()  # React and the screen say there what broke
    check_silence(product, sink)


def test_a_link_in_a_mail_is_not_told(person: Callable[..., Person], product: Product, sink: ErrorSink) -> None:
    """The page of an invitation breaks, with its secret in the address and in what it asked."""
    stranger = person(signed_in=False)
    page = stranger.page
    page.route(
        re.compile("/invitations/look/"),
        lambda route: route.fulfill(json={"workspace": {"name": {SECRET: TEXT}}, "email": {EMAIL: 1}, "role": "user"}),
    )
    page.goto(f"/invitation/?next=/chats/{SECRET}#token={SECRET}")
    code = code_on(page)
    assert sink.wait_for(code)["tags"]["page"] == "/invitation/"
    assert line_of(product, code)["page"] == "/invitation/"
    assert stranger.foreign_requests() == []
    stranger.console.clear()
    check_silence(product, sink)


def test_what_breaks_around_the_pages_is_told_too(
    person: Callable[..., Person], product: Product, sink: ErrorSink
) -> None:
    someone = person()
    answer_with_nonsense(someone.page, re.compile("/api/v1/me/$"), workspaces={TEXT: 1})
    someone.page.goto("/usage/")
    event = sink.wait_for(code_on(someone.page))
    assert (event["exception"]["values"][0]["type"], event["tags"]["page"]) == ("TypeError", "/usage/")
    someone.console.clear()
    check_silence(product, sink)


def test_what_nobody_caught_is_told_if_it_is_ours(
    person: Callable[..., Person], product: Product, sink: ErrorSink
) -> None:
    someone = person()
    page = someone.page
    page.add_init_script(BREAK_SOCKETS)
    with page.expect_request("**/api/v1/page-errors/") as sent:
        page.goto("/")
    event = sink.wait_for(sent.value.headers["x-request-id"])
    (error,) = event["exception"]["values"]
    assert (error["type"], error["mechanism"]) == ("RangeError", {"type": "uncaught", "handled": False})
    file = error["stacktrace"]["frames"][-1]["filename"].removeprefix("app://")
    with page.expect_request("**/api/v1/page-errors/") as sent:
        page.evaluate(LEAVE_UNCAUGHT, [TEXT, file])
    event = sink.wait_for(sent.value.headers["x-request-id"])
    (error,) = event["exception"]["values"]
    assert (error["type"], error["mechanism"]["type"]) == ("SyntaxError", "rejection")
    assert error["stacktrace"]["frames"][-1]["function"] == "read", "the extension's is none of our business"
    assert someone.foreign_requests() == []
    someone.console.clear()
    check_silence(product, sink)


def test_without_sentry_the_server_keeps_it_to_itself(
    person: Callable[..., Person], new_product: Callable[..., Product], sink: ErrorSink
) -> None:
    product = new_product()
    product.demo_agent()
    someone = person(product)
    answer_with_nonsense(someone.page, re.compile(r"/agents/\?"), results=[{"id": "agt_x", "name": {TEXT: 1}}])
    with someone.page.expect_response("**/api/v1/page-errors/") as told:
        someone.page.goto("/agents/")
    assert told.value.status == 204
    code = code_on(someone.page)
    assert line_of(product, code)["page"] == "/agents/"
    assert someone.foreign_requests() == []
    assert not [raw for raw in sink.raw if code.encode() in raw]  # those of other products may come late
    someone.console.clear()
    check_silence(product, sink)
