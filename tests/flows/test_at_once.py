"""Many at once on a product that really runs: one wins, the others are told so, nothing is made twice."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.product import EMAIL, PASSWORD, Product, running_product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    for product in running_product(Path(tmp_path_factory.mktemp("once")) / "data"):
        product.agent = product.demo_agent()  # type: ignore[attr-defined]
        yield product


def send(
    product: Product,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    token: bool = True,
) -> tuple[int, Any, bytes]:
    """(status, JSON, bytes); no exception for refusals."""
    request = urllib.request.Request(
        product.address + (path if path.startswith("/") else product.space + path),
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {product.token}"} if token else {}),
            **(headers or {}),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60, context=product.trust) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    return status, json.loads(content) if content else None, content


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """`call(n)` on `count` threads that start together."""
    gate = threading.Barrier(count)

    def work(number: int) -> Any:
        gate.wait(30)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_asvs_2_3_4_one_set_up_wins(tmp_path: Path) -> None:
    product = Product(data=tmp_path / "data").start()
    try:
        body = {"code": product.code, "password": PASSWORD, "workspace": "W"}
        answers = at_once(
            20, lambda n: send(product, "POST", "/api/v1/setup/", {**body, "email": f"p{n}@example.com"}, token=False)
        )
        assert Counter(status for status, _, _ in answers) == {201: 1, 409: 19}
        assert {data["code"] for status, data, _ in answers if status == 409} == {"already_set_up"}
        (winner,) = [data for status, data, _ in answers if status == 201]
        for number in range(20):
            credentials = {"email": f"p{number}@example.com", "password": PASSWORD}
            if credentials["email"] == winner["user"]["email"]:
                assert send(product, "POST", "/api/v1/auth/token/", credentials, token=False)[0] == 200
        product.token = winner["access"]
        assert len(send(product, "GET", "/api/v1/me/")[1]["workspaces"]) == 1
        members = send(product, "GET", f"/api/v1/workspaces/{winner['workspace']['slug']}/members/")[1]["results"]
        assert len(members) == 1
        # The code is dead, in this process and after a restart.
        assert send(product, "POST", "/api/v1/setup/", {**body, "email": "late@example.com"}, token=False)[0] == 409
        product.stop()
        product.start()
        assert product.log.read_text().count("Set up:") == 1
    finally:
        product.stop()


def test_one_idempotency_key_makes_one_run(product: Product) -> None:
    before = len(product.call("GET", "runs/?limit=200")["results"])
    body = {"agent": product.agent, "input": {"text": "Once"}}  # type: ignore[attr-defined]
    answers = at_once(20, lambda n: send(product, "POST", "runs/", body, {"Idempotency-Key": "same-key-1"}))
    assert {status for status, _, _ in answers} == {202}
    assert len({content for _, _, content in answers}) == 1
    assert len(product.call("GET", "runs/?limit=200")["results"]) == before + 1


def test_two_publishes_at_once_give_dense_numbers(product: Product) -> None:
    model = product.call("GET", "models/")["results"][0]["id"]
    agent = product.call("POST", "agents/", {"name": "Twice", "model": model})["id"]
    address = f"agents/{agent}/"
    for change in range(4):
        assert send(product, "PATCH", address, {"instructions": f"{change}"}, {"If-Match": "*"})[0] == 200
        answers = at_once(4, lambda n: send(product, "POST", f"{address}publish/", {}))
        assert Counter(status for status, _, _ in answers) == {201: 1, 409: 3}
        assert {data["code"] for status, data, _ in answers if status == 409} == {"nothing_to_publish"}
    numbers = [row["number"] for row in product.call("GET", f"agents/{agent}/versions/")["results"]]
    assert sorted(numbers) == [1, 2, 3, 4]


def test_two_edits_with_one_etag_keep_one_and_show_it(product: Product) -> None:
    """INCIDENTS 1.1, V15.4: between the check of If-Match and the save nobody else gets in."""
    agent = product.call("POST", "agents/", {"name": "Both"})["id"]
    for _ in range(3):
        request = urllib.request.Request(
            f"{product.address}{product.space}agents/{agent}/", headers={"Authorization": f"Bearer {product.token}"}
        )
        with urllib.request.urlopen(request, context=product.trust) as answer:
            tag = answer.headers["ETag"]
        answers = at_once(
            8,
            lambda n, tag=tag: send(product, "PATCH", f"agents/{agent}/", {"description": f"d{n}"}, {"If-Match": tag}),
        )
        assert Counter(status for status, _, _ in answers) == {200: 1, 412: 7}
        (kept,) = [data["description"] for status, data, _ in answers if status == 200]
        assert {data["current"]["description"] for status, data, _ in answers if status == 412} == {kept}


def test_incident_2_66_one_refresh_of_fifty_wins(product: Product) -> None:
    pair = product.call("POST", "/api/v1/auth/token/", {"email": EMAIL, "password": PASSWORD})
    path, body = "/api/v1/auth/token/refresh/", {"refresh": pair["refresh"]}
    answers = at_once(50, lambda n: send(product, "POST", path, body, token=False))
    assert Counter(status for status, _, _ in answers) == {200: 1, 401: 49}
    # The token was used twice: whoever won is signed out as well.
    (won,) = [data for status, data, _ in answers if status == 200]
    mine = {"Authorization": f"Bearer {won['access']}"}
    assert send(product, "GET", "/api/v1/me/", headers=mine, token=False)[0] == 401
    assert send(product, "POST", path, {"refresh": won["refresh"]}, token=False)[0] == 401


def test_cancel_while_it_ends(product: Product) -> None:
    body = {"agent": product.agent, "input": {"text": "Short [[tokens:6 gap:1]]"}}  # type: ignore[attr-defined]

    def one(number: int) -> str:
        run = send(product, "POST", "runs/", body)[1]["id"]
        threading.Event().wait(number * 0.004)
        status, data, _ = send(product, "POST", f"runs/{run}/cancel/", {})
        assert status in (200, 202), data
        return str(run)

    for run in at_once(16, one):
        done = product.wait_for_end(run, 20)
        events = [row["event"] for row in product.events(run)]
        ends = [e["type"] for e in events if e["type"] in ("run.succeeded", "run.failed", "run.cancelled")]
        assert ends == [events[-1]["type"]] == [f"run.{done['status']}"]
        assert done["status"] in ("succeeded", "cancelled")
        again = send(product, "POST", f"runs/{run}/cancel/", {})
        assert (again[0], again[1]["status"]) == (200, done["status"])
        assert [row["event"] for row in product.events(run)] == events, "an ended journal is never appended to"


def test_thirty_messages_to_one_conversation_run_in_turn(product: Product) -> None:
    conversation = product.call("POST", "conversations/", {"agent": product.agent})["id"]  # type: ignore[attr-defined]
    path = f"conversations/{conversation}/messages/"
    answers = at_once(30, lambda n: send(product, "POST", path, {"text": f"Turn {n} [[tokens:3 gap:2]]"}))
    assert {status for status, _, _ in answers} == {202}
    runs = sorted(data["run"] for _, data, _ in answers)
    spans = []
    for run in runs:
        assert product.wait_for_end(run, 60)["status"] == "succeeded"
        rows = product.events(run)
        begun = next(row["at"] for row in rows if row["event"]["type"] == "run.started")
        spans.append((begun, rows[-1]["at"], run))
    ordered = sorted(spans)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(ordered)), "one at a time"
    assert [run for _, _, run in ordered] == runs, "in the order in which they were taken"


@pytest.mark.parametrize("thing", ["conversation", "agent", "provider"])
def test_deleting_under_a_run_ends_it_clearly(product: Product, thing: str) -> None:
    """The run ends, in words where it could not go on; nothing answers 5xx."""
    provider = product.call("POST", "providers/", {"kind": "demo", "name": f"For {thing}"})["id"]
    model = next(row["id"] for row in product.call("GET", "models/")["results"] if row["provider"] == provider)
    agent = product.call("POST", "agents/", {"name": f"Of {thing}", "model": model, "tools": ["calculator"]})["id"]
    product.call("POST", f"agents/{agent}/publish/", {})
    text = 'Long [[tool:calculator {"expression": "1+1"}]] [[tokens:150 gap:20]]'
    started = product.call("POST", "runs/", {"agent": agent, "input": {"text": text}})
    run, conversation = started["id"], started["conversation"]
    waiting = product.call("POST", f"conversations/{conversation}/messages/", {"text": "Next"})["run"]
    deadline = threading.Event()
    while not any(row["event"]["type"] == "tool.completed" for row in product.events(run)):
        deadline.wait(0.02)
    path = {
        "conversation": f"conversations/{conversation}/",
        "agent": f"agents/{agent}/",
        "provider": f"providers/{provider}/",
    }
    status, data, _ = send(product, "DELETE", path[thing])
    assert status == 204, data
    assert send(product, "DELETE", path[thing])[0] == 404
    for number in (run, waiting):
        while True:
            status, data, _ = send(product, "GET", f"runs/{number}/")
            assert status in (200, 404), data
            if status == 404 or data["status"] in ("succeeded", "failed", "cancelled"):
                break
            deadline.wait(0.05)
        if status == 200 and data["status"] == "failed":
            assert data["error"]["code"] and data["error"]["detail"].endswith(".")
            assert "Traceback" not in json.dumps(data)
    for address in ("runs/", "conversations/", "agents/", "models/", "providers/", "usage/", f"runs/{run}/events/"):
        assert send(product, "GET", address)[0] in (200, 404), address
    assert send(product, "POST", f"conversations/{conversation}/messages/", {"text": "Later"})[0] in (
        202,
        404,
        409,
        400,
    )
    assert '"level": "error"' not in product.log.read_text(), product.log.read_text()[-3000:]
