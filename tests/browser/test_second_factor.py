"""The doors in the browser: a second factor at the sign-in, and where one is asked for and somebody has none yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.driving import Person
from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.fixtures.security_key import totp

NEW, NEW_PASSWORD = "new@example.com", "ten-green-bottles-42"


def add_app(product: Product) -> tuple[str, list[str]]:
    """(the app's address, the recovery codes), made as an API client does it."""
    begun = product.call("POST", "/api/v1/me/second-factors/begin/", {"method": "totp"})
    body = {"challenge": begun["challenge"], "response": totp(begun["uri"], steps=-1)}
    return begun["uri"], product.call("POST", "/api/v1/me/second-factors/", body)["recovery_codes"]


def type_password(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_code_of_the_app_or_a_recovery_code_is_asked_for(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    uri, codes = add_app(product)
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.refusals = {401}
    page = someone.open("/sign-in/?next=/usage/")
    type_password(page)
    code = page.get_by_label("Code", exact=True)
    expect(code).to_be_focused()
    found = someone.findings_in_all_looks("code")
    code.fill("000 000")
    page.get_by_role("button", name="Sign in").click()
    expect(code).to_have_attribute("aria-invalid", "true")
    expect(code).to_have_value("000 000")
    code.fill(f"{totp(uri)[:3]} {totp(uri)[3:]}")
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/")
    expect(page.get_by_role("heading", name="Usage")).to_be_visible()

    later = person(product, signed_in=False)
    later.refusals = {401}
    page = later.open("/sign-in/")
    type_password(page)
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="New chat")).to_be_visible()
    assert not found, "\n".join(found)


def test_who_has_no_factor_where_one_is_asked_for_comes_in_as_far_as_setting_it_up(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    link = product.call("POST", "invitations/", {"role": "viewer", "email": NEW})["link"]
    add_app(product)
    tag = product.call("GET", "")
    assert tag["require_second_factor"] is False
    product.call("PATCH", "", {"require_second_factor": True})

    newcomer = person(product, signed_in=False, bypass_csp=True)
    newcomer.refusals = {400, 403}
    page = newcomer.open("/invitation/" + link.partition("/invitation/")[2])
    expect(page.get_by_role("heading", name="Join Bench")).to_be_visible()
    found = newcomer.findings_in_all_looks("invitation")
    page.get_by_label("Name").fill("Nora New")
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Join").click()
    page.wait_for_url(re.compile("/second-factor/"))
    page.goto("/usage/")
    page.wait_for_url(re.compile(r"/second-factor/\?next="))
    page.get_by_role("button", name=re.compile("^Authenticator app")).click()
    secret = page.locator("code").inner_text().replace(" ", "")
    found += newcomer.findings_in_all_looks("the app's first code")
    uri = f"otpauth://totp/x?secret={secret}"
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Code").fill(totp(uri))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    found += newcomer.findings_in_all_looks("recovery codes")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download").click()
    kept = Path(saved.value.path()).read_text()
    for code in page.get_by_role("list", name="Recovery codes").get_by_role("listitem").all_inner_texts():
        assert code in kept
    page.get_by_role("button", name="Kept. Go on").click()
    page.wait_for_url("**/usage/")
    expect(page.get_by_role("heading", name="Usage")).to_be_visible()
    assert not found, "\n".join(found)
