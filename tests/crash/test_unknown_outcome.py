"""kill -9 while a tool that must run once is at work: it is never repeated in silence; a person decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.counter import CountingService, counting_service
from tests.fixtures.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


@pytest.fixture
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        yield service


@pytest.fixture
def product(tmp_path: Path, counter: CountingService) -> Iterator[Product]:
    product = Product(
        data=tmp_path / "data",
        environment={
            "AAP_RATE_LIMITS": "off",
            "DJANGO_SETTINGS_MODULE": "tests.settings_with_tools",
            "AAP_TEST_COUNTER": counter.url,
        },
    )
    try:
        yield product.start().set_up()
    finally:
        product.stop()


def open_decision(product: Product, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: list[dict[str, Any]] = product.call("GET", f"decisions/?status=open&run={run}")["results"]
        if found:
            return found[0]
        time.sleep(0.05)
    raise AssertionError(f"nothing was asked: {product.call('GET', f'runs/{run}/')}")


@pytest.mark.parametrize(
    ("resolution", "status", "outcome", "times"),
    [("happened", "succeeded", "ok", 1), ("run_again", "succeeded", "ok", 2), ("stop", "cancelled", None, 1)],
)
def test_g3_a_call_that_was_cut_is_put_to_a_person(
    product: Product, counter: CountingService, resolution: str, status: str, outcome: str | None, times: int
) -> None:
    agent = product.demo_agent(tools=["count_once"])
    body = {"agent": agent, "input": {"text": "Count [[tool:count_once {}]] [[tokens:5 gap:0]]"}}
    run = product.call("POST", "runs/", body)["id"]
    counter.wait_for(1)
    product.kill()
    product.start()
    decision = open_decision(product, run)
    assert (decision["kind"], decision["tool"]) == ("unknown_outcome", "count_once")
    assert decision["resolutions"] == ["happened", "run_again", "stop"] and "count_once" in decision["prompt"]
    assert product.call("GET", f"runs/{run}/")["status"] == "waiting"
    assert counter.calls == {decision["call"]: 1}, "nothing is repeated before a person says so"
    counter.gate.set()
    # Another death before anybody decides changes nothing.
    product.kill()
    product.start()
    product.call("POST", f"decisions/{decision['id']}/resolve/", {"resolution": resolution, "result": "I looked"})
    assert product.wait_for_end(run)["status"] == status
    assert counter.calls == {decision["call"]: times}, "a repeat carries the same call id"
    events = [row["event"] for row in product.events(run)]
    assert [e["outcome"] for e in events if e["type"] == "tool.completed"] == ([outcome] if outcome else [])
    assert [e["type"] for e in events].count("tool.unknown") == 1
    assert [e["resolution"] for e in events if e["type"] == "decision.resolved"] == [resolution]
