"""The database server is gone for a while: every request is told so at once, and nothing else stands still."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fixtures.fleet import Postgres, wait_until
from tests.fixtures.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture
def product(tmp_path: Path, postgres: Postgres) -> Iterator[Product]:
    environment = {"DATABASE_URL": postgres.address, "AAP_RATE_LIMITS": "off"}
    product = Product(data=tmp_path / "data", environment=environment)
    try:
        yield product.start().set_up()
    finally:
        product.stop()


def ask(product: Product, path: str) -> tuple[int, str | None, float]:
    """Status, Retry-After and seconds of a read."""
    address = f"{product.url}{path if path.startswith('/') else product.space + path}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {product.token}"})
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, None, time.monotonic() - begun
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Retry-After"), time.monotonic() - begun


def test_while_the_database_is_away_everyone_is_told_at_once(product: Product, postgres: Postgres) -> None:
    assert ask(product, "runs/")[0] == ask(product, "/readyz")[0] == 200
    postgres.stop_at_once()
    # The first to notice may wait for a connection; from then on nobody does but one who looks.
    wait_until(lambda: ask(product, "runs/")[2] > 1, "nobody waited for a connection")
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda path: ask(product, path), ["runs/", "agents/", "/readyz", "/admin/"] * 15))
    assert {status for status, _, _ in answers} == {503}
    assert all(retry_after for _, retry_after, _ in answers)
    waited = sorted(seconds for _, _, seconds in answers)
    assert waited[-3] < 1, waited
    assert ask(product, "/healthz")[0] == 200 and ask(product, "/healthz")[2] < 1
    postgres.start()
    wait_until(lambda: ask(product, "runs/")[0] == 200, "the way back was not found", 15)
    assert ask(product, "/readyz")[0] == 200
