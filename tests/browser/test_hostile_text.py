"""Text from a model never runs and never fetches (GOALS G22; INCIDENTS 2.34, 2.35, 2.60)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.driving import Person
from tests.browser.hostile import payloads
from tests.fixtures.product import Product
from tests.fixtures.vendor import Vendor

TOGETHER = 25
CANARY = "window.ran = []; window.canary = (n) => { window.ran.push(n); return n; };"
FORBIDDEN = (
    "script, iframe, object, embed, img, image, video, audio, source, picture, style, link, base, meta, form, svg use, "
    "math, template, [onerror], [onload], [onclick], [onfocus], [style*='url('], [srcset], [ping], [background]"
)


def chosen() -> list[str]:
    """All thousand in `make test-all`; 125 of them, drawn by SEED, in `make test`."""
    texts = payloads()
    if os.environ.get("FULL"):
        return texts
    return random.Random(int(os.environ.get("SEED", "7"))).sample(texts, 125)


def test_incident_2_35_2_60_a_thousand_hostile_texts_do_nothing(
    person: Callable[..., Person], new_product: Callable[..., Product]
) -> None:
    texts = chosen()
    with Vendor() as vendor:
        # The vendor's own events, of unknown kinds, between the pieces of text: dropped, never obeyed.
        vendor.extra = 'event: execute\ndata: {"code":"canary(1)"}\n\n: <script>canary(2)</script>\n\n'
        product = new_product(environment={"AAP_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{vendor.port}"})
        body = {
            "kind": "openai_compatible",
            "name": "V",
            "base_url": f"http://127.0.0.1:{vendor.port}/v1",
            "api_key": vendor.key,
        }
        product.call("POST", "providers/", body)
        model = product.call("GET", "models/")["results"][0]["id"]
        agent = product.call("POST", "agents/", {"name": "V", "instructions": "Answer.", "model": model})["id"]
        product.call("POST", f"agents/{agent}/publish/", {})
        conversations = []
        for start in range(0, len(texts), TOGETHER):
            question = f"Part {start} <img src=x onerror=canary({start})>"
            vendor.answers[question] = "\n\n".join([*texts[start : start + TOGETHER], f"The end of {start}."])
            run = product.call("POST", "runs/", {"agent": agent, "input": {"text": question}})
            conversations.append((start, run))
        for _, run in conversations:
            assert product.wait_for_end(run["id"])["status"] == "succeeded"

        someone = person(product)
        someone.context.add_init_script(CANARY)
        live = someone.open("/")
        someone.say("Part 0 <img src=x onerror=canary(0)>")
        expect(someone.answers.last).to_contain_text("The end of 0.")
        assert live.evaluate("window.ran") == []
        for start, run in conversations:
            page = someone.open(f"/chats/{run['conversation']}/")
            expect(someone.conversation).to_contain_text(f"The end of {start}.")
            # What waits for a pointer or for the focus gets both.
            someone.conversation.evaluate(
                "box => box.querySelectorAll('*').forEach((one) => { one.dispatchEvent(new PointerEvent('pointerenter',"
                " {bubbles: true})); one.focus?.(); })"
            )
            page.evaluate("() => new Promise(requestAnimationFrame)")
            assert page.evaluate("window.ran") == [], start
            assert someone.conversation.locator(".prose").locator(FORBIDDEN).count() == 0, start
            links = someone.conversation.locator(".prose a").evaluate_all("all => all.map((one) => one.protocol)")
            assert set(links) <= {"http:", "https:", "mailto:"}, start
            assert f"/chats/{run['conversation']}/" in page.url
        assert someone.foreign_requests() == []
        assert someone.dialogs == []
