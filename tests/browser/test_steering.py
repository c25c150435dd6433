"""Speaking to an answer while it is written; trying one again, and going on with one that was cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.driving import Person, drawn_sizes
from tests.fixtures.product import Product, running_product

SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 360, "height": 740}}
PENDING = "It reads this before its next step"
SAID = "And in short please"
ORDER = """box => [...box.querySelectorAll('.prose, [aria-label="You said meanwhile"]')]
  .map((one) => one.className.includes('prose'))"""
SUM = '[[tool:calculator {"expression":"6*7"}]]'


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("steering")) / "data"):
        product.agent = product.demo_agent()  # type: ignore[attr-defined]
        yield product


def steer(someone: Person, text: str) -> None:
    someone.page.get_by_role("radiogroup", name="The next message").get_by_text("Steer").click()
    someone.say(text)


def runs_of(product: Product, conversation: str) -> list[dict[str, object]]:
    found = product.call("GET", f"runs/?conversation={conversation}")["results"]
    return sorted(found, key=lambda run: str(run["id"]))


def test_what_is_said_meanwhile_is_read_before_the_next_step(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("First this [[tokens:220 gap:25]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    steer(someone, f"{SAID} [[tokens:60 gap:0]]")
    expect(page.get_by_text(PENDING)).to_be_visible()
    said = page.get_by_role("group", name="You said meanwhile")
    expect(said).to_have_count(1)
    expect(page.get_by_role("radio", name="Queue")).to_be_checked()  # the next one waits again
    expect(someone.answers).to_have_count(2)
    someone.wait_for_answer()
    expect(page.get_by_text(PENDING)).to_have_count(0)
    for _ in range(2):
        expect(said).to_have_count(1)
        expect(said).to_contain_text(SAID)
        # In its place: after the text that was being written, before the text that heeds it.
        expect(someone.answers.nth(1)).to_contain_text(SAID)
        order = someone.conversation.evaluate(ORDER)
        assert order == [True, False, True]
        expect(page.get_by_role("region", name=re.compile("^Question: "))).to_have_count(1)
        page.reload()
        expect(said).to_be_visible()
    (run,) = runs_of(product, conversation)
    assert run["status"] == "succeeded"


def test_what_was_said_is_there_once_over_reloads(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    someone.away = True  # a reload cuts the socket, and Chromium may say so
    page = someone.open("/")
    someone.say("At length [[tokens:650 gap:20]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    steer(someone, f"{SAID} [[tokens:60 gap:0]]")
    said = page.get_by_role("group", name="You said meanwhile")
    expect(page.get_by_text(PENDING)).to_be_visible()
    for _ in range(2):
        page.reload()
        expect(someone.answers.first).to_contain_text("demo model")
        expect(page.get_by_text(PENDING)).to_be_visible()
        expect(said).to_have_count(1)
    someone.wait_for_answer(60_000)
    expect(page.get_by_text(PENDING)).to_have_count(0)
    expect(said).to_have_count(1)
    page.reload()
    expect(said).to_have_count(1)
    expect(page.get_by_text(PENDING)).to_have_count(0)
    assert len(runs_of(product, conversation)) == 1


def test_what_was_said_too_late_is_the_next_question(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("Stopped early [[tokens:2000 gap:15]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    steer(someone, f"{SAID} [[tokens:60 gap:0]]")
    expect(page.get_by_text(PENDING)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("region", name=re.compile(f"^Question: {SAID}"))).to_be_visible()
    someone.wait_for_answer()
    expect(page.get_by_role("group", name="You said meanwhile")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("region", name=re.compile("^Question: "))).to_have_count(2)
    expect(page.get_by_role("group", name="You said meanwhile")).to_have_count(0)
    assert [run["status"] for run in runs_of(product, conversation)] == ["cancelled", "succeeded"]


def test_what_did_not_arrive_is_back_in_the_box(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    someone.away = True
    page = someone.open("/")
    someone.say("Go on [[tokens:900 gap:20]]")
    expect(someone.answers.first).to_contain_text("(20).")
    someone.context.set_offline(True)
    steer(someone, SAID)
    expect(page.get_by_text("Not sent.")).to_be_visible()
    expect(someone.box).to_have_value(SAID)
    expect(page.get_by_role("group", name="You said meanwhile")).to_have_count(0)
    someone.context.set_offline(False)
    someone.box.press("Enter")
    expect(page.get_by_text(PENDING)).to_be_visible()
    expect(page.get_by_role("group", name="You said meanwhile")).to_have_count(1)
    page.get_by_role("button", name="Stop", exact=True).click()


def test_an_answer_is_tried_again(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("Once more [[tokens:60 gap:0]]")
    conversation = someone.chat_id()
    someone.wait_for_answer()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Tried again")).to_be_visible()
    expect(someone.answers).to_have_count(2)
    expect(someone.answers.last).to_contain_text("plain words")
    old, new = runs_of(product, conversation)
    assert new["continues"] == {"run": old["id"], "seq": 1}
    for _ in range(2):
        expect(page.get_by_text("Tried again")).to_have_count(1)
        expect(someone.answers).to_have_count(2)
        expect(page.get_by_role("region", name=re.compile("^Question: "))).to_have_count(1)
        expect(page.get_by_role("link", name="the earlier run")).to_have_attribute("href", f"/runs/{old['id']}/")
        page.reload()
    product.wait_for_end(str(new["id"]))


def test_a_failed_answer_goes_on(person: Callable[..., Person], product: Product) -> None:
    """It had used up its steps; going on keeps what they brought."""
    model = product.call("GET", "models/")["results"][0]["id"]
    body = {
        "name": "Brief",
        "instructions": "Help.",
        "model": model,
        "tools": ["calculator"],
        "limits": {"max_steps": 1},
    }
    agent = product.call("POST", "agents/", body)["id"]
    product.call("POST", f"agents/{agent}/publish/", {})
    old = product.call("POST", "runs/", {"agent": agent, "input": {"text": f"Sum {SUM} [[tokens:70 gap:0]]"}})
    assert product.wait_for_end(old["id"])["stop_reason"] == "max_steps"
    someone = person()
    page = someone.open(f"/chats/{old['conversation']}/")
    failure = someone.conversation.get_by_role("alert")
    expect(failure).to_contain_text("The agent reached its limit of steps")
    failure.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Continues the answer above")).to_be_visible()
    someone.wait_for_answer()
    new = runs_of(product, old["conversation"])[-1]
    assert new["continues"]["run"] == old["id"] and new["continues"]["seq"] > 2  # type: ignore[index]
    for _ in range(2):
        expect(page.get_by_text("Continues the answer above")).to_be_visible()
        expect(someone.answers.last).to_contain_text("calculator: 42")
        # What was done before is kept, not done again.
        expect(someone.conversation.get_by_role("button", name=re.compile("Calculat"))).to_have_count(1)
        page.reload()
    page.get_by_role("link", name="the earlier run").click()
    page.wait_for_url(f"**/runs/{old['id']}/")
    product.call("DELETE", f"agents/{agent}/")  # a new chat begins with the youngest agent: not with this one


def test_a_stopped_answer_goes_on(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("Long [[tokens:400 gap:20]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Continues the answer above")).to_be_visible()
    expect(someone.answers).to_have_count(2)
    expect(someone.answers.last).to_contain_text("(40).")
    someone.wait_for_answer(40_000)
    page.reload()
    expect(page.get_by_text("Continues the answer above")).to_be_visible()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    expect(someone.answers).to_have_count(2)
    assert [run["status"] for run in runs_of(product, conversation)] == ["cancelled", "succeeded"]


def test_a_run_is_tried_again_from_one_of_its_steps(person: Callable[..., Person], product: Product) -> None:
    agent = product.agent  # type: ignore[attr-defined]
    made = product.call("POST", "runs/", {"agent": agent, "input": {"text": f"Sum {SUM} [[tokens:70 gap:0]]"}})
    product.wait_for_end(made["id"])
    someone = person()
    page = someone.open(f"/runs/{made['id']}/")
    page.locator("#span-step-2").hover()
    page.get_by_role("button", name="Try again from here, step 2").click()
    page.wait_for_url(lambda url: "/runs/run_" in url and made["id"] not in url)
    new = page.url.rstrip("/").rsplit("/", 1)[-1]
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    expect(page.get_by_role("link", name="an earlier run")).to_have_attribute("href", f"/runs/{made['id']}/")
    assert [row["event"]["type"] for row in product.events(new)].count("tool.requested") == 0
    page.get_by_role("link", name="Open the chat").click()
    page.wait_for_url("**/chats/cnv_*/")
    expect(page.get_by_text("Tried again")).to_be_visible()
    expect(someone.answers.last).to_contain_text("42")


@pytest.mark.parametrize("size", drawn_sizes("steering"))
def test_steering_is_readable_to_all(person: Callable[..., Person], product: Product, size: str) -> None:
    someone = person(viewport=SIZES[size], bypass_csp=True, reduced_motion="reduce")
    page = someone.open("/")
    someone.say("Under way [[tokens:3000 gap:20]]")
    expect(someone.answers.first).to_contain_text("demo model")
    # By keyboard: the choice is one stop, arrows choose.
    page.get_by_role("radio", name="Queue").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Steer")).to_be_checked()
    expect(someone.box).to_have_attribute("placeholder", re.compile("at its next step"))
    found = [f"choosing: {what}" for what in someone.sideways()]
    someone.say(f"{SAID} {'without end ' * 8}{'unbroken' * 20}")
    expect(page.get_by_text(PENDING)).to_be_visible()
    found += someone.findings_in_both_themes("said")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    someone.wait_for_answer()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Continues the answer above")).to_be_visible()
    found += someone.findings_in_both_themes("going on")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_have_count(2)
    assert not found, "\n".join(found)
