"""What people set for themselves: name, password, second factors, sessions, tokens, their data. Dangerous things ask for a
fresh proof in place, and go on by themselves afterwards."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import Person
from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.fixtures.security_key import totp

FORGET_THE_PROOF = """
from datetime import timedelta
from accounts.models import LoginSession
from core.clock import now
LoginSession.objects.update(proved_at=now() - timedelta(hours=1))
"""


def forget_the_proof(product: Product) -> None:
    """As if the person had been signed in for an hour."""
    product.manage("shell", "-c", FORGET_THE_PROOF)


def card(page: Page, title: str) -> Locator:
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))


def prove(page: Page) -> None:
    """The dialog that asks once more who one is."""
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    expect(dialog.get_by_label("Password")).to_be_focused()
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)


def test_name_workspace_and_password(person: Callable[..., Person], new_product: Callable[..., Product]) -> None:
    product = new_product()
    someone, elsewhere = person(product), person(product)
    someone.refusals, elsewhere.refusals = {400, 401}, {401}
    elsewhere.open("/usage/")
    expect(elsewhere.page.get_by_role("heading", name="Usage")).to_be_visible()
    page = someone.open("/settings/")
    you = card(page, "You")
    you.get_by_label("Name").fill("Anna Nord")
    you.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name=re.compile("^Anna Nord"))).to_be_visible()
    sections = page.get_by_role("navigation", name="Settings")
    sections.get_by_role("link", name="General").click()
    workspace = card(page, "Workspace")
    workspace.get_by_label("Name").fill("Nordlicht")
    workspace.get_by_role("button", name="Save").click()
    expect(page.get_by_role("complementary").get_by_text("Nordlicht")).to_be_visible()
    sections.get_by_role("link", name="Sign-in security").click()
    password = card(page, "Password")
    password.get_by_label("Present password").fill("not-it-at-all-9")
    password.get_by_label("New password").fill("another-long-one-42")
    password.get_by_role("button", name="Change password").click()
    present = password.get_by_label("Present password")
    expect(present).to_have_attribute("aria-invalid", "true")
    present.fill(PASSWORD)
    password.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Password changed.")).to_be_visible()
    elsewhere.page.wait_for_url(re.compile("/sign-in/"))
    page.reload()
    expect(page.get_by_role("heading", name="Sign-in security")).to_be_visible()
    later = person(product, signed_in=False)
    later.sign_in(EMAIL, "another-long-one-42")


def test_a_factor_is_set_up_with_a_fresh_proof_in_place_and_taken_away(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    someone = person(product, bypass_csp=True)
    someone.refusals = {400, 401, 403}
    page = someone.open("/settings/security/")
    factors = card(page, "Second factors")
    expect(factors.get_by_text("Only your password protects your account")).to_be_visible()
    forget_the_proof(product)
    factors.get_by_role("button", name="Add a second factor").click()
    page.get_by_role("button", name=re.compile("^Authenticator app")).click()
    expect(page.get_by_role("dialog", name="Confirm that it is you")).to_be_visible()
    found = someone.findings_in_all_looks("the proof")
    page.get_by_role("dialog", name="Confirm that it is you").get_by_label("Password").fill("not-it-at-all-9")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_text("You did not confirm that it is you")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Authenticator app")).click()
    prove(page)
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    uri = f"otpauth://totp/x?secret={page.locator('code').inner_text().replace(' ', '')}"
    page.get_by_label("Code").fill(totp(uri, steps=-1, seconds=8))
    page.get_by_label("Name").fill("My phone")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    page.get_by_role("button", name="I have kept them").click()
    expect(factors.get_by_text("My phone")).to_be_visible()
    expect(factors.get_by_text("10 recovery codes left")).to_be_visible()
    more = factors.get_by_role("button", name="More for My phone")
    more.click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Old phone")
    page.keyboard.press("Enter")
    expect(factors.get_by_text("Old phone")).to_be_visible()
    found += someone.findings_in_all_looks("factors")

    forget_the_proof(product)
    factors.get_by_role("button", name="More for Old phone").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog", name="Confirm that it is you")
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    dialog.get_by_label("Code", exact=True).fill(totp(uri))
    page.keyboard.press("Enter")
    expect(factors.get_by_text("Only your password protects your account")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not found, "\n".join(found)


def test_a_security_key_is_added_and_opens_the_door(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    """chromium's virtual authenticator, under the name that keys are bound to."""
    product = new_product()
    someone = person(product, signed_in=False)
    someone.refusals = {401}
    page = someone.page
    devtools = someone.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "automaticPresenceSimulation": True}})
    here = f"http://localhost:{product.port}"
    page.goto(f"{here}/sign-in/?next=/settings/security/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add a second factor").click()
    page.get_by_role("button", name=re.compile("^Security key")).click()
    page.get_by_label("Name").fill("Blue key")
    page.get_by_role("button", name="Add this key").click()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("Blue key")).to_be_visible()
    page.get_by_role("button", name="account menu").click()
    page.get_by_role("menuitem", name="Sign out").click()
    page.wait_for_url(re.compile("/sign-in/"))
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Use security key").click()
    expect(page.get_by_role("link", name="New chat")).to_be_visible()


def test_sessions_are_listed_and_ended(person: Callable[..., Person], new_product: Callable[..., Product]) -> None:
    product = new_product()
    someone, elsewhere = person(product), person(product)
    elsewhere.refusals = {401}
    elsewhere.open("/usage/")
    expect(elsewhere.page.get_by_role("heading", name="Usage")).to_be_visible()
    page = someone.open("/settings/sessions/")
    rows = card(page, "Where you are signed in").get_by_role("listitem")
    expect(rows.filter(has_text="this one")).to_have_count(1)
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="End all others").click()
    page.get_by_role("dialog").get_by_role("button", name="End all others").click()
    expect(page.get_by_text("3 sessions ended")).to_be_visible()
    expect(rows).to_have_count(1)
    elsewhere.page.wait_for_url(re.compile("/sign-in/"))


def test_a_token_is_made_used_turned_and_revoked(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    someone = person(product, bypass_csp=True)
    page = someone.open("/settings/tokens/")
    page.get_by_role("button", name="New token").click()
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Name").fill("Nightly report")
    page.get_by_role("radio", name="Choose").check()
    found = someone.findings_in_all_looks("new token")
    page.get_by_role("group", name="Agents").get_by_role("checkbox", name="make").check()
    page.get_by_role("button", name="Make token").click()
    secret = page.get_by_role("dialog").locator("code").first.inner_text()
    assert secret.startswith("aap_")
    found += someone.findings_in_all_looks("its secret")
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert secret not in page.content()
    row = page.get_by_role("listitem").filter(has_text="Nightly report")
    expect(row).to_contain_text("Never used")
    person_token, product.token = product.token, secret
    assert product.call("POST", "agents/", {"name": "By the token"})["name"] == "By the token"
    product.token = person_token
    more = row.get_by_role("button", name="More for Nightly report")
    more.click()
    page.get_by_role("menuitem", name="Make a new secret").click()
    page.get_by_role("radio", name="Now").check()
    page.get_by_role("dialog").get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_role("dialog").locator("code").first).not_to_have_text(secret)
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    more.click()
    page.get_by_role("menuitem", name="Revoke").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("No token is in use")).to_be_visible()
    page.get_by_role("button", name="Show 1 token that is over").click()
    expect(row).to_contain_text("revoked")
    assert not found, "\n".join(found)


def test_a_person_takes_their_data_along_and_is_erased(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    link = product.call("POST", "invitations/", {"role": "user", "email": "new@example.com"})["link"]
    joining = {"token": link.partition("#token=")[2], "name": "Nora New", "password": PASSWORD}
    owner, product.token = product.token, ""
    product.call("POST", "/api/v1/invitations/accept/", joining)
    product.token = owner
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.sign_in("new@example.com")
    someone.refusals = {400, 401, 403}
    page = someone.open("/settings/privacy/")
    expect(page.get_by_role("button", name="Download my data")).to_be_visible()
    forget_the_proof(product)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download my data").click()
        prove(page)
    assert saved.value.suggested_filename.startswith("my-data-")
    assert zipfile.is_zipfile(Path(saved.value.path()))
    page.get_by_role("button", name="Erase me").click()
    page.get_by_label("Your e-mail address").fill("somebody@example.com")
    page.get_by_role("button", name="Erase me for good").click()
    expect(page.get_by_label("Your e-mail address")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Your e-mail address").fill("new@example.com")
    page.get_by_role("button", name="Erase me for good").click()
    page.wait_for_url(re.compile("/erasure/#code="))
    expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()
    found = someone.findings_in_all_looks("erased")
    show = page.get_by_role("button", name="Show the proof")
    for _ in range(40):
        show.click()
        expect(page.get_by_text("Person", exact=True)).to_be_visible()
        if page.get_by_text("Erased on").is_visible():
            break
        page.wait_for_timeout(250)
    expect(page.get_by_text("Erased on")).to_be_visible()
    expect(page.get_by_text("The signature does not fit")).to_have_count(0)
    assert not found, "\n".join(found)
