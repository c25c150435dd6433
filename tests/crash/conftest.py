"""What the tests of deaths and outages share."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from tests.fixtures.counter import CountingService, counting_service

#: How many of a module's tests `make test` makes on a shape, drawn by SEED; all with `make test-all`. SQLite has them all:
#: one process with PostgreSQL shares its engine with that, and its database with the fleet.
SAMPLES = {
    ("test_any_shape.py", "postgres"): 2,
    ("test_any_shape.py", "fleet"): 3,
    ("test_full_server.py", "postgres"): 1,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for (module, shape), count in SAMPLES.items():
        tests = {item.name: item for item in items if item.path.name == module and f"[{shape}" in item.name}
        draw = random.Random(f"{os.environ.get('SEED', '7')} {module} {shape}")
        for name in set(tests).difference(draw.sample(sorted(tests), min(count, len(tests)))):
            tests[name].add_marker(pytest.mark.full)


@pytest.fixture(scope="module")
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        service.gate.set()
        yield service
