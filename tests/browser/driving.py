"""A person in front of the client: a browser context, its page, and what the console said meanwhile."""

from __future__ import annotations

import os
import random
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, ViewportSize, expect

from tests.fixtures.product import EMAIL, PASSWORD, ROOT, Product

SEED = os.environ.get("SEED", "7")
AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
SIZES: dict[str, ViewportSize] = {"desk": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = {f"{theme} {name}": (theme, size) for theme in THEMES for name, size in SIZES.items()}


def drawn_sizes(what: str) -> list[str]:
    """For a test of one screen at a time: both in `make test-all`, one by SEED and the screens' name in `make test`."""
    sizes = list(SIZES)
    return sizes if os.environ.get("FULL") else random.Random(SEED + what).sample(sizes, 1)


# A request that is answered 401 or 412 by design is a line in the console that no page can prevent.
BY_DESIGN = re.compile(r"Failed to load resource: .*status of (4\d\d)")
_COLOURS_HAVE_CHANGED = """async () => {
  for (let quiet = 0; quiet < 3; ) {  // what inherits a colour may begin to change when its parent is done
    await new Promise((go) => requestAnimationFrame(go));
    const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.allSettled(changing.map((one) => one.finished));
    quiet = changing.length ? 0 : quiet + 1;
  }
}"""
_SIDEWAYS = """() => {
  const wide = document.documentElement.clientWidth;
  const over = [...document.querySelectorAll('body *')].filter((one) => {
    const box = one.getBoundingClientRect();
    if (box.width === 0 || box.right <= wide + 1) return false;
    for (let up = one.parentElement; up; up = up.parentElement)
      if (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(up).overflowX)) return false;
    return true;
  });
  if (document.documentElement.scrollWidth > wide) return ['the page itself scrolls'];
  return over.map((one) => one.outerHTML.slice(0, 120));
}"""


class Person:
    def __init__(self, browser: Browser, product: Product, **options: Any) -> None:
        self.product = product
        self.context = browser.new_context(
            base_url=product.url,
            locale="en-GB",
            viewport=options.pop("viewport", {"width": 1440, "height": 900}),
            **options,
        )
        self.context.set_default_timeout(15_000)
        self.refusals: set[int] = set()
        """Statuses that a test provokes; any other 4xx in the console is a complaint."""
        self.away = False
        """True once a test took the server or the network away: then failed connections are to be expected."""
        self.console: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.context.on("request", self._note_request)
        self.context.on("console", self._note_console)
        self.context.on("weberror", lambda error: self.console.append(f"uncaught: {error.error}"))
        self.context.on("dialog", self._note_dialog)
        self.page = self.context.new_page()

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _note_dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def complaints(self) -> list[str]:
        """Console errors and reports of the Content-Security-Policy, less what the test itself provoked."""
        left = []
        for line in self.console:
            refused = BY_DESIGN.search(line)
            # Whether there is a session can only be learnt by asking; "no" is 401.
            if refused and (int(refused[1]) in self.refusals or "/auth/session/refresh/" in line):
                continue
            if self.away and re.search(r"net::ERR_|WebSocket connection", line):
                continue
            left.append(line)
        return left + [f"dialog: {text}" for text in self.dialogs]

    def foreign_requests(self) -> list[str]:
        host = urlsplit(self.product.url).netloc
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != host
        ]

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        """As the page does it, without the typing: only the cookie is left behind."""
        answer = self.context.request.post(
            "/api/v1/auth/session/", data={"email": email, "password": password}, headers={"X-AAP-Client": "web"}
        )
        assert answer.ok, answer.text()

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def close(self) -> None:
        self.context.close()

    # --- The chat ---

    @property
    def box(self) -> Locator:
        return self.page.locator("[data-composer]")

    @property
    def conversation(self) -> Locator:
        return self.page.get_by_role("region", name="Conversation")

    @property
    def answers(self) -> Locator:
        return self.conversation.locator(".prose")

    def say(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def chat_id(self) -> str:
        self.page.wait_for_url(re.compile(r"/chats/cnv_"))
        return self.page.url.rstrip("/").rsplit("/", 1)[-1]

    def wait_for_answer(self, timeout: float = 30_000) -> None:
        """The last turn's answer is there and complete."""
        expect(self.page.get_by_text("Answer complete")).to_be_attached(timeout=timeout)

    # --- The looks ---

    def findings(self, what: str) -> list[str]:
        """What is wrong with the page as it stands: axe's findings and what sticks out."""
        self.page.evaluate("document.fonts.ready.then(() => undefined)")
        return [f"{what}: {finding}" for finding in self.axe() + [f"sticks out: {one}" for one in self.sideways()]]

    def findings_in_both_themes(self, what: str) -> list[str]:
        """The same, in each theme."""
        return [finding for theme in THEMES for finding in self._findings_in(theme, what)]

    def findings_in_all_looks(self, what: str) -> list[str]:
        """The same, in each theme on each screen; in `make test` in one look of the four, drawn by SEED."""
        looks = list(LOOKS)
        if not os.environ.get("FULL"):
            looks = random.Random(SEED + re.sub(r"_[0-9a-z]{26}", "", what)).sample(looks, 1)  # without ids
        found = []
        for look in looks:
            theme, size = LOOKS[look]
            self.page.set_viewport_size(size)
            found += self._findings_in(theme, f"{what}, {look}")
        return found

    def _findings_in(self, theme: Literal["light", "dark"], what: str) -> list[str]:
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        if "/admin/" not in self.page.url:
            expect(self.page.locator(f"html[data-theme={theme}]")).to_be_attached()
        self.page.evaluate(_COLOURS_HAVE_CHANGED)
        return self.findings(f"{what}, {theme}")

    def sideways(self) -> list[str]:
        """What sticks out to the right, or makes the page scroll sideways."""
        found: list[str] = self.page.evaluate(_SIDEWAYS)
        return found

    def axe(self) -> list[str]:
        """Findings of axe that are serious or worse, as `rule: element`."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(AXE.read_text() + "; undefined")
        found = self.page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations"
            ".filter((one) => ['serious', 'critical'].includes(one.impact))"
            ".flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`)))"
        )
        return list(found)


def assistant_texts(product: Product, conversation: str) -> list[str]:
    page = product.call("GET", f"conversations/{conversation}/messages/?limit=200")
    return [message["text"] for message in page["results"] if message["role"] == "assistant"]


def letters(text: str) -> str:
    """What is left of a text when marks and blanks go, so that Markdown and its rendering compare."""
    return "".join(character for character in text if character.isalnum())
