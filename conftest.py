"""Fixtures that every app's tests share. The scratch folder and the database come from tests/scratch.py."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest_plugins = ["tests.fixtures.people"]

#: Modules whose tests share an installation that is dear to start, by what stands in brackets if they have shapes.
_SHARED = re.compile(r"(tests/scale/|tests/crash/test_(?:any_shape|full_server|many_processes))(?:.*\[(\w+)\]$)?")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that touches no database through Django is run once, not once for each database."""
    for item in items:
        touches = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
        if not touches and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.one_database)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`: tests that share an installation stay together and go first."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            shared = _SHARED.match(nodeid)
            if shared is None:
                return nodeid
            return shared[1] if shared[1] == "tests/scale/" else f"{shared[1]} {shared[2] or ''}"

    return Scheduling(config, log)
