"""The people of a workspace and what they may do, the audit log, the sharing dialog; as owners and as others see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.driving import SIZES, Person
from tests.fixtures.product import PASSWORD, Product, running_product

BEN, VERA = "ben@example.com", "vera@example.com"


def join(product: Product, email: str, name: str, role: str) -> str:
    """The id of a new member, who came by an invitation."""
    link = product.call("POST", "invitations/", {"role": role, "email": email})["link"]
    body = {"token": link.partition("#token=")[2], "name": name, "password": PASSWORD}
    owner, product.token = product.token, ""
    product.call("POST", "/api/v1/invitations/accept/", body)
    product.token = owner
    members = product.call("GET", "members/")["results"]
    return str(next(one["user"]["id"] for one in members if one["user"]["email"] == email))


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("people")) / "data"):
        product.agent = product.demo_agent()  # type: ignore[attr-defined]
        join(product, BEN, "Ben Builder", "builder")
        product.vera = join(product, VERA, "Vera Viewer", "viewer")  # type: ignore[attr-defined]
        yield product


def test_somebody_is_invited_by_a_link_that_is_shown(person: Callable[..., Person]) -> None:
    someone = person(bypass_csp=True)
    page = someone.open("/settings/members/")
    page.get_by_role("button", name="Invite", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("new@example.com")
    dialog.get_by_label("Role").select_option("viewer")
    found = someone.findings_in_all_looks("invite")
    dialog.get_by_role("button", name="Invite").click()
    link = page.get_by_role("dialog").locator("code").inner_text()
    assert "/invitation/#token=" in link
    found += someone.findings_in_all_looks("the link")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("new@example.com")).to_be_visible()

    newcomer = person(signed_in=False)
    newcomer.refusals = {400}
    newcomer.page.goto("/invitation/" + link.partition("/invitation/")[2])
    newcomer.page.get_by_label("Name").fill("Nora New")
    newcomer.page.get_by_label("Password").fill("ten-green-bottles-42")
    newcomer.page.get_by_role("button", name="Join").click()
    expect(newcomer.page.get_by_role("complementary").get_by_text("Nora New")).to_be_visible()

    page.reload()
    row = page.get_by_role("listitem").filter(has_text="Nora New")
    expect(row.get_by_role("combobox")).to_have_value("viewer")
    row.get_by_role("combobox").select_option("user")
    expect(page.get_by_text("Nora New is now User")).to_be_visible()
    row.get_by_role("button", name="More for Nora New").click()
    page.get_by_role("menuitem", name="Remove from workspace").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    assert not found, "\n".join(found)


def test_a_refusal_stands_at_the_row(person: Callable[..., Person]) -> None:
    someone = person()
    someone.refusals = {409}
    page = someone.open("/settings/members/")
    mine = page.get_by_role("listitem").filter(has_text="owner@example.com")
    mine.get_by_role("combobox").select_option("admin")
    expect(mine.get_by_role("alert")).to_contain_text("only owner")
    expect(mine.get_by_role("combobox")).to_have_value("owner")


def test_who_may_not_sees_no_switches_and_who_can_help(person: Callable[..., Person]) -> None:
    viewer = person(signed_in=False, bypass_csp=True)
    viewer.sign_in(VERA)
    page = viewer.open("/settings/members/")
    expect(page.get_by_text("Ben Builder")).to_be_visible()
    expect(page.get_by_text("Owners and admins invite people")).to_be_visible()
    expect(page.locator("main").get_by_role("combobox")).to_have_count(0)
    found = viewer.findings_in_all_looks("members, as a viewer")
    for closed in ("audit", "service-accounts", "tokens"):
        page.goto(f"/settings/{closed}/")
        expect(page.get_by_text("You may not see this")).to_be_visible()
        expect(page.get_by_role("navigation", name="Settings").get_by_role("link", name="Audit log")).to_have_count(0)
    found += viewer.findings_in_all_looks("refused")
    page.goto("/settings/workspace/")
    expect(page.get_by_label("Name")).to_be_disabled()
    page.goto("/agents/new/")
    expect(page.get_by_text("You may not make agents")).to_be_visible()
    expect(page.get_by_role("button", name="Create draft")).to_have_count(0)
    assert not found, "\n".join(found)


def test_a_viewer_is_told_that_looking_is_all(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    product = new_product()
    product.demo_agent()
    join(product, VERA, "Vera Viewer", "viewer")
    viewer = person(product, signed_in=False)
    viewer.sign_in(VERA)
    page = viewer.open("/")
    expect(page.get_by_text("You may look at agents, but not chat with them")).to_be_visible()
    menu = page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Agents")).to_be_visible()
    expect(menu.get_by_role("link", name="Usage")).to_have_count(0)
    page.get_by_role("link", name="Go to agents").click()
    expect(page.locator("main").get_by_text("Helper", exact=True)).to_be_visible()


def test_groups_and_roles_are_made_and_given(person: Callable[..., Person], product: Product) -> None:
    someone = person(bypass_csp=True)
    page = someone.open("/settings/groups/")
    page.get_by_role("button", name="New group").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Sales")
    page.keyboard.press("Enter")
    sales = page.get_by_role("button", name=re.compile("^Sales"))
    sales.click()
    page.get_by_role("combobox", name="Add somebody to Sales").select_option(label=f"Vera Viewer ({VERA})")
    expect(sales).to_contain_text("1 person")
    found = someone.findings_in_all_looks("a group")
    page.get_by_role("button", name="Take Vera Viewer out of Sales").click()
    expect(page.get_by_text("Nobody is in it yet.")).to_be_visible()

    page.goto("/settings/roles/")
    page.get_by_role("button", name="Viewer").click()
    page.get_by_role("button", name="New role from this").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Night shift")
    dialog.get_by_role("group", name="Audit log").get_by_role("checkbox", name="see").check()
    found += someone.findings_in_all_looks("a role")
    dialog.get_by_role("button", name="Make role").click()
    page.get_by_role("button", name="Night shift").click()
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_role("group", name="Audit log").get_by_role("checkbox", name="see")).to_be_checked()
    page.keyboard.press("Escape")
    page.goto("/settings/members/")
    row = page.get_by_role("listitem").filter(has_text="Vera Viewer")
    row.get_by_role("combobox").select_option(label="Night shift")
    expect(page.get_by_text("Vera Viewer is now Night shift")).to_be_visible()
    viewer = person(signed_in=False)
    viewer.sign_in(VERA)
    viewer.open("/settings/audit/")
    expect(viewer.page.get_by_role("button", name="Role: create")).to_be_visible()
    # Exactly: the log lists an export of the test beside this one as a button "Audit: export".
    expect(viewer.page.get_by_role("button", name="Export", exact=True)).to_have_count(0)
    row.get_by_role("combobox").select_option("viewer")
    expect(page.get_by_text("Vera Viewer is now Viewer")).to_be_visible()
    assert not found, "\n".join(found)


def test_a_service_account_has_tokens_of_its_own(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/settings/service-accounts/")
    page.get_by_role("button", name="New service account").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Ticket system")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Ticket system").click()
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Name").fill("Starts agents")
    page.get_by_role("radio", name="Everything the account may").check()
    page.get_by_role("button", name="Make token").click()
    secret = page.get_by_role("dialog").locator("code").first.inner_text()
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_text("May do everything that its holder may")).to_be_visible()
    owner, product.token = product.token, secret
    assert product.call("GET", "")["role"] == "user"
    product.token = owner
    page.get_by_role("switch", name="Switched on").click()
    expect(page.get_by_role("switch", name="Switched off")).to_be_visible()


def test_the_audit_log_is_searched_opened_and_taken_along(person: Callable[..., Person], product: Product) -> None:
    someone = person(bypass_csp=True)
    page = someone.open("/settings/audit/")
    expect(page.get_by_text("The chain is whole")).to_be_visible()
    page.get_by_label("Search the audit log").fill("agent.")
    # Not while one list takes the other's place: what is pressed then is gone when it is let go.
    expect(page.locator("tbody tr").filter(has_not_text="Agent:")).to_have_count(0)
    page.get_by_role("button", name="Agent: publish").first.click()
    entry = page.get_by_role("dialog", name="Agent: publish")
    expect(entry.get_by_text(product.agent)).to_be_visible()  # type: ignore[attr-defined]
    found = someone.findings_in_all_looks("an entry")
    entry.get_by_role("button", name="Only this kind").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="JSON lines").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["agent.publish"]
    page.get_by_label("Search the audit log").fill("nothing-like-this")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    found += someone.findings_in_all_looks("nothing")
    assert not found, "\n".join(found)


def test_an_agent_is_shared_and_everybody_sees_why(person: Callable[..., Person], product: Product) -> None:
    agent = product.agent  # type: ignore[attr-defined]
    someone = person(bypass_csp=True)
    page = someone.open(f"/agents/{agent}/")
    more = page.get_by_role("button", name="More for this agent")
    more.click()
    page.get_by_role("menuitem", name="Share").click()
    dialog = page.get_by_role("dialog", name="Share Helper")
    with page.expect_response(re.compile("/visibility/")):
        dialog.get_by_role("radio", name="Only the people below").check()
    viewer = person(signed_in=False)
    viewer.sign_in(VERA)
    viewer.open("/agents/")
    expect(viewer.page.get_by_text("No agents yet")).to_be_visible()
    dialog.get_by_label("Share with").select_option(label=f"Vera Viewer ({VERA})")
    dialog.get_by_label("They").select_option(label="Can change")
    dialog.get_by_role("button", name="Share", exact=True).click()
    expect(dialog.get_by_role("list", name="Shared with").get_by_text("Vera Viewer", exact=True)).to_be_visible()
    found = someone.findings_in_all_looks("shared with")
    dialog.get_by_role("tab", name="Who can see this, and why").click()
    vera = dialog.get_by_role("listitem").filter(has_text="Vera Viewer")
    expect(vera).to_contain_text("Shared with them: can change")
    expect(vera).to_contain_text("The role Viewer allows no more than “can see”.")
    expect(dialog.get_by_role("listitem").filter(has_text="Ben Builder")).to_contain_text("Cannot see it")
    found += someone.findings_in_all_looks("who and why")
    viewer.page.reload()
    expect(viewer.page.get_by_text("Helper")).to_be_visible()
    dialog.get_by_role("tab", name="Shared with", exact=True).click()
    dialog.get_by_role("button", name="Stop sharing with Vera Viewer").click()
    expect(dialog.get_by_text("It is shared with nobody by name.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.set_viewport_size(SIZES["desk"])
    page.get_by_label("Description").fill("Written after the sharing")
    expect(page.get_by_text(re.compile(r"Draft.*saved"))).to_be_visible()
    assert product.call("GET", f"agents/{agent}/")["description"] == "Written after the sharing"
    assert not found, "\n".join(found)
