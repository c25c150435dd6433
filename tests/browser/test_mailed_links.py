"""The pages that links in mails open, with a real mail server: a new password, another address, an invitation by a link."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import SIZES, Person
from tests.fixtures.post_office import PostOffice, open_post_office
from tests.fixtures.product import EMAIL, PASSWORD, Product, free_port

NEW_PASSWORD = "ten-green-bottles-42"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[PostOffice]:
    office, controller = open_post_office(tmp_path)
    yield office
    controller.stop()


@pytest.fixture
def product(tmp_path: Path, office: PostOffice) -> Iterator[Product]:
    port = free_port()
    environment = {
        "AAP_RATE_LIMITS": "off",
        "AAP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AAP_MAIL_URL": office.url,
        "AAP_MAIL_FROM": "agents@example.com",
    }
    product = Product(data=tmp_path / "data", port=port, environment=environment)
    try:
        yield product.start().set_up()
    finally:
        product.stop()


def link_in_mail(office: PostOffice, address: str, page: str) -> str:
    """The newest link to a page that was mailed to somebody, once it is there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(letter["To"] == address for letter in office.letters):
            found = re.findall(rf"/{page}/#token=\S+", office.text_to(address))
            if found:
                return str(found[-1])
        time.sleep(0.05)
    raise AssertionError(f"no mail to {address} with a link to {page}")


def sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_lost_password_is_replaced(person: Callable[..., Person], product: Product, office: PostOffice) -> None:
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.refusals = {400, 401}
    page = someone.open("/sign-in/")
    page.get_by_label("Email").fill(EMAIL)
    expect(page.get_by_role("button", name="Continue with your organisation")).to_have_count(0)  # there is none here
    page.get_by_role("link", name="Forgot your password?").click()
    # Both pages have a field of this name: filled too early it is the old page's.
    expect(page.get_by_role("heading", name="Forgot your password?")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value(EMAIL)  # it came along
    found = someone.findings_in_all_looks("forgotten")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    link = link_in_mail(office, EMAIL, "reset-password")
    page.goto(link)
    page.get_by_label("New password").fill("password1")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    found += someone.findings_in_all_looks("a weak one")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    assert "token" not in page.url
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, EMAIL, NEW_PASSWORD)
    expect(page.get_by_role("link", name="New chat").first).to_be_attached()
    stranger = person(product, signed_in=False, bypass_csp=True)
    stranger.refusals = {400}
    stranger.open(link)
    stranger.page.get_by_label("New password").fill(NEW_PASSWORD)
    stranger.page.keyboard.press("Enter")
    expect(stranger.page.get_by_role("heading", name="This link is over")).to_be_visible()
    found += stranger.findings_in_all_looks("over")
    assert not found, "\n".join(found)


def test_another_address_holds_once_both_agreed(
    person: Callable[..., Person], product: Product, office: PostOffice
) -> None:
    someone = person(product, bypass_csp=True)
    someone.refusals = {401}
    page = someone.open("/settings/profile/")
    page.get_by_label("New address").fill("anna@example.com")
    page.get_by_role("button", name="Change address").click()
    expect(page.get_by_text("Open the links in both mails")).to_be_visible()
    page.goto(link_in_mail(office, EMAIL, "confirm-email"))
    found = someone.findings_in_all_looks("to be confirmed")
    page.get_by_role("button", name="Confirm the change").click()
    expect(page.get_by_role("heading", name="Half of it is done")).to_be_visible()
    page.goto(link_in_mail(office, "anna@example.com", "confirm-email"))
    page.reload()
    page.get_by_role("button", name="Confirm the change").click()
    expect(page.get_by_role("heading", name="Your address is changed")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "anna@example.com", PASSWORD)
    page.set_viewport_size(SIZES["desk"])
    expect(page.get_by_role("complementary").get_by_text("anna@example.com")).to_be_visible()
    assert not found, "\n".join(found)


def test_whoever_comes_by_a_link_shows_their_address_first(
    person: Callable[..., Person], product: Product, office: PostOffice
) -> None:
    link = product.call("POST", "invitations/", {"role": "user", "uses": 5})["link"]
    newcomer = person(product, signed_in=False)
    page = newcomer.open("/invitation/" + link.partition("/invitation/")[2])
    page.get_by_label("Email").fill("nora@example.com")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(link_in_mail(office, "nora@example.com", "invitation"))
    page.reload()
    page.get_by_label("Name").fill("Nora New")
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("complementary").get_by_text("Nora New")).to_be_visible()


def test_an_account_joins_by_signing_in_and_the_secret_stays_behind_the_hash(
    person: Callable[..., Person], product: Product
) -> None:
    link = product.call("POST", "invitations/", {"role": "user", "uses": 5})["link"]
    someone = person(product, signed_in=False)
    someone.refusals = {409}
    secret = link.partition("#token=")[2]
    page = someone.open("/invitation/" + link.partition("/invitation/")[2])
    page.get_by_role("link", name="Sign in, then join").click()
    page.wait_for_url(re.compile("/sign-in/"))
    expect(page.get_by_label("Password")).to_be_visible()  # both pages have a field for an address
    sign_in(page, EMAIL, PASSWORD)
    expect(page.get_by_text(f"You are signed in as {EMAIL}")).to_be_visible()
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("main").get_by_role("alert")).to_contain_text("already")
    assert not [url for url in someone.requests if secret in url.partition("#")[0]]
