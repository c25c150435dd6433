"""Fixtures of the provider tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from llm_providers.tests import vendors


@pytest.fixture(scope="session")
def vendor() -> Iterator[str]:
    """`host:port` of the vendors' mock."""
    assert vendors.available(), "tests/mockvendor has no packages; `make dev-setup` installs them"
    yield from vendors.run_mock()


@pytest.fixture
def allowed_vendor(vendor: str, may_reach: Callable[..., None]) -> str:
    may_reach(vendor, "127.0.0.1:9")
    return vendor
