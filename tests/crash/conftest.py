"""What the tests of deaths and outages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.counter import CountingService, counting_service


@pytest.fixture(scope="module")
def counter() -> Iterator[CountingService]:
    with counting_service() as service:
        service.gate.set()
        yield service
