"""Fixtures that every app's tests share. The scratch folder and the database come from tests/scratch.py."""

from __future__ import annotations

import logging

import pytest

# A thread that outlives its test may log into a stream that pytest has closed. Telling that with a traceback is no use to
# anybody, and makes Python 3.11 fail in another thread that parses source meanwhile (its parser counts for all of them).
logging.raiseExceptions = False

# What others import comes first: pytest rewrites the assertions of a module only as it is imported.
pytest_plugins = [
    "tests.fixtures.deaths",
    "tests.fixtures.outside",
    "tests.fixtures.people",
    "tests.fixtures.post_office",
    "tests.fixtures.houses",
    "tests.fixtures.database",
    "tests.fixtures.flushing",
    "tests.scheduling",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that touches no database through Django is run once, not once for each database."""
    for item in items:
        touches = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
        if not touches and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.one_database)
