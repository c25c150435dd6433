"""Fixtures that every app's tests share. The scratch folder and the database come from tests/scratch.py."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.fixtures.people"]

#: Modules whose tests share an installation that is dear to start: they stay on one worker (--dist loadgroup).
_SHARED = (
    "tests.crash.test_any_shape",
    "tests.crash.test_full_server",
    "tests.crash.test_many_processes",
    "tests.scale.",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that touches no database through Django is run once, not once for each database."""
    for item in items:
        touches = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
        if not touches and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.one_database)
        name = getattr(getattr(item, "module", None), "__name__", "")
        if name.startswith(_SHARED):
            shape = getattr(getattr(item, "callspec", None), "params", {}).get("whole", "")
            item.add_marker(pytest.mark.xdist_group("scale" if ".scale." in name else f"{name} {shape}"))
