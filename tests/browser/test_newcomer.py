"""From the link that the server prints to an own agent that answered (GOALS U6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.driving import Person
from tests.fixtures.product import EMAIL, PASSWORD, Product


class Clicks:
    """Counts every click of the mouse as the page sees it."""

    def __init__(self, person: Person) -> None:
        self.count = 0
        person.context.expose_function("counted", self._add)
        person.context.add_init_script("addEventListener('pointerdown', () => counted(), true)")

    def _add(self) -> None:
        self.count += 1


def test_from_the_printed_link_to_an_answer(new_product: Callable[..., Product], person: Callable[..., Person]) -> None:
    product = new_product(set_up=False)
    newcomer = person(product, signed_in=False)
    page = newcomer.open("/")
    expect(page).to_have_url(re.compile("/setup/"))  # whoever comes without the link is sent here, too
    page.goto(f"/setup/#code={product.code}")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name of the workspace").fill("Nordlicht")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("radio", name=re.compile("Demo model")).check()
    assert "code" not in page.url
    held: list[Route] = []
    slow = True
    page.route("**/tools/**", lambda request: held.append(request) if slow else request.continue_())
    with page.expect_request("**/tools/**"):
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("combobox", name="Model")).to_be_visible()
    create = page.get_by_role("button", name="Create and say hello")
    expect(create).to_be_disabled()  # an agent made now would have none of the tools
    slow = False
    for request in held:
        request.continue_()
    create.click()
    newcomer.chat_id()
    expect(newcomer.answers.first).to_contain_text("demo model")
    newcomer.wait_for_answer()

    # Signed in again: nothing to click before the first answer.
    later = person(product)
    clicks = Clicks(later)
    later.open("/")
    expect(later.box).to_be_focused()
    later.page.keyboard.type("Good morning")
    later.page.keyboard.press("Enter")
    later.wait_for_answer()
    assert clicks.count == 0


def test_an_own_agent_in_three_clicks_and_a_sentence(person: Callable[..., Person]) -> None:
    someone = person()
    clicks = Clicks(someone)
    page = someone.open("/agents/")
    page.get_by_role("link", name="New agent").click()
    page.get_by_label("Name").fill("Poet")  # the field has the focus already: no click
    page.get_by_role("button", name="Create draft").click()
    page.wait_for_url(re.compile(r"/agents/agt_"))
    trial = page.get_by_role("region", name="Try the draft")
    trial.locator("[data-composer]").click()
    page.keyboard.type("Write a line about rain")
    page.keyboard.press("Enter")
    expect(trial.locator(".prose").first).to_contain_text("Write a line about rain")
    assert clicks.count <= 3
    # The answer is the draft's own, and says so.
    expect(trial.get_by_text(re.compile("^draft\\W*$"))).to_be_visible()


def test_whoever_is_faster_than_the_list_of_models_gets_its_first(person: Callable[..., Person]) -> None:
    page = person().open("/")
    held: list[Route] = []
    slow = True
    page.route("**/models/?*", lambda request: held.append(request) if slow else request.continue_())
    with page.expect_request("**/models/?*"):
        page.goto("/agents/new/")
    page.get_by_label("Name").fill("Hasty")
    page.get_by_role("button", name="Create draft").click()
    page.wait_for_timeout(300)  # an agent that does not wait for the list would be made now
    assert held, "the list was there already"
    slow = False
    for request in held:
        request.continue_()
    trial = page.get_by_role("region", name="Try the draft")
    expect(trial.locator("[data-composer]")).to_be_visible()


def test_two_versions_and_what_each_answered(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    agent = product.call(
        "POST",
        "agents/",
        {
            "name": "Clerk",
            "instructions": "Answer briefly.",
            "model": product.call("GET", "models/")["results"][0]["id"],
        },
    )["id"]
    page = someone.open(f"/agents/{agent}/")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("button", name="Publish v1").click()
    expect(page.get_by_text("Published v1")).to_be_visible()
    conversation = product.call("POST", "conversations/", {"agent": agent})["id"]

    chat = person()
    chat.open(f"/chats/{conversation}/")
    chat.say("First question")
    chat.wait_for_answer()
    expect(chat.conversation.get_by_text(re.compile("^v1\\W*$"))).to_be_visible()

    page.get_by_label("Instructions").fill("Answer briefly, and in verse.")
    expect(page.get_by_text(re.compile("1 change since v1"))).to_be_visible()
    page.get_by_role("button", name="Diff").click()
    expect(page.get_by_role("region", name="Instructions").get_by_text("in verse")).to_be_visible()
    page.get_by_role("tab", name="Draft").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_label("What changed").fill("In verse")
    page.get_by_role("button", name="Publish v2").click()
    expect(page.get_by_text("Published v2")).to_be_visible()

    chat.say("Second question")
    expect(chat.conversation.get_by_text(re.compile("^v2\\W*$"))).to_be_visible()
    chat.wait_for_answer()
    expect(chat.conversation.get_by_text(re.compile("^v1\\W*$"))).to_be_visible()

    # Back to the first text: it is copied into the draft, and what is published stays.
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name=re.compile("^v1")).click()
    page.get_by_role("button", name="Copy v1 into the draft").click()
    page.get_by_role("button", name="Copy into draft").click()
    page.get_by_role("tab", name="Draft").click()
    expect(page.get_by_label("Instructions")).to_have_value("Answer briefly.")
    assert product.call("GET", f"agents/{agent}/")["published"]["number"] == 2
