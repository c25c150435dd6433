"""Runs that wait for a person: asked in the chat, on the run's page and in the list of all that waits."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.driving import Person, drawn_sizes
from tests.fixtures.counter import CountingService, counting_service
from tests.fixtures.product import Product, running_product

SIZES = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 360, "height": 740}}
PLAIN = " [[tokens:60 gap:0]]"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One installation whose agent may ask people."""
    for product in running_product(Path(tmp_path_factory.mktemp("decisions")) / "data"):
        product.agent = product.demo_agent(tools=["ask_person", "calculator"])  # type: ignore[attr-defined]
        yield product


@pytest.fixture(autouse=True)
def nothing_left(product: Product) -> Iterator[None]:
    """Each test begins with nothing that waits."""
    yield
    for decision in product.call("GET", "decisions/?status=open")["results"]:
        product.call("POST", f"runs/{decision['run']}/cancel/", {})
        product.wait_for_end(decision["run"])


def ask(question: str, *options: str) -> str:
    arguments = {"question": question, **({"options": list(options)} if options else {})}
    return f"Ask me [[tool:ask_person {json.dumps(arguments)}]]{PLAIN}"


def open_card(page: Page) -> Locator:
    return page.locator('[data-decision="open"]')


def begin(product: Product, text: str) -> dict[str, Any]:
    """A run that has put its question."""
    agent = product.agent  # type: ignore[attr-defined]
    run: dict[str, Any] = product.call("POST", "runs/", {"agent": agent, "input": {"text": text}})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := product.call("GET", f"decisions/?status=open&run={run['id']}")["results"]:
            return {**run, "decision": found[0]["id"]}
        time.sleep(0.05)
    raise AssertionError("nothing was asked")


def resolve(product: Product, run: dict[str, Any], resolution: str, result: str = "") -> None:
    body = {"resolution": resolution, **({"result": result} if result else {})}
    product.call("POST", f"decisions/{run['decision']}/resolve/", body)


def test_a_question_is_answered_with_a_button(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say(ask("Red or blue?", "red", "blue"))
    card = open_card(page)
    expect(card.get_by_role("heading", name="Red or blue?")).to_be_visible()
    expect(card).to_contain_text("Waiting for you")
    expect(page.get_by_role("status").get_by_text("Waiting for you")).to_be_attached()
    expect(someone.answers).to_have_count(0)
    expect(page.get_by_text("Working")).to_have_count(0)
    # What waits is not stopped by leaving a field.
    card.get_by_label("Or in your own words").press("Escape")
    card.get_by_role("button", name="blue").click()
    someone.wait_for_answer()
    expect(open_card(page)).to_have_count(0)
    expect(someone.box).to_be_focused()
    expect(page.get_by_text("after a restart")).to_have_count(0)
    for _ in range(2):
        row = someone.conversation.get_by_role("button", name=re.compile("Red or blue"))
        expect(row).to_contain_text("blue")
        expect(row).to_contain_text("answered")
        expect(someone.answers.last).to_contain_text("ask_person: blue")
        page.reload()


def test_a_question_is_answered_in_own_words_by_keyboard(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say(ask("Which colour?", "red", "blue"))
    box = open_card(page).get_by_label("Or in your own words")
    expect(box).to_be_visible()
    expect(someone.box).to_be_focused()  # a card that comes does not take the focus from whoever writes
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if box.evaluate("box => box === document.activeElement"):
            break
    expect(box).to_be_focused()
    page.keyboard.type("green,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("or none")
    expect(box).to_have_value("green,\nor none")
    page.keyboard.press("Enter")
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("green, or none")
    expect(someone.box).to_be_focused()


def test_nobody_has_to_answer(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say(ask("Your salary?"))
    open_card(page).get_by_role("button", name="Rather not say").click()
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("The person chose not to answer")
    row = someone.conversation.get_by_role("button", name=re.compile("Your salary"))
    expect(row).to_contain_text("not answered")


def test_a_reload_while_it_waits_changes_nothing(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say(ask("What is the address?"))
    someone.chat_id()
    open_card(page).get_by_label("Your answer").fill("Half an answ")
    page.reload()
    box = open_card(page).get_by_label("Your answer")
    expect(box).to_have_value("Half an answ")
    expect(page.get_by_text("Catching up")).to_have_count(0)
    time.sleep(1.2)  # what takes longer than a blink is said then
    expect(page.get_by_text("Catching up")).to_have_count(0)
    box.fill("Mill Lane 3")
    box.press("Enter")
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("Mill Lane 3")
    expect(page.get_by_text("after a restart")).to_have_count(0)


def test_of_two_tabs_one_decides(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    first = someone.open("/")
    someone.say(ask("Red or blue?", "red", "blue"))
    conversation = someone.chat_id()
    expect(open_card(first)).to_be_visible()
    second = someone.context.new_page()
    second.goto(f"/chats/{conversation}/")
    open_card(second).get_by_label("Or in your own words").fill("rather green")
    open_card(first).get_by_role("button", name="red").click()
    someone.wait_for_answer()
    expect(second.get_by_text("Answer complete")).to_be_attached()
    expect(open_card(second)).to_have_count(0)
    # What was being written there is not lost, and not taken for an answer either.
    told = second.locator('[data-decision="decided"]')
    expect(told).to_contain_text("You answered: “red”")
    expect(told).to_contain_text("You had written: rather green")
    told.get_by_role("button", name="Put away").click()
    expect(told).to_have_count(0)
    expect(second.locator("[data-composer]")).to_be_focused()
    expect(first.locator('[data-decision="decided"]')).to_have_count(0)


@pytest.mark.parametrize("how", ["resolved", "expired"])
def test_whoever_comes_second_is_told_so(person: Callable[..., Person], product: Product, how: str) -> None:
    run = begin(product, ask("Red or blue?", "red", "blue"))
    someone = person()
    someone.refusals = {409}
    someone.page.route_web_socket("**/ws/v1/", lambda _: None)  # a tab that hears nothing of what others do
    page = someone.open("/waiting/")
    open_card(page).get_by_label("Or in your own words").fill("green")
    if how == "resolved":
        resolve(product, run, "answer", "red")
    else:
        product.call("POST", f"runs/{run['id']}/cancel/", {})
    product.wait_for_end(run["id"])
    open_card(page).get_by_role("button", name="Send answer").click()
    told = page.get_by_role("main").locator('[data-decision="decided"]')
    expect(told).to_contain_text(
        "You answered: “red”" if how == "resolved" else "The run ended before this was decided."
    )
    expect(told).to_contain_text("What you chose here was not used.")
    expect(told).to_contain_text("You had written: green")
    expect(told).to_be_focused()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert len(product.call("GET", f"decisions/?run={run['id']}")["results"]) == 1


def test_an_answer_that_was_not_sent_stays(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    someone.away = True
    page = someone.open("/")
    someone.say(ask("The address?"))
    someone.chat_id()
    box = open_card(page).get_by_label("Your answer")
    box.fill("Mill Lane 3")
    someone.context.set_offline(True)
    box.press("Enter")
    expect(open_card(page).get_by_text("Not decided.")).to_be_visible()
    expect(box).to_have_value("Mill Lane 3")
    someone.context.set_offline(False)
    box.press("Enter")
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("Mill Lane 3")


def test_stop_ends_what_waits(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    someone.say(ask("Red or blue?", "red"))
    expect(open_card(page)).to_be_visible()
    page.keyboard.press("Escape")
    time.sleep(0.3)
    expect(open_card(page)).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped before the first word.")).to_be_visible()
    expect(open_card(page)).to_have_count(0)


def test_what_was_asked_before_the_page_listened_is_listed_too(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    held: list[Callable[[], None]] = []
    listening = False

    def between(page_side: Any) -> None:
        server_side = page_side.connect_to_server()

        def pass_on(message: Any) -> None:
            if not listening and '"topic"' in message:
                held.append(lambda: server_side.send(message))
            else:
                server_side.send(message)

        page_side.on_message(pass_on)

    someone.page.route_web_socket(re.compile("/ws/v1/"), between)
    page = someone.open("/waiting/")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    run = begin(product, ask("Are you there?"))
    deadline = time.monotonic() + 30
    while not held:  # the page says what it wants to hear once it is signed in at the socket
        assert time.monotonic() < deadline, "the page follows no topic"
        page.wait_for_timeout(50)
    listening = True
    for send in held:
        send()
    expect(page.locator("main").get_by_role("heading", level=2)).to_have_text(["Are you there?"])
    page.get_by_role("button", name="Rather not say").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert product.wait_for_end(run["id"])["status"] == "succeeded"


def test_all_that_waits_is_listed_and_decided_there(person: Callable[..., Person], product: Product) -> None:
    older = begin(product, ask("What is the address?"))
    someone = person()
    page = someone.open("/waiting/")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("Waiting for you"))
    expect(link).to_contain_text("1 open")
    # What comes meanwhile comes by itself, the newest first.
    newer = begin(product, ask("Red or blue?", "red", "blue"))
    expect(page.locator("main").get_by_role("heading", level=2)).to_have_text(["Red or blue?", "What is the address?"])
    expect(link).to_contain_text("2 open")
    first, second = open_card(page).nth(0), open_card(page).nth(1)
    expect(first.get_by_role("link", name="Open the chat")).to_have_attribute(
        "href", f"/chats/{newer['conversation']}/"
    )
    expect(second.get_by_role("link", name="Open the run")).to_have_attribute("href", f"/runs/{older['id']}/")
    first.get_by_role("button", name="red").focus()
    page.keyboard.press("Enter")
    expect(page.locator("main").get_by_role("heading", level=2)).to_have_text(["What is the address?"])
    expect(open_card(page)).to_be_focused()
    expect(link).to_contain_text("1 open")
    # Decided elsewhere: it goes by itself.
    resolve(product, older, "decline")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    expect(open_card(page)).to_have_count(0)
    expect(link).not_to_contain_text("open")
    for run in (older, newer):
        assert product.wait_for_end(run["id"])["status"] == "succeeded"


def test_lists_and_the_runs_page_say_that_it_waits(person: Callable[..., Person], product: Product) -> None:
    run = begin(product, ask("Red or blue?", "red", "blue"))
    # A message behind it does not hide that it waits.
    path = f"conversations/{run['conversation']}/messages/"
    product.call("POST", path, {"text": "And then [[tokens:5 gap:0]]"})
    someone = person()
    page = someone.open("/chats/")
    row = page.locator("main").get_by_role("listitem").filter(has_text="Red or blue").first
    expect(row).to_contain_text("Waiting for you")
    expect(page.get_by_role("region", name="Recent chats").get_by_label("Waiting for you")).to_have_count(1)
    page.goto("/runs/")
    expect(page.get_by_role("region", name="Runs").get_by_text("Waiting for you")).to_be_visible()
    page.get_by_label("State").select_option("Waiting")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("row").last.get_by_role("link").click()
    page.wait_for_url("**/runs/run_*/")
    expect(page.get_by_role("button", name=re.compile("^Waited for a person"))).to_be_visible()
    open_card(page).get_by_role("button", name="blue").click()
    expect(open_card(page)).to_have_count(0)
    expect(page.get_by_text("Succeeded").first).to_be_visible()


@pytest.mark.parametrize("size", drawn_sizes("waiting"))
def test_what_waits_is_readable_to_all(person: Callable[..., Person], product: Product, size: str) -> None:
    long = "Which of these should it be? " * 12
    run = begin(product, ask(long, "red", "a very long answer " * 9, "unbroken" * 20))
    begin(product, ask("What is the address?"))
    options = {"viewport": SIZES[size], "bypass_csp": True, "reduced_motion": "reduce"}
    someone = person(**options, **({"has_touch": True, "is_mobile": True} if size == "phone" else {}))
    found = []
    for address, count in ((f"/chats/{run['conversation']}/", 1), ("/waiting/", 2), (f"/runs/{run['id']}/", 1)):
        page = someone.open(address)
        expect(open_card(page)).to_have_count(count)
        found += someone.findings_in_both_themes(address)
    page = someone.open("/waiting/")
    for _ in range(2):
        expect(open_card(page).first).to_be_visible()
        left = open_card(page).count()
        open_card(page).first.get_by_role("button", name="Rather not say").click()
        expect(open_card(page)).to_have_count(left - 1)
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    found += someone.findings_in_both_themes("empty")
    assert not found, "\n".join(found)


# --- What nobody knows ---------------------------------------------------------------------------------------------------


@pytest.fixture
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        yield service


def test_a_call_that_was_cut_is_put_to_a_person(
    person: Callable[..., Person], new_product: Callable[..., Product], counter: CountingService
) -> None:
    product = new_product(
        environment={"DJANGO_SETTINGS_MODULE": "tests.settings_with_tools", "AAP_TEST_COUNTER": counter.url}
    )
    product.agent = product.demo_agent(tools=["count_once"])  # type: ignore[attr-defined]
    someone = person(product)
    someone.away = True
    page = someone.open("/")
    chats = {}
    for number, choice in enumerate(("happened", "again", "stop"), start=1):
        page.goto("/")
        someone.say(f"Count {choice} [[tool:count_once {{}}]]{PLAIN}")
        chats[choice] = someone.chat_id()
        counter.wait_for(number)
    product.kill()
    product.start()
    counter.gate.set()
    page.goto(f"/chats/{chats['happened']}/")
    card = open_card(page)
    expect(card.get_by_role("heading", name="Did “Count once” take effect?")).to_be_visible()
    expect(card).to_contain_text("nobody knows whether it took effect")
    expect(card.get_by_role("button")).to_have_text(["It happened", "It did not, run it again", "Stop"])
    expect(page.get_by_text("Continued after a restart (attempt 2)")).to_be_visible()
    assert counter.calls.total() == 3, "nothing is repeated before a person says so"
    card.get_by_label("What came of it").fill("The counter stands at 3")
    card.get_by_role("button", name="It happened").click()
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("The counter stands at 3")
    expect(page.get_by_text("(attempt 2)")).to_have_count(1)  # deciding was no restart

    page.goto(f"/chats/{chats['again']}/")
    open_card(page).get_by_role("button", name="It did not, run it again").click()
    someone.wait_for_answer()
    expect(someone.answers.last).to_contain_text("counted call_")
    assert counter.calls.total() == 4

    page.goto(f"/chats/{chats['stop']}/")
    open_card(page).get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped before the first word.")).to_be_visible()
    expect(someone.conversation.get_by_role("button", name=re.compile("Count once"))).to_contain_text("outcome unknown")
    assert counter.calls.total() == 4
