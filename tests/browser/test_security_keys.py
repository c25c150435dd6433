"""A security key in a real browser (chromium's virtual authenticator): set up over the API, then used to sign in.

The options that the server sends are read by the browser's own parser, and the key signs what the browser says about
where it is: nothing here was made by our own code but the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.conftest import FLAGS
from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.run_all import NO_BROWSER, find_browser

SIGN_UP = """async ({email, password}) => {
  const call = async (path, body, token) => {
    const headers = {"Content-Type": "application/json", ...(token ? {Authorization: `Bearer ${token}`} : {})};
    const answer = await fetch(`/api/v1/${path}`, {method: "POST", headers, body: JSON.stringify(body)});
    return {status: answer.status, ...(answer.status === 204 ? {} : await answer.json())};
  };
  const {access} = await call("auth/token/", {email, password});
  const begun = await call("me/second-factors/begin/", {method: "webauthn"}, access);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.webauthn);
  const made = await navigator.credentials.create({publicKey});
  const body = {challenge: begun.challenge, response: made.toJSON(), name: "My key"};
  const added = await call("me/second-factors/", body, access);
  const due = await call("auth/token/", {email, password});
  const request = PublicKeyCredential.parseRequestOptionsFromJSON(due.webauthn);
  const response = (await navigator.credentials.get({publicKey: request})).toJSON();
  const second = {challenge: due.challenge, method: "webauthn", response};
  const done = await call("auth/token/second-factor/", second);
  const again = await call("auth/token/second-factor/", second);
  return {added, due, done, again};
}"""


@pytest.fixture
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A browser for the server's own pages: the web client need not be built."""
    executable = find_browser()
    assert executable, NO_BROWSER
    browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """With the admin's own script, which asks the key."""
    product = Product(data=tmp_path / "data", environment={"AAP_RATE_LIMITS": "off"})
    product.data.mkdir()
    product.manage("collectstatic", "--noinput")
    try:
        yield product.start().set_up()
    finally:
        product.stop()


@pytest.fixture
def page(chromium: Browser, product: Product) -> Iterator[Page]:
    """Under the name that keys are bound to, with a key plugged in."""
    context = chromium.new_context(base_url=f"http://localhost:{product.port}")
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "automaticPresenceSimulation": True}})
    yield page
    context.close()


def test_a_key_is_set_up_and_opens_the_api_and_the_admin(page: Page) -> None:
    page.goto("/admin/login/")
    found = page.evaluate(SIGN_UP, {"email": EMAIL, "password": PASSWORD})
    assert found["added"]["status"] == 201 and found["added"]["factor"]["name"] == "My key", found
    assert found["due"]["status"] == 401 and found["due"]["methods"] == ["webauthn", "recovery_code"]
    assert found["done"]["status"] == 200 and found["done"]["access"]
    assert (found["again"]["status"], found["again"]["code"]) == (401, "challenge_over")
    page.goto("/admin/")
    expect(page.locator("input[name=password]")).to_be_visible()
    page.locator("input[name=username]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Use my security key").click()
    expect(page.get_by_text("Is everything well?")).to_be_visible()
