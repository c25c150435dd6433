"""Runs the tests that knock at the product's doors against the shape of production: nginx with TLS and the configuration of
deploy/, two web servers, two workers, PostgreSQL, Redis.

    python -m pytest -p tests.through_nginx tests/flows accounts/tests …

The tests are the same, and so are their fixtures: these write people and workspaces into the installation's database, and
what tests ask over HTTP goes through the proxy (tests/fixtures/doors.py). Which tests say something about other processes
than their own is read from their code (tests/reach.py); the others are left out, and counted at the end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import reach
from tests.fixtures import front, outside
from tests.fixtures.installations import running_behind_proxy
from tests.fixtures.product import free_port

_open = ExitStack()
_counted: Counter[str] = Counter()


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Before Django reads the settings: they lead to this installation."""
    folder = Path(tempfile.mkdtemp(prefix="aap-nginx-"))
    _open.callback(shutil.rmtree, folder, ignore_errors=True)
    places = outside.settle([free_port() for _ in range(outside.COUNT)])
    fleet, proxy = _open.enter_context(
        running_behind_proxy(folder, AAP_ALLOWED_PRIVATE_HOSTS=places, OLLAMA_HOST=outside.NOBODY[0])
    )
    own = folder / "tests"
    (own / "static").mkdir(parents=True)
    os.environ.update({**fleet.environment, "DATA_DIR": str(own)})
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings_through_nginx"
    front.door, front.fleet, front.server = proxy.door, fleet, "nginx"
    _open.callback(front.work)  # whoever rests could not be told to end
    front.rest()
    yield


def pytest_configure(config: pytest.Config) -> None:
    # After pytest-django, whose fixtures these take the place of.
    config.pluginmanager.import_plugin("tests.fixtures.committed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    knocking = [item for item in items if reach.knocks(item)]
    why = {item: reach.reasons_to_stay(item) for item in knocking}
    going = [item for item in knocking if not why[item]]
    _counted.update(of=len(knocking), going=len(going))
    for reasons in why.values():
        _counted.update(reasons)
    config.hook.pytest_deselected(items=[item for item in items if why.get(item, True)])
    items[:] = going


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.failed and front.fleet is not None:  # type: ignore[attr-defined]
        report.sections.append(("the end of every log", front.fleet.logs()))  # type: ignore[attr-defined]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if front.held_up:
        terminalreporter.write_line(f"{front.held_up} requests had to wait for nginx's own limit (100 a second).")
    going, of = _counted.pop("going", 0), _counted.pop("of", 0)
    terminalreporter.write_line(f"{going} of {of} tests that knock at the product's doors go through nginx.")
    terminalreporter.write_line("The others say something about their own process only (some for two reasons):")
    for reason, count in _counted.most_common():
        terminalreporter.write_line(f"{count:5} {reason}")


def pytest_unconfigure() -> None:
    _open.close()
