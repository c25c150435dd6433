"""The operator admin in a real browser: readable to all, quiet under its policy, usable by keyboard.

`make test` looks at each page in one of the four looks, drawn by `SEED`; `make test-all` at each page in all of them.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.driving import LOOKS, Person, drawn_sizes
from tests.fixtures.fleet import wait_until
from tests.fixtures.product import EMAIL, PASSWORD, Product
from tests.fixtures.vendor import Vendor

SEED = int(os.environ.get("SEED", "7"))
MODELS = {
    "accounts": {
        *("apitoken", "customrole", "loginsession", "outgoingmail", "scimuser", "serviceaccount", "ssoconnection"),
        *("ssodomain", "ssoidentity", "user", "workspace", "workspacegroup"),
    },
    "agents": {
        *("agent", "agentgroupgrant", "agentusergrant", "agentversion", "conversationgroupgrant"),
        *("conversationusergrant", "decision", "run"),
    },
    "audit": {"auditentry", "auditretention"},
    "llm_providers": {
        *("languagemodel", "price", "provider", "providergroupgrant", "providerusergrant", "usagerecord"),
    },
    "privacy": {"erasure", "retention"},
}
# What an installation in use need not have; their pages are looked at when they do.
MAY_BE_EMPTY = {
    *(
        "auditretention",
        "erasure",
        "outgoingmail",
        "retention",
        "scimuser",
        "ssoconnection",
        "ssodomain",
        "ssoidentity",
    ),
    *("agentgroupgrant", "agentusergrant", "conversationgroupgrant", "conversationusergrant", "providergroupgrant"),
    "providerusergrant",
}


@pytest.fixture(scope="module")
def product(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """An installation in use, with a row of everything that the admin shows."""
    with Vendor() as vendor:
        environment = {"AAP_RATE_LIMITS": "off", "AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}"}
        product = Product(data=Path(tmp_path_factory.mktemp("admin")) / "data", environment=environment)
        product.data.mkdir()
        product.manage("collectstatic", "--noinput")
        try:
            product.start().set_up()
            agent = product.demo_agent(tools=["calculator", "ask_person"])
            address = f"http://127.0.0.1:{vendor.port}/v1"
            body = {"kind": "openai_compatible", "name": "Vendor", "base_url": address, "api_key": vendor.key}
            product.call("POST", "providers/", body)
            text = 'Sum it up [[tool:calculator {"expression":"2+3"}]]'
            product.wait_for_end(product.call("POST", "runs/", {"agent": agent, "input": {"text": text}})["id"])
            asking = {"agent": agent, "input": {"text": '[[tool:ask_person {"question": "Go on?"}]]'}}
            product.call("POST", "runs/", asking)
            wait_until(lambda: product.call("GET", "decisions/?status=open")["results"], "nothing was asked")
            product.call("POST", "groups/", {"name": "Support"})
            role = {"name": "Analyst", "permissions": ["workspace.view", "agent.view"]}
            product.call("POST", "roles/", role)
            product.call("POST", "service-accounts/", {"name": "Nightly", "role": "user"})
            product.call("POST", "api-tokens/", {"name": "Script", "scopes": ["agent.view"]})
            operator = Person(browser, product)
            add_price(enter(operator))
            product.pages = pages(operator)  # type: ignore[attr-defined]
            assert operator.complaints() == []
            operator.close()
            yield product
        finally:
            product.stop()


def enter(operator: Person) -> Page:
    page = operator.open("/admin/login/?next=/admin/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Is everything well?")).to_be_visible()
    return page


def add_price(page: Page) -> None:
    """By keyboard alone."""
    page.goto("/admin/llm_providers/price/add/")
    page.get_by_role("combobox", name="Model").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("echo")
    expect(page.get_by_role("option")).to_have_text(["echo-1"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Model")).to_contain_text("echo-1")
    page.get_by_label("Input", exact=False).first.fill("1.50")
    page.get_by_label("Output").fill("2.50")
    page.keyboard.press("Enter")
    expect(page.get_by_text("was added successfully")).to_be_visible()


def pages(operator: Person) -> list[str]:
    """The index, each model's list, a row's page, its deletion and its history, and the form for a new row."""

    def read(address: str) -> str:
        answer = operator.context.request.get(address)
        assert answer.ok, f"{address}: {answer.status}"
        return answer.text()

    lists = sorted(set(re.findall(r'href="(/admin/\w+/\w+/)"', read("/admin/"))))
    assert lists == [f"/admin/{app}/{model}/" for app in sorted(MODELS) for model in sorted(MODELS[app])]
    found = ["/admin/", *sorted({f"/admin/{app}/" for app in MODELS}), "/admin/password_change/"]
    for address in lists:
        content = read(address)
        row = re.search(rf'href="({address}[^"/]+)/change/', content)
        if row is None:
            assert address.split("/")[3] in MAY_BE_EMPTY, f"{address} shows no row"
            found.append(address)
            continue
        found += [address, f"{row[1]}/change/", f"{row[1]}/history/"]
        found += [f"{address}add/"] if f'href="{address}add/' in content else []
        found += [f"{row[1]}/delete/"] if f'{row[1]}/delete/"' in read(f"{row[1]}/change/") else []
    return found


def visit(someone: Person, address: str) -> None:
    answer = someone.page.goto(address)
    assert answer is not None and answer.status == 200, address
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.fixture
def operator(person: Callable[..., Person]) -> Callable[..., Person]:
    def make(look: str) -> Person:
        theme, size = LOOKS[look]
        someone = person(signed_in=False, color_scheme=theme, viewport=size, reduced_motion="reduce")
        enter(someone)
        return someone

    return make


def test_each_page_is_readable_in_a_look(operator: Callable[..., Person], product: Product) -> None:
    """GOALS U2, U7: a twelfth of the sweep below, without deletions and histories."""
    draw = random.Random(SEED)
    operators = {look: operator(look) for look in LOOKS}
    found = []
    for address in product.pages:  # type: ignore[attr-defined]
        if address.endswith(("/delete/", "/history/")):
            continue
        if draw.random() > 1 / 3:
            continue
        look = draw.choice(list(LOOKS))
        visit(operators[look], address)
        found += operators[look].findings(f"{address}, {look}")
    assert not found, "\n".join(found)
    assert [url for someone in operators.values() for url in someone.foreign_requests()] == []


@pytest.mark.full
@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_readable_in_every_look(operator: Callable[..., Person], product: Product, look: str) -> None:
    """GOALS U2, U7: axe finds nothing serious, nothing sticks out, the console stays empty under the policy."""
    someone = operator(look)
    found = []
    for address in product.pages:  # type: ignore[attr-defined]
        visit(someone, address)
        found += someone.findings(address)
    assert not found, "\n".join(found)
    assert someone.foreign_requests() == []


def test_the_sign_in_is_readable_to_all(person: Callable[..., Person]) -> None:
    someone = person(signed_in=False, bypass_csp=True)
    page = someone.open("/admin/login/?next=/admin/")
    found = someone.findings_in_all_looks("sign-in")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill("not-it-at-all-9")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("The e-mail address or the password is not right")).to_be_visible()
    found += someone.findings_in_all_looks("refused")
    assert not found, "\n".join(found)


def test_a_moment_is_written_as_in_the_client_and_in_one_line(operator: Callable[..., Person]) -> None:
    someone = operator("light desk")
    page = someone.open("/admin/agents/run/")
    moments = page.locator("#result_list .field-created_at")
    expect(moments.first).to_have_text(re.compile(r"^\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d$"))
    expect(moments.first).to_have_css("white-space", "nowrap")


@pytest.mark.parametrize("size", drawn_sizes("admin"))
def test_what_opens_over_pages_is_readable_to_all(operator: Callable[..., Person], size: str) -> None:
    """GOALS U2: filters, an action for chosen rows, a choice from a list, a refused form, the menus; in both themes."""
    someone = operator(f"light {size}")
    someone.refusals = {404}
    page = someone.open("/admin/llm_providers/provider/")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("heading", name="By kind")).to_be_visible()
    found = someone.findings_in_both_themes("filters")
    page = someone.open("/admin/llm_providers/provider/")
    page.locator("input.action-select").first.check()
    expect(page.get_by_text("1 of 2 selected")).to_be_visible()
    found += someone.findings_in_both_themes("a chosen row")
    page = someone.open("/admin/llm_providers/price/add/")
    page.get_by_role("combobox", name="Model").click()
    expect(page.get_by_role("option", name="echo-1")).to_be_visible()
    found += someone.findings_in_both_themes("choosing a model")
    page = someone.open("/admin/accounts/user/add/")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("This field is required").first).to_be_visible()
    found += someone.findings_in_both_themes("a refused form")
    page = someone.open("/admin/agents/nothing/")
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
    found += someone.findings_in_both_themes("no such page")
    assert not found, "\n".join(found)


def test_filters_open_by_keyboard(person: Callable[..., Person]) -> None:
    someone = person(signed_in=False)
    page = enter(someone)
    page.goto("/admin/llm_providers/provider/")
    for key in ("Enter", " "):
        page.get_by_role("button", name="Filters").focus()
        page.keyboard.press(key)
        expect(page.get_by_role("heading", name="By kind")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("heading", name="By kind")).to_be_hidden()
