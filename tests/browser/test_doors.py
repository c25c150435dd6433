"""Coming in and going out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.driving import Person
from tests.fixtures.product import EMAIL, PASSWORD, Product

STORED = """async () => {
  const kept = { local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie, databases: [] };
  for (const { name } of await indexedDB.databases()) kept.databases.push(name);
  kept.caches = await caches.keys();
  return JSON.stringify(kept);
}"""


def type_in(someone: Person, password: str = PASSWORD) -> None:
    someone.page.get_by_label("Email").fill(EMAIL)
    someone.page.get_by_label("Password").fill(password)
    someone.page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_says_so_and_keeps_the_rest(person: Callable[..., Person]) -> None:
    someone = person(signed_in=False)
    someone.refusals = {401}
    page = someone.open("/sign-in/")
    type_in(someone, "not-it-at-all-9")
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value(EMAIL)
    type_in(someone)
    expect(someone.box).to_be_visible()


def test_one_sign_out_signs_every_tab_out(person: Callable[..., Person]) -> None:
    someone = person()
    someone.refusals = {401}
    page = someone.open("/settings/")
    other = someone.context.new_page()
    other.goto("/usage/")
    expect(other.get_by_role("heading", name="Usage")).to_be_visible()
    page.get_by_role("button", name="account menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in/"))
    other.wait_for_url(re.compile("/sign-in/"))
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()


def test_signing_in_leads_where_one_wanted_to_go(person: Callable[..., Person]) -> None:
    someone = person(signed_in=False)
    page = someone.open("/usage/?days=7")
    page.wait_for_url(re.compile(r"/sign-in/\?next="))
    type_in(someone)
    page.wait_for_url(re.compile(r"/usage/\?days=7$"))


@pytest.mark.parametrize(
    "target",
    [
        "//evil.test/x",
        "https://evil.test/",
        "javascript:alert(1)",
        "/\\evil.test",
        "/\t/evil.test",
        "\\\\evil.test",
        "/sign-in/",
    ],
)
def test_next_never_leads_outside(person: Callable[..., Person], product: Product, target: str) -> None:
    someone = person()
    page = someone.open(f"/sign-in/?next={quote(target)}")
    expect(someone.box).to_be_visible()
    where = urlsplit(page.url)
    assert (where.netloc, where.path) == (urlsplit(product.url).netloc, "/")
    assert someone.foreign_requests() == []


def test_no_secret_is_kept_in_the_browser(person: Callable[..., Person]) -> None:
    """GOALS G19, the browser's part"""
    someone = person(signed_in=False)
    someone.open("/")
    tokens: set[str] = set()

    def note(request: object) -> None:
        header = request.headers.get("authorization", "")  # type: ignore[attr-defined]
        if header:
            tokens.add(header.removeprefix("Bearer "))

    someone.context.on("request", note)
    someone.page.wait_for_url(re.compile("/sign-in/"))
    type_in(someone)
    expect(someone.box).to_be_visible()
    someone.say("Keep nothing")
    someone.wait_for_answer()
    someone.page.reload()
    expect(someone.answers.first).to_contain_text("Keep nothing")
    kept = someone.page.evaluate(STORED)
    state = someone.context.storage_state(indexed_db=True)
    assert tokens
    everything = kept + json.dumps(state["origins"])
    for secret in [PASSWORD, *tokens, *(token.split(".")[-1] for token in tokens)]:
        assert secret not in everything
    assert "eyJ" not in everything, "something that looks like a token"
    (cookie,) = [one for one in state["cookies"] if "refresh" in one["name"] or one["httpOnly"]]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"].startswith("/api/v1/auth/session")
