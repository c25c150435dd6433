"""Single sign-on in the browser, with a certified OpenID provider: set up, tested, linked, used, required."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import SIZES, Person
from tests.fixtures.product import PASSWORD, Product, free_port
from tests.fixtures.security_key import totp

APPROVE = """
from accounts.models import SsoDomain
from core.clock import now
assert SsoDomain.objects.filter(domain="corp.example").update(approved_at=now()) == 1
"""


@pytest.fixture
def product(tmp_path: Path, openid: str, saml_house: str) -> Iterator[Product]:
    port = free_port()
    environment = {
        "AAP_RATE_LIMITS": "off",
        "AAP_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AAP_ALLOWED_PRIVATE_HOSTS": ",".join(one.removeprefix("http://") for one in (openid, saml_house)),
    }
    product = Product(data=tmp_path / "data", port=port, environment=environment)
    product.data.mkdir()
    product.manage("collectstatic", "--noinput")  # for the operator admin's pages
    try:
        yield product.start().set_up()
    finally:
        product.stop()


def sign_in_there(page: Page, who: str, *, agreed: bool = False) -> None:
    """At the provider: its own pages. Who agreed once is asked no more."""
    page.locator("input[name=login]").fill(who)
    page.locator("input[name=password]").fill("whatever")
    page.get_by_role("button", name="Sign-in").click()
    if not agreed:
        page.get_by_role("button", name="Continue").click()


def test_a_provider_is_set_up_tested_linked_used_and_required(
    person: Callable[..., Person],
    product: Product,
    openid: str,
) -> None:
    owner = person(product, bypass_csp=True)
    owner.away, owner.refusals = True, {400, 403, 404, 409}  # the provider's own pages ask for fonts from elsewhere
    page = owner.open("/settings/sso/")
    page.get_by_role("button", name="Add a provider").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("Corp")
    form.get_by_label("Issuer", exact=True).fill(f"{openid}/nothing-here")
    form.get_by_label("Client id", exact=True).fill("not yet")
    form.get_by_label("Domains of your addresses").fill("corp.example")
    form.get_by_role("button", name="Add a group").click()
    form.get_by_label("Group 1 there").fill("staff")
    form.get_by_label("Role of group 1").select_option("user")
    form.get_by_role("button", name="Add provider").click()
    expect(form.get_by_label("Issuer", exact=True)).to_have_attribute("aria-invalid", "true")
    found = owner.findings_in_all_looks("a provider")
    form.get_by_label("Issuer", exact=True).fill(openid)
    form.get_by_role("button", name="Add provider").click()
    page.get_by_role("button", name=re.compile("^Corp")).click()
    back = page.locator("dd code").first.inner_text()
    client = httpx.post(f"{openid}/reg", json={"redirect_uris": [back]}, trust_env=False).json()
    page.get_by_role("button", name="Change").click()
    form.get_by_label("Client id", exact=True).fill(client["client_id"])
    form.get_by_label("Client secret", exact=True).fill(client["client_secret"])
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("waits for an operator")).to_be_visible()
    found += owner.findings_in_all_looks("set up")

    page.get_by_role("button", name="Test it").click()
    sign_in_there(page, "boss")
    outcome = page.get_by_role("dialog", name="Test of Corp")
    expect(outcome.get_by_text("The provider’s answer is genuine")).to_be_visible()
    expect(outcome.get_by_role("region", name="Decoded claims")).to_contain_text("boss@corp.example")
    expect(outcome.get_by_text("Would come in as")).to_be_visible()
    expect(outcome.get_by_text("only with an address of a domain that was approved")).to_be_visible()
    found += owner.findings_in_all_looks("its test")
    outcome.get_by_role("button", name="Done").click()

    product.manage("shell", "-c", APPROVE)
    page.goto("/settings/security/")
    page.get_by_role("button", name="Link Corp").click()
    expect(page.get_by_text("Linked. You can sign in this way")).to_be_visible()
    expect(page.get_by_role("button", name="Unlink Corp")).to_be_visible()
    found += owner.findings_in_all_looks("linked")

    newcomer = person(product, signed_in=False, bypass_csp=True)
    newcomer.away = True
    door = newcomer.open("/sign-in/?next=/usage/")
    door.get_by_role("button", name="Continue with your organisation").click()
    expect(door.get_by_text("Enter your email first")).to_be_visible()
    door.get_by_label("Email").fill("somebody@else.example")
    door.get_by_role("button", name="Continue with your organisation").click()
    expect(door.get_by_text("No organisation signs in here")).to_be_visible()
    door.get_by_label("Email").fill("alice@corp.example")
    door.get_by_role("button", name="Continue with your organisation").click()
    found += newcomer.findings_in_all_looks("the way in")
    door.get_by_role("button", name="Sign in with Corp").click()
    sign_in_there(door, "alice")
    door.wait_for_url("**/usage/")
    door.set_viewport_size(SIZES["desk"])
    expect(door.get_by_role("complementary").get_by_text("Alice")).to_be_visible()

    page.goto("/settings/sso/")
    page.get_by_role("button", name=re.compile("^Corp")).click()
    page.get_by_role("switch", name="Not required").click()
    page.get_by_role("button", name="Require it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Link your own account")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Test it").click()
    expect(outcome.get_by_text("this test counts")).to_be_visible()
    outcome.get_by_role("button", name="Done").click()
    page.get_by_role("button", name=re.compile("^Corp")).click()
    page.get_by_role("switch", name="Not required").click()
    page.get_by_role("button", name="Require it").click()
    expect(page.get_by_text("Corp is required now")).to_be_visible()
    assert not found, "\n".join(found)


def test_a_refusal_on_the_way_back_is_said_in_words(person: Callable[..., Person], product: Product) -> None:
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.refusals = {401}
    page = someone.open("/sign-in/#sso_error=link_first&next=%2Fusage%2F")
    expect(page.get_by_role("alert").first).to_contain_text("There is an account with your e-mail address")
    found = someone.findings_in_all_looks("refused")
    page.get_by_label("Email").fill("owner@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/")
    assert "sso_error" not in page.url
    assert not found, "\n".join(found)


OPERATOR = """
from accounts.models import LoginSession, SsoConnection, User
SsoConnection.objects.update(enforced=True)
assert User.objects.filter(email="alice@corp.example").update(is_staff=True, is_superuser=True) == 1
"""
LATER = """
from accounts.models import LoginSession
LoginSession.objects.update(proved_at="2026-01-01T00:00:00Z")
"""


def connected(product: Product, openid: str, **more: object) -> str:
    """A connection to the provider, its domain approved; its id."""
    given = {"kind": "oidc", "name": "Corp", "issuer": openid, "client_id": "x", "domains": ["corp.example"], **more}
    made = product.call("POST", "sso/", given)
    client = httpx.post(f"{openid}/reg", json={"redirect_uris": [made["redirect_uri"]]}, trust_env=False).json()
    known = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    product.call("PATCH", f"sso/{made['id']}/", known)
    product.manage("shell", "-c", APPROVE)
    return str(made["id"])


def test_an_operator_comes_in_and_confirms_through_the_house(
    person: Callable[..., Person], product: Product, openid: str
) -> None:
    """With the real rules of a browser for cookies that do not come along from another site, and for forms."""
    connected(product, openid, default_role="user")
    operator = person(product, signed_in=False, bypass_csp=False)
    operator.away, operator.refusals = True, {403, 404}
    page = operator.open("/sign-in/")
    page.get_by_label("Email").fill("alice@corp.example")
    page.get_by_role("button", name="Continue with your organisation").click()
    page.get_by_role("button", name="Sign in with Corp").click()
    sign_in_there(page, "alice")
    page.wait_for_url(f"{product.url}/**")
    product.manage("shell", "-c", OPERATOR)
    product.manage("sso_operators", "bench")

    page.goto("/admin/login/?next=/admin/accounts/user/")
    page.get_by_role("link", name="Continue with your organisation").click()
    expect(page.get_by_role("heading", name="Continue with your organisation")).to_be_visible()
    page.get_by_label("Your e-mail address").fill("alice@corp.example")
    page.get_by_role("button", name="Continue", exact=True).click()
    page.wait_for_url("**/admin/accounts/user/")
    product.manage("shell", "-c", LATER)
    page.goto("/admin/accounts/user/add/")
    page.get_by_label("Email").fill("new@corp.example")
    page.get_by_label("First password").fill("correct-horse-battery-7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("nothing you typed is lost")).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Confirm with Corp").click()
    tab = opened.value
    sign_in_there(tab, "alice", agreed=True)
    expect(tab.get_by_text("Close this tab")).to_be_visible()
    tab.close()
    page.get_by_role("button", name="I have confirmed it, go on").click()
    expect(page.get_by_text("new@corp.example").first).to_be_visible()
    assert "/admin/accounts/user/" in page.url


def test_saml_is_set_up_in_the_form_and_a_rule_shows_all_its_groups(
    person: Callable[..., Person], product: Product, saml_house: str
) -> None:
    metadata = httpx.get(f"{saml_house}/metadata", trust_env=False).text
    for name in ("Support", "Night shift"):
        product.call("POST", "groups/", {"name": name})
    owner = person(product, bypass_csp=True)
    owner.refusals = {400}
    page = owner.open("/settings/sso/")
    page.get_by_role("button", name="Add a provider").click()
    form = page.get_by_role("dialog")
    form.get_by_text("SAML", exact=True).click()
    form.get_by_label("Name", exact=True).fill("Corp")
    form.get_by_label("Or the metadata itself").fill("<nothing/>")
    form.get_by_role("button", name="Add provider").click()
    expect(form.get_by_label("Or the metadata itself")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Or the metadata itself").fill(metadata)
    form.get_by_label("Sign our requests").check()
    form.get_by_label("Domains of your addresses").fill("corp.example")
    form.get_by_role("button", name="Add a group").click()
    form.get_by_label("Group 1 there").fill("staff")
    for name in ("Support", "Night shift"):
        form.get_by_label("Group here for group 1").select_option(label=name)
    here = form.get_by_role("list", name="Groups here for group 1")
    expect(here.get_by_role("listitem")).to_have_count(2)
    found = owner.findings_in_all_looks("a SAML provider")
    form.get_by_role("button", name="Add provider").click()
    page.get_by_role("button", name=re.compile("^Corp")).click()
    expect(page.get_by_text("Our entity id and metadata")).to_be_visible()
    page.get_by_role("button", name="Change").click()
    expect(form.get_by_label("Sign our requests")).to_be_checked()
    expect(here.get_by_text("Support")).to_be_visible()
    expect(here.get_by_text("Night shift")).to_be_visible()
    form.get_by_role("button", name="Take Support out of group 1").click()
    form.get_by_label("Take only encrypted answers").check()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    (saved,) = product.call("GET", "sso/")["results"]
    (rule,) = saved["mapping"]
    assert saved["require_encrypted"] and saved["sign_requests"] and saved["issuer"] == f"{saml_house}/metadata"
    assert [one["name"] for one in product.call("GET", "groups/")["results"] if one["id"] in rule["groups"]] == [
        "Night shift"
    ]
    assert not found, "\n".join(found)


def test_who_has_no_password_proves_it_elsewhere_and_has_a_factor_asked_on_the_way(
    person: Callable[..., Person], product: Product, openid: str
) -> None:
    connected(product, openid, default_role="user")
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.away, someone.refusals = True, {401, 403}
    page = someone.open("/sign-in/")

    def come_in(*, agreed: bool) -> None:
        page.get_by_label("Email").fill("alice@corp.example")
        page.get_by_role("button", name="Continue with your organisation").click()
        page.get_by_role("button", name="Sign in with Corp").click()
        sign_in_there(page, "alice", agreed=agreed)

    come_in(agreed=False)
    expect(page.get_by_role("complementary").get_by_text("Alice")).to_be_visible()
    product.manage("shell", "-c", LATER)
    page.goto("/settings/security/")
    page.get_by_role("button", name="Add a second factor").click()
    page.get_by_role("button", name=re.compile("^Authenticator app")).click()
    proof = page.get_by_role("dialog", name="Confirm that it is you")
    expect(proof.get_by_role("button", name="I have confirmed it")).to_be_disabled()
    with page.expect_popup() as opened:
        proof.get_by_role("button", name="Confirm with Corp").click()
    tab = opened.value
    sign_in_there(tab, "alice", agreed=True)
    expect(tab.get_by_text("Go back to the tab that you came from")).to_be_visible()
    tab.close()
    found = someone.findings_in_all_looks("proof elsewhere")
    proof.get_by_role("button", name="I have confirmed it").click()
    expect(proof).to_have_count(0)
    secret = page.locator("code").first.inner_text().replace(" ", "")
    app = f"otpauth://totp/x?secret={secret}"
    page.get_by_label("Code", exact=True).fill(totp(app, steps=-1, seconds=8))
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("Second factor added")).to_be_visible()

    someone.close()
    someone = person(product, signed_in=False, bypass_csp=True)
    someone.away, someone.refusals = True, {401, 403}
    page = someone.open("/sign-in/?next=/usage/")
    come_in(agreed=False)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    found += someone.findings_in_all_looks("second factor behind the provider")
    page.get_by_label("Code", exact=True).fill(totp(app))
    page.keyboard.press("Enter")
    page.wait_for_url("**/usage/")
    assert "challenge" not in page.url
    assert not found, "\n".join(found)
