"""Forms and lists: providers, agents that two people edit, chats, the person's own settings."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.driving import Person
from tests.fixtures.product import Product, free_port
from tests.fixtures.vendor import Vendor


def test_a_wrong_key_is_told_at_its_field(person: Callable[..., Person], new_product: Callable[..., Product]) -> None:
    with Vendor() as vendor:
        product = new_product(environment={"AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}"})
        someone = person(product)
        page = someone.open("/providers/")
        page.get_by_role("button", name="Add provider").first.click()
        form = page.get_by_role("dialog")
        form.get_by_label("Provider").select_option("openai_compatible")
        form.get_by_label("Address").fill(f"http://127.0.0.1:{vendor.port}/v1")
        form.get_by_label("Key").fill("sk-wrong")
        form.get_by_label("Name").fill("Ours")
        form.get_by_role("button", name="Test and save").click()
        key = form.get_by_label("Key")
        expect(key).to_have_attribute("aria-invalid", "true", timeout=20_000)
        expect(form.get_by_text("Nothing was saved yet.")).to_be_visible()
        expect(key).to_have_value("sk-wrong")
        expect(form.get_by_label("Name")).to_have_value("Ours")
        key.fill(vendor.key)
        form.get_by_role("button", name="Test and save").click()
        expect(page.get_by_role("heading", name="Ours")).to_be_visible()
        expect(form).to_have_count(0)
        assert vendor.key not in page.content()


def test_an_unreachable_address_is_told_at_its_field(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    nowhere = free_port()
    product = new_product(environment={"AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{nowhere}"})
    someone = person(product)
    someone.refusals = {400}
    page = someone.open("/providers/")
    page.get_by_role("button", name="Add provider").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Provider").select_option("openai_compatible")
    address = form.get_by_label("Address")
    for url in (f"http://127.0.0.1:{nowhere}/v1", "http://169.254.169.254/latest"):
        address.fill(url)
        form.get_by_label("Key").fill("sk-kept")
        form.get_by_role("button", name="Test and save").click()
        expect(address).to_have_attribute("aria-invalid", "true", timeout=25_000)
        expect(address).to_have_value(url)
        expect(form.get_by_label("Key")).to_have_value("sk-kept")
    assert product.call("GET", "providers/")["results"] == []


def test_what_a_form_misses_is_told_at_its_field(person: Callable[..., Person]) -> None:
    page = person().open("/providers/")
    page.get_by_role("button", name="Add provider").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Provider").select_option("openai_compatible")
    form.get_by_label("Address").fill("not an address")
    form.get_by_role("button", name="Test and save").click()
    expect(form.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Address")).to_be_focused()
    expect(form.get_by_text("Write the whole address, from https:// on.")).to_be_visible()
    form.get_by_label("Address").fill("https://models.example/v1")
    expect(form.get_by_text("Write the whole address, from https:// on.")).to_be_hidden()


def test_long_names_fit_a_phone(person: Callable[..., Person], product: Product) -> None:
    """GOALS U7"""
    name = "The procurement assistant for framework agreements of Donaudampfschifffahrtselektrizitaetengesellschaft"
    model = product.call("GET", "models/")["results"][0]["id"]
    body = {"name": name, "description": f"{name}. " * 2, "instructions": "Help.", "model": model}
    agent = product.call("POST", "agents/", body)["id"]
    product.call("POST", f"agents/{agent}/publish/", {})
    run = product.call("POST", "runs/", {"agent": agent, "input": {"text": "Hello [[tokens:3 gap:0]]"}})
    product.wait_for_end(run["id"])
    someone = person(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    someone.context.add_init_script(f"localStorage.setItem('aap.agent', '{agent}')")
    someone.open("/")
    hero = someone.conversation.get_by_text("The procurement assistant").first
    expect(hero).to_be_visible()
    assert hero.evaluate("text => text.getBoundingClientRect().top") > 48, "the name is cut off at its beginning"
    assert someone.box.evaluate("box => box.scrollHeight <= box.clientHeight"), "the hint does not fit into the box"
    found = [f"/: {what}" for what in someone.sideways()]
    someone.open(f"/chats/{run['conversation']}/")
    answer = someone.conversation.get_by_role("link", name=name)
    expect(answer).to_be_visible()
    assert answer.evaluate("line => line.getBoundingClientRect().height") < 30, "the name takes more than a line"
    found += [f"chat: {what}" for what in someone.sideways()]
    page = someone.open(f"/agents/{agent}/")
    expect(page.get_by_text("Published v1")).to_be_visible()
    heading = page.get_by_role("heading", level=1)
    assert heading.evaluate("line => line.getBoundingClientRect().width") > 100, "what is left of the name says nothing"
    found += [f"builder: {what}" for what in someone.sideways()]
    for address in ("/agents/", "/runs/", f"/runs/{run['id']}/"):
        page = someone.open(address)
        expect(
            page.locator("main").get_by_text("The procurement assistant").locator("visible=true").first
        ).to_be_visible()
        found += [f"{address}: {what}" for what in someone.sideways()]
    assert not found, "\n".join(found)


def saved(product: Product, agent: str, text: str) -> None:
    deadline = time.monotonic() + 30
    while product.call("GET", f"agents/{agent}/")["draft"]["instructions"] != text:
        assert time.monotonic() < deadline, f"never saved: {text}"
        time.sleep(0.05)


def two_texts(person: Callable[..., Person], product: Product, name: str) -> tuple[Person, str]:
    """Someone whose text could not be saved, because somebody else changed the same agent first."""
    agent = product.call("POST", "agents/", {"name": name, "instructions": "The first text."})["id"]
    first, second = person(), person()
    second.refusals = {412}
    first.open(f"/agents/{agent}/")
    second.open(f"/agents/{agent}/")
    for one in (first, second):
        expect(one.page.get_by_label("Instructions", exact=True)).to_have_value("The first text.")
    first.page.get_by_label("Instructions", exact=True).fill("What the first wrote.")
    saved(product, agent, "What the first wrote.")
    second.page.get_by_label("Instructions", exact=True).fill("What the second wrote.")
    expect(second.page.get_by_text("Someone else changed this agent.")).to_be_visible()
    expect(second.page.get_by_label("Instructions", exact=True)).to_have_value("What the second wrote.")
    return second, agent


def test_two_people_edit_one_agent_and_the_second_saves_over_it(
    person: Callable[..., Person], product: Product
) -> None:
    second, agent = two_texts(person, product, "Shared")
    second.page.get_by_role("button", name="Save mine over it").click()
    expect(second.page.get_by_text("Someone else changed this agent.")).to_be_hidden()
    expect(second.page.get_by_label("Instructions", exact=True)).to_have_value("What the second wrote.")
    saved(product, agent, "What the second wrote.")


def test_seeing_their_text_loses_none_of_mine(person: Callable[..., Person], product: Product) -> None:
    second, agent = two_texts(person, product, "Shared and seen")
    page = second.page
    text = page.get_by_label("Instructions", exact=True)

    # Both texts beside each other; one's own stays in the form and can still be worked on.
    page.get_by_role("button", name="Show theirs").click()
    expect(page.get_by_role("group", name="Theirs: Instructions")).to_have_text("What the first wrote.")
    expect(page.get_by_role("group", name="Yours: Instructions")).to_have_text("What the second wrote.")
    text.fill("What the second wrote, and more.")
    expect(page.get_by_role("group", name="Yours: Instructions")).to_have_text("What the second wrote, and more.")

    # Theirs in the form, and back: nothing was saved over theirs by that.
    page.get_by_role("button", name="Use theirs, keep mine aside").click()
    expect(text).to_have_value("What the first wrote.")
    kept = page.get_by_text("Your own text is kept, but not saved.")
    expect(kept).to_be_visible()
    page.get_by_role("button", name="Back to mine").click()
    expect(text).to_have_value("What the second wrote, and more.")
    expect(kept).to_be_hidden()
    assert product.call("GET", f"agents/{agent}/")["draft"]["instructions"] == "What the first wrote."

    # Put aside again, it outlives leaving the page, and is saved over theirs when its writer says so.
    page.get_by_role("button", name="Use theirs, keep mine aside").click()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.go_back()
    expect(kept).to_be_visible()
    expect(text).to_have_value("What the first wrote.")
    page.get_by_role("button", name="Save mine over it").click()
    expect(text).to_have_value("What the second wrote, and more.")
    saved(product, agent, "What the second wrote, and more.")
    expect(kept).to_be_hidden()


def test_a_chat_is_renamed_pinned_and_deleted(person: Callable[..., Person], product: Product) -> None:
    agent = product.agent  # type: ignore[attr-defined]
    run = product.call("POST", "runs/", {"agent": agent, "input": {"text": "Plans for May [[tokens:3 gap:0]]"}})
    product.wait_for_end(run["id"])
    someone = person()
    someone.refusals = {404}
    page = someone.open(f"/chats/{run['conversation']}/")
    header = page.locator("main > header")
    menu = header.get_by_role("button", name=re.compile("^More for"))
    menu.click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("Title").fill("Plans for June")
    page.get_by_role("button", name="Save").click()
    expect(header.get_by_role("heading", name="Plans for June")).to_be_visible()
    expect(page.get_by_role("region", name="Recent chats").get_by_text("Plans for June")).to_be_visible()
    menu.click()
    page.get_by_role("menuitem", name="Pin", exact=True).click()
    expect(page.get_by_role("region", name="Pinned chats").get_by_text("Plans for June")).to_be_visible()
    menu.click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("button", name="Delete chat").click()
    expect(page).to_have_url(f"{product.url}/")
    expect(page.get_by_role("complementary").get_by_text("Plans for June")).to_have_count(0)
    page.goto(f"/chats/{run['conversation']}/")
    expect(page.get_by_text("Not found, or not shared with you")).to_be_visible()
