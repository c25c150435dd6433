"""Answers under way: reloaded, killed, stopped, interrupted, cut off from the network (GOALS U3, U4, U5)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.driving import Person, assistant_texts, letters
from tests.fixtures.product import Product

#: Also this machine, but not by a name that tells.
ELSEWHERE = "127.0.0.2"
RELOADS = 20 if os.environ.get("FULL") else 8

# Reports every text that the answer ever shows, whatever the page does in between.
WATCH = """
  let last = null;
  const look = () => {
    const answers = [...document.querySelectorAll('[aria-label="Conversation"] .prose')];
    const text = answers.map((one) => one.textContent).join('');
    if (text && text !== last) { last = text; shown(text); }
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
"""

# Notes in the page itself when somebody asked to stop, and when it said so: who looks from outside looks once a second.
CLOCK = """() => {
  window.asked = window.told = 0;
  const ask = () => { window.asked ||= performance.now(); };
  addEventListener('pointerdown', ask, true);
  addEventListener('keydown', ask, true);
  new MutationObserver(() => {
    const said = document.body.textContent.includes('Stopped. The text up to here is kept.');
    if (window.asked && said) window.told ||= performance.now();
  }).observe(document, { subtree: true, childList: true, characterData: true });
}"""


def run_of(product: Product, conversation: str) -> dict[str, Any]:
    (run,) = product.call("GET", f"runs/?conversation={conversation}")["results"]
    return dict(run)


def watch(someone: Person) -> list[str]:
    shown: list[str] = []
    someone.context.expose_function("shown", lambda text: shown.append(text))
    someone.context.add_init_script(WATCH)
    return shown


def assert_prefixes(shown: list[str], final: str) -> None:
    whole = letters(final)
    for text in shown:
        assert whole.startswith(letters(text)), f"not a beginning of the answer: …{text[-200:]}"


def test_reloads_show_only_beginnings_of_the_answer(person: Callable[..., Person], product: Product) -> None:
    """GOALS U3"""
    someone = person()
    shown = watch(someone)
    someone.away = True  # a reload cuts the socket, and Chromium may say so
    page = someone.open("/")
    # Longer than the reloads take on a slow machine; stopped when they are through.
    someone.say("Count along [[tokens:9000 gap:16]]")
    conversation = someone.chat_id()
    with_text = 0
    for _ in range(RELOADS):
        page.reload()
        expect(someone.answers.first).to_contain_text("demo model")
        with_text += someone.page.get_by_text("Answer complete").count() == 0
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    (final,) = assistant_texts(product, conversation)
    assert with_text == RELOADS, "the answer was over before the reloads were"
    assert len({letters(text) for text in shown}) > 2 * RELOADS
    assert_prefixes(shown, final)
    assert letters(someone.answers.inner_text()) == letters(final)


def test_incident_3_6_a_killed_server_comes_back_with_the_whole_answer(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    """GOALS U4; INCIDENTS 3.6"""
    product = new_product()
    product.demo_agent()
    someone = person(product)
    shown = watch(someone)
    someone.open("/")
    someone.say("Go on [[tokens:240 gap:25]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    someone.away = True
    product.kill()
    expect(someone.page.get_by_text("Reconnecting")).to_be_visible()
    killed_after = len(shown)
    product.start()
    expect(someone.page.get_by_text("Continued after a restart (attempt 2)")).to_be_visible(timeout=30_000)
    someone.wait_for_answer()
    product.sign_in()
    (final,) = assistant_texts(product, conversation)
    assert_prefixes(shown[:killed_after], final)
    assert letters(someone.answers.inner_text()) == letters(final)
    run = run_of(product, conversation)
    assert (run["status"], run["attempts"]) == ("succeeded", 2)


@pytest.mark.parametrize("how", ["button", "key"])
def test_stop_keeps_what_was_seen(person: Callable[..., Person], product: Product, how: str) -> None:
    """GOALS U5"""
    someone = person()
    page = someone.open("/")
    someone.say("Talk for long [[tokens:3000 gap:10]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(100).")
    seen = someone.answers.inner_text()
    page.evaluate(CLOCK)
    if how == "button":
        page.get_by_role("button", name="Stop", exact=True).click()
    else:
        page.keyboard.press("Escape")
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    took = page.evaluate("told - asked")
    print(f"U5: said to be stopped after {took:.0f} ms")
    assert took < 1_500
    (final,) = assistant_texts(product, conversation)
    assert letters(final).startswith(letters(seen))
    assert letters(someone.answers.inner_text()) == letters(final)
    assert run_of(product, conversation)["status"] == "cancelled"


def test_the_next_message_waits_or_interrupts(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("A long one [[tokens:3000 gap:10]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    choice = page.get_by_role("radiogroup", name="The next message")
    expect(choice.get_by_role("radio", name="Queue")).to_be_checked()
    someone.say("Waits for its turn")
    expect(page.get_by_text("Queued: it starts when the answer above is done")).to_be_visible()
    choice.get_by_text("Interrupt").click()
    someone.say("Comes first")
    expect(page.get_by_text("Interrupted the answer above")).to_be_visible()
    expect(someone.answers.last).to_contain_text("Comes first")
    someone.wait_for_answer()
    runs = product.call("GET", f"runs/?conversation={conversation}")["results"]
    assert [run["status"] for run in sorted(runs, key=lambda run: run["created_at"])] == [
        "cancelled",
        "cancelled",
        "succeeded",
    ]
    # What was said live is said of the saved chat, too: of the message that interrupted, and of no other.
    page.reload()
    first = page.get_by_role("region", name="Question: A long one")
    queued = page.get_by_role("region", name="Question: Waits for its turn")
    interrupting = page.get_by_role("region", name="Question: Comes first")
    expect(interrupting.get_by_text("Interrupted the answer above")).to_be_visible()
    expect(first.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    expect(queued.get_by_text("Stopped before the first word.")).to_be_visible()
    expect(page.get_by_text("Interrupted the answer above")).to_have_count(1)


def test_a_message_that_waited_for_a_stop_did_not_interrupt(person: Callable[..., Person], product: Product) -> None:
    """The runs look alike when they are over: one was stopped, the next began. Only its journal knows how it was sent."""
    someone = person()
    page = someone.open("/")
    someone.say("Stopped by hand [[tokens:3000 gap:10]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    someone.say("Was only queued [[tokens:5 gap:0]]")
    expect(page.get_by_text("Queued: it starts when the answer above is done")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    someone.wait_for_answer()
    last = product.call("GET", f"conversations/{conversation}/messages/")["results"][-1]["run"]
    with page.expect_response(re.compile(f"/runs/{last}/events/")) as asked:
        page.reload()
    assert asked.value.ok
    queued = page.get_by_role("region", name="Question: Was only queued")
    expect(queued.locator(".prose")).to_contain_text("demo model")
    expect(page.get_by_text("Interrupted the answer above")).to_have_count(0)


def test_a_tool_is_one_line_that_opens(person: Callable[..., Person]) -> None:
    someone = person()
    page = someone.open("/")
    someone.say('What is it? [[tool:calculator {"expression":"2+3"}]]')
    row = someone.conversation.get_by_role("button", name=re.compile("Calculat"))
    expect(row).to_contain_text("done")
    row.click()
    expect(page.get_by_label("Result", exact=True)).to_contain_text("5")


def test_what_is_opened_at_the_end_stays_where_it_was(person: Callable[..., Person]) -> None:
    """The view goes along with what the agent writes, not with what the reader opens."""
    someone = person(viewport={"width": 1280, "height": 640})
    page = someone.open("/")
    someone.say('Count [[tool:calculator {"expression":"6*7"}]] [[tokens:60 gap:0]]')
    someone.wait_for_answer()
    row = someone.conversation.get_by_role("button", name=re.compile("Calculator"))
    row.click()
    expect(someone.conversation.get_by_label("Result", exact=True)).to_have_text("42")
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    expect(row).to_be_in_viewport(ratio=1)


def test_text_from_right_to_left_begins_at_the_right(person: Callable[..., Person]) -> None:
    """Each paragraph runs as its own text is written; the demo model quotes what it is told."""
    someone = person()
    someone.open("/")
    someone.say("مرحبا، كيف حالك اليوم؟ [[tokens:40 gap:0]]")
    someone.wait_for_answer()
    expect(someone.conversation.locator(".prose blockquote")).to_have_css("direction", "rtl")
    expect(someone.conversation.locator(".prose p").first).to_have_css("direction", "ltr")
    expect(someone.conversation.get_by_text("مرحبا").first).to_have_css("direction", "rtl")


def test_a_failure_is_told_in_words(person: Callable[..., Person]) -> None:
    someone = person()
    page = someone.open("/")
    someone.say("[[fail:401]]")
    expect(someone.conversation.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_incident_3_1_offline_is_said_and_nothing_is_lost(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    """INCIDENTS 3.1"""
    product = new_product(environment={"AAP_BIND": ELSEWHERE, "AAP_ALLOWED_HOSTS": ELSEWHERE})
    product.demo_agent()
    someone = person(product)
    someone.away = True
    someone.open("/")
    someone.say("While I am away [[tokens:240 gap:25]]")
    conversation = someone.chat_id()
    expect(someone.answers.first).to_contain_text("(20).")
    someone.context.set_offline(True)
    expect(someone.page.get_by_text("Offline: the answer goes on without you")).to_be_visible()
    someone.context.set_offline(False)
    someone.wait_for_answer()
    expect(someone.page.get_by_text("Offline: the answer goes on without you")).to_be_hidden()
    (final,) = assistant_texts(product, conversation)
    assert letters(someone.answers.inner_text()) == letters(final)


def test_nobody_is_offline_from_a_server_on_their_own_machine(person: Callable[..., Person]) -> None:
    """A laptop on a train: the browser says that there is no network, and the answer goes on arriving."""
    someone = person()
    someone.open("/")
    someone.say("There is no network [[tokens:240 gap:25]]")
    expect(someone.answers.first).to_contain_text("(40).")
    # Playwright's own switch would cut the way to this machine too.
    someone.page.evaluate("Object.defineProperty(navigator, 'onLine', {value: false})")
    someone.page.evaluate("dispatchEvent(new Event('offline'))")
    expect(someone.answers.first).to_contain_text("(160).")  # long enough for a chip to be shown
    expect(someone.page.get_by_text("Offline")).to_be_hidden()
    someone.wait_for_answer()


def test_a_message_sent_offline_stays_in_the_box(person: Callable[..., Person]) -> None:
    someone = person()
    someone.away = True
    someone.open("/")
    expect(someone.conversation.get_by_text("Helper")).to_be_visible()
    someone.context.set_offline(True)
    someone.say("Not lost")
    expect(someone.page.get_by_text("Not sent.")).to_be_visible()
    expect(someone.box).to_have_value("Not lost")
    someone.context.set_offline(False)
    someone.box.press("Enter")
    expect(someone.answers.first).to_contain_text("Not lost")


def test_older_messages_are_loaded_above(person: Callable[..., Person], product: Product) -> None:
    agent = product.agent  # type: ignore[attr-defined]
    conversation = product.call("POST", "conversations/", {"agent": agent})["id"]
    run = ""
    for number in range(40):
        body = {"text": f"Question number {number} [[tokens:3 gap:0]]"}
        run = product.call("POST", f"conversations/{conversation}/messages/", body)["run"]
    product.wait_for_end(run)
    someone = person()
    page = someone.open(f"/chats/{conversation}/")
    expect(someone.conversation.get_by_text("Question number 39", exact=False).first).to_be_visible()
    assert someone.conversation.get_by_text("Question number 0 ").count() == 0
    someone.conversation.focus()
    someone.conversation.evaluate("box => box.scrollTo({top: 0})")
    expect(someone.conversation.get_by_text("Question number 0 ").first).to_be_attached()
    questions = page.get_by_role("region", name=re.compile("^Question: Question number"))
    expect(questions).to_have_count(40)
    # What the reader looked at stays in view: the list grew above it.
    assert someone.conversation.evaluate("box => box.scrollTop") > 120
