"""A real Chromium on the real product: what the browser tests share. `make test` builds the client before they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.driving import Person
from tests.fixtures.product import ROOT, Product, running_product
from tests.fixtures.set_up import load_prepare
from tests.run_all import NO_BROWSER, find_browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BUILD = "Build it with `python3 deploy/quickstart/prepare.py --dev --no-database` (make test does so by itself)."


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.one_database)
            item.add_marker(pytest.mark.timeout(180))


def is_stale() -> bool:
    """Whether the client was changed after it was built."""
    prepare = load_prepare()
    return not prepare.stamp_fits("client", prepare.digest(prepare.client_sources()))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    executable = find_browser()
    assert executable, NO_BROWSER
    assert (ROOT / "frontend/out/index.html").is_file(), f"The web client is not built. {BUILD}"
    assert not is_stale(), f"The web client's build is older than its source. {BUILD}"
    browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One set-up installation with a published agent on the demo model; shared by a module's tests."""
    for product in running_product(Path(tmp_path_factory.mktemp("browser")) / "data"):
        product.agent = product.demo_agent(starters=["What can you do for me?"])  # type: ignore[attr-defined]
        yield product


@pytest.fixture
def new_product(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Makes an installation of a test's own; by default not set up."""
    made: list[Product] = []

    def make(set_up: bool = True, environment: dict[str, str] | None = None) -> Product:
        data = tmp_path / f"data{len(made)}"
        product = Product(data=data, environment={"AAP_RATE_LIMITS": "off", **(environment or {})}).start()
        made.append(product)
        return product.set_up() if set_up else product

    yield make
    for product in made:
        product.stop()


@pytest.fixture
def person(browser: Browser, product: Product) -> Iterator[Callable[..., Person]]:
    """Makes people with a browser of their own, signed in; at the end nobody's console may hold an error."""
    made: list[Person] = []

    def make(where: Product | None = None, *, signed_in: bool = True, **options: Any) -> Person:
        someone = Person(browser, where or product, **options)
        made.append(someone)
        if signed_in:
            someone.sign_in()
        return someone

    yield make
    complaints = [line for someone in made for line in someone.complaints()]
    for someone in made:
        someone.close()
    assert not complaints, complaints
