"""The pages before one is in, the set-up and the sign-in: readable to all, in both themes, on a desk and a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.driving import Person
from tests.fixtures.product import EMAIL, PASSWORD, Product


def test_every_step_of_the_set_up_is_readable_to_all(
    new_product: Callable[..., Product], person: Callable[..., Person]
) -> None:
    """GOALS U2, U6, U7. Each state as a newcomer sees it, with what is refused on the way."""
    product = new_product(set_up=False)
    newcomer = person(product, signed_in=False, bypass_csp=True)
    newcomer.refusals = {400, 403}
    page = newcomer.open("/setup/")
    expect(page.get_by_label("Set-up code")).to_be_visible()
    found = newcomer.findings_in_all_looks("without the link")
    page.get_by_label("Set-up code").fill("nonsense")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of the workspace").fill("Nordlicht")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Set-up code")).to_have_attribute("aria-invalid", "true")
    found += newcomer.findings_in_all_looks("a wrong code")
    page.goto(f"/setup/#code={product.code}")
    page.reload()
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("password1")
    page.get_by_label("Name of the workspace").fill("Nordlicht")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    found += newcomer.findings_in_all_looks("a weak password")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("radio", name=re.compile("Demo model"))).to_be_visible()
    found += newcomer.findings_in_all_looks("the model")
    page.get_by_role("button", name="Enter another provider").click()
    expect(page.get_by_label("Provider", exact=True)).to_be_visible()
    found += newcomer.findings_in_all_looks("another provider")
    page.get_by_role("button", name=re.compile("Back|Cancel")).click()
    page.get_by_role("radio", name=re.compile("Demo model")).check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("Model")).to_be_visible()
    found += newcomer.findings_in_all_looks("the agent")
    page.get_by_role("button", name="Create and say hello").click()
    newcomer.wait_for_answer()
    found += newcomer.findings_in_all_looks("the first answer")
    assert not found, "\n".join(found)


def test_the_sign_in_is_readable_to_all(person: Callable[..., Person]) -> None:
    """GOALS U2, U7"""
    someone = person(signed_in=False, bypass_csp=True)
    someone.refusals = {401}
    page = someone.open("/sign-in/")
    expect(page.get_by_label("Password")).to_be_visible()
    found = someone.findings_in_all_looks("sign-in")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("not-it-at-all-9")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    found += someone.findings_in_all_looks("refused")
    assert not found, "\n".join(found)
