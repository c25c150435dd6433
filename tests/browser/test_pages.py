"""Every page, reached in every way, in both themes and on a phone: whole, readable, quiet, and small."""

from __future__ import annotations

import gzip
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.driving import SIZES, Person, drawn_sizes
from tests.fixtures.product import Product, running_product

JAVASCRIPT_LIMIT = 300 * 1024
LONG = (
    "Whoever talks to customers of the Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """An installation in use: chats of several kinds, two versions, runs that ended in different ways."""
    for product in running_product(Path(tmp_path_factory.mktemp("pages")) / "data"):
        agent = product.demo_agent(starters=["What can you do for me?"])
        product.call(
            "PATCH", f"agents/{agent}/", {"instructions": "Help, briefly."}, {"If-Match": etag(product, agent)}
        )
        product.call("POST", f"agents/{agent}/publish/", {"notes": "Shorter"})
        product.call("PATCH", f"agents/{agent}/", {"instructions": "Help."}, {"If-Match": etag(product, agent)})
        text = 'Sum it up [[tool:calculator {"expression":"2+3"}]] | a | b |'
        run = product.call("POST", "runs/", {"agent": agent, "input": {"text": text}})
        product.call(
            "POST", f"conversations/{run['conversation']}/messages/", {"text": "[[fail:429]] [[tokens:1 gap:0]]"}
        )
        product.wait_for_end(run["id"])
        product.call("POST", "api-tokens/", {"name": "Nightly report", "scopes": ["agent.view", "agent.run"]})
        product.call("POST", "groups/", {"name": "Sales", "description": LONG})
        product.call("POST", "roles/", {"name": "Night shift", "description": LONG, "permissions": ["agent.view"]})
        product.call("POST", "service-accounts/", {"name": "Ticket system", "role": "user"})
        product.agent, product.run = agent, run  # type: ignore[attr-defined]
        yield product


def etag(product: Product, agent: str) -> str:
    request = urllib.request.Request(
        f"{product.url}{product.space}agents/{agent}/", headers={"Authorization": f"Bearer {product.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return str(answer.headers["ETag"])


def addresses(product: Product) -> dict[str, str]:
    """Each page's address and a text that only the finished page shows."""
    run = product.run  # type: ignore[attr-defined]
    agent = product.agent  # type: ignore[attr-defined]
    return {
        "/": "What can you do for me?",
        "/chats/": "Sum it up",
        f"/chats/{run['conversation']}/": "demo model",
        "/waiting/": "Nothing waits for you",
        "/agents/": "Helper",
        "/agents/new/": "Create draft",
        f"/agents/{agent}/": "Instructions",
        "/runs/": "Helper",
        f"/runs/{run['id']}/": "Calculator",
        "/usage/": "Today",
        "/providers/": "Demo",
        "/settings/": "General",
        "/settings/profile/": "New address",
        "/settings/security/": "Only your password protects your account",
        "/settings/sessions/": "this one",
        "/settings/tokens/": "Nightly report",
        "/settings/privacy/": "Download my data",
        "/settings/workspace/": "How long things are kept",
        "/settings/members/": "Nobody is invited",
        "/settings/groups/": "Sales",
        "/settings/roles/": "Night shift",
        "/settings/service-accounts/": "Ticket system",
        "/settings/sso/": "No identity provider is set up",
        "/settings/audit/": "The chain is whole",
    }


def wait_for(someone: Person, text: str) -> None:
    main = someone.page.locator("main")
    expect(main.get_by_text(text).locator("visible=true").first).to_be_visible()
    expect(main.locator(".skeleton:visible")).to_have_count(0)
    someone.page.evaluate("document.fonts.ready.then(() => undefined)")


def test_every_screen_is_readable_to_all(person: Callable[..., Person], product: Product) -> None:
    """GOALS U2, U7: axe finds nothing serious, nothing sticks out, the console stays empty."""
    someone = person(bypass_csp=True, reduced_motion="reduce")
    found = []
    for address, text in addresses(product).items():
        someone.open(address)
        wait_for(someone, text)
        found += someone.findings_in_all_looks(address)
    someone.open(f"/agents/{product.agent}/")  # type: ignore[attr-defined]
    someone.page.get_by_role("tab", name="Versions").click()
    expect(someone.page.get_by_text("v1", exact=True)).to_be_visible()
    found += someone.findings_in_all_looks("versions")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("size", drawn_sizes("doors"))
def test_doors_and_what_opens_over_pages_are_readable_to_all(
    person: Callable[..., Person], product: Product, size: str
) -> None:
    """GOALS U2: sign-in, the missing page, dialogs, menus, the palette, an answer under way; in both themes."""
    options = {"viewport": SIZES[size], "bypass_csp": True, "reduced_motion": "reduce"}
    stranger = person(signed_in=False, **options)
    page = stranger.open("/sign-in/")
    expect(page.get_by_label("Password")).to_be_visible()
    found = stranger.findings_in_both_themes("sign-in")
    someone = person(**options)
    someone.refusals = {404}
    page = someone.open("/nothing-here/")
    expect(page.get_by_text("There is no page here")).to_be_visible()
    expect(page).to_have_title(re.compile("Agent platform"))
    found += someone.findings_in_both_themes("404")
    page = someone.open("/providers/")
    page.get_by_role("button", name="Add provider").first.click()
    expect(page.get_by_role("dialog").get_by_label("Provider")).to_be_visible()
    found += someone.findings_in_both_themes("provider dialog")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()
    found += someone.findings_in_both_themes("palette")
    page = someone.open("/")
    someone.say("Under way [[tokens:2000 gap:20]]")
    expect(someone.answers.first).to_contain_text("demo model")
    someone.box.fill("The next one")
    found += someone.findings_in_both_themes("answering")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. The text up to here is kept.")).to_be_visible()
    found += someone.findings_in_both_themes("stopped")
    assert not found, "\n".join(found)


def test_nothing_scrolls_sideways_or_out_of_its_frame_on_the_smallest_phone(
    person: Callable[..., Person], product: Product
) -> None:
    """GOALS U7. What is there for screen readers alone makes no page longer, else all of it scrolls out of sight."""
    someone = person(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    found = []
    for address, text in addresses(product).items():
        someone.open(address)
        wait_for(someone, text)
        found += [f"{address}: {what}" for what in someone.sideways()]
        if someone.page.evaluate("document.documentElement.scrollHeight > innerHeight"):
            found.append(f"{address}: the page itself scrolls")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("what", ["the network", "the server"])
def test_a_page_that_cannot_be_fetched_is_waited_for(
    person: Callable[..., Person], new_product: Callable[..., Product], what: str
) -> None:
    """The browser's own page for no connection never takes the client's place; a tap fetches nothing beforehand."""
    product = new_product()
    product.demo_agent()
    someone = person(product)
    someone.away = True
    page = someone.open("/chats/")
    expect(page.get_by_role("heading", name="Chats")).to_be_visible()
    if what == "the network":
        someone.context.set_offline(True)
    else:
        product.kill()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Usage").dispatch_event("click")
    expect(page.get_by_text("The page opens once it is back")).to_be_visible()
    expect(page.get_by_role("heading", name="Chats")).to_be_visible()
    if what == "the network":
        someone.context.set_offline(False)
    else:
        product.start()
    expect(page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()


def test_deep_links_and_reloads(person: Callable[..., Person], product: Product) -> None:
    """Every address opens by itself, with its policy in force and nothing in the console."""
    someone = person()
    for address, text in addresses(product).items():
        answer = someone.page.goto(address)
        assert answer is not None and answer.status == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        wait_for(someone, text)
        someone.page.reload()
        wait_for(someone, text)
    assert someone.foreign_requests() == []


def test_links_load_no_page_anew(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    page = someone.open("/")
    wait_for(someone, "What can you do for me?")
    page.evaluate("window.stillHere = true")
    menu = page.get_by_role("navigation", name="Main")
    for name, address in {
        "Waiting for you": "/waiting/",
        "Agents": "/agents/",
        "Runs": "/runs/",
        "Usage": "/usage/",
        "Models": "/providers/",
        "Chats": "/chats/",
    }.items():
        menu.get_by_role("link", name=name).click()
        page.wait_for_url(f"**{address}")
        wait_for(someone, addresses(product)[address])
    page.locator("main").get_by_role("link", name=re.compile("Sum it up")).click()
    page.wait_for_url("**/chats/cnv_*/")
    wait_for(someone, "demo model")
    someone.conversation.get_by_role("link", name="trace").first.click()
    page.wait_for_url("**/runs/run_*/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Agents").click()
    page.locator("main").get_by_role("link", name=re.compile("Helper")).first.click()
    page.wait_for_url("**/agents/agt_*/")
    wait_for(someone, "Try the draft")
    page.go_back()
    page.wait_for_url("**/agents/")
    assert page.evaluate("window.stillHere") is True


def test_a_missing_page_is_a_404(person: Callable[..., Person], product: Product) -> None:
    someone = person()
    someone.refusals = {404}
    answer = someone.page.goto("/no/such/page/")
    assert answer is not None and answer.status == 404
    someone.page.get_by_role("link", name="Go to chat").click()
    expect(someone.box).to_be_visible()


def test_the_chat_page_is_light(browser: Browser, person: Callable[..., Person], product: Product) -> None:
    """GOALS U1: JavaScript over the wire, a cold cache, a saved chat with Markdown on screen."""
    someone = person()
    wire = someone.context.new_cdp_session(someone.page)
    wire.send("Network.enable")
    kinds: dict[str, str] = {}
    sizes: dict[str, float] = {}
    wire.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    wire.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    run = product.run  # type: ignore[attr-defined]
    someone.open(f"/chats/{run['conversation']}/")
    wait_for(someone, "demo model")
    someone.page.wait_for_load_state("networkidle")
    total = sum(size for request, size in sizes.items() if kinds.get(request) == "Script")
    ready = someone.page.evaluate("Math.round(performance.getEntriesByType('paint').at(-1)?.startTime ?? 0)")
    print(f"U1: {total / 1024:.0f} KB of JavaScript, first paint after {ready} ms")
    assert 0 < total <= JAVASCRIPT_LIMIT, f"{total / 1024:.0f} KB"


def test_hashed_files_are_packed_and_kept_for_good(product: Product) -> None:
    with urllib.request.urlopen(f"{product.url}/sign-in/") as answer:
        page = answer.read().decode()
    scripts = sorted(set(re.findall(r'/_next/static/[^"\\]+\.js', page)))
    assert scripts
    for script in scripts:
        request = urllib.request.Request(product.url + script, headers={"Accept-Encoding": "gzip, br"})
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
            packed = answer.headers["Content-Encoding"]
            assert "immutable" in answer.headers["Cache-Control"]
        if len(body) > 1_000:
            assert packed in ("br", "gzip"), script
            if packed == "gzip":
                assert gzip.decompress(body)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{product.url}/_next/static/chunks/nothing.js")
