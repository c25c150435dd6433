"""One installation of the shape of production for all of these tests; each leaves it at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.fleet import Fleet
from tests.fixtures.installations import running_behind_proxy
from tests.fixtures.product import Product
from tests.fixtures.proxy import Proxy


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Fleet, Proxy]]:
    with running_behind_proxy(Path(tmp_path_factory.mktemp("production")), AAP_WORKER_PATIENCE="1") as (fleet, proxy):
        fleet.agent = fleet.webs[0].demo_agent(tools=["calculator"])  # type: ignore[attr-defined]
        yield fleet, proxy


@pytest.fixture
def fleet(place: tuple[Fleet, Proxy]) -> Fleet:
    return place[0]


@pytest.fixture
def proxy(place: tuple[Fleet, Proxy]) -> Proxy:
    return place[1]


@pytest.fixture
def web(fleet: Fleet) -> Product:
    """Somebody who knows the proxy only."""
    return fleet.webs[0].sign_in()
