"""What the tests of deaths and outages share."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.fixtures.counter import CountingService, counting_service

#: How many of the tests of any shape are made on one process with PostgreSQL, which shares its engine with SQLite's and its
#: database with the fleet's. All of them with `make test-all`.
SAMPLE = 4


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    between = [
        item
        for item in items
        if item.path.name == "test_any_shape.py" and "[postgres" in item.name  # a test's id names its shape
    ]
    drawn = set(
        random.Random(os.environ.get("SEED", "7")).sample(
            sorted(item.name for item in between), min(SAMPLE, len(between))
        )
    )
    for item in between:
        if item.name not in drawn:
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="module")
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        service.gate.set()
        yield service
