"""Which worker runs which test, and the check that every collected test ran.

xdist's own schedulers either tear apart the tests that share an installation, so that each worker starts one of its own,
or go by a test's name, and then tests that share one (the contract's) are run once. This one goes by the test's number:
what shares an installation stays together, the long ones begin first so that none is left over at the end, and the rest
follows in small lots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

_SHAPE = re.compile(r"\[[^\]]*?\b(sqlite|postgres|fleet)\b")
_FIRST = ("tests/scale/", "tests/crash/", "tests/flows/test_secrets", "tests/flows/")
LOT = 12


def _rank(name: str) -> int:
    return next((number for number, start in enumerate(_FIRST) if name.startswith(start)), len(_FIRST))


def unit_of(name: str) -> str:
    """The installation that a test shares, by the test's id; empty for a test that goes alone."""
    if not name.startswith(("tests/scale/", "tests/crash/", "tests/browser/")):
        return ""
    shape = _SHAPE.search(name)
    return name.partition("::")[0] + (f"[{shape[1]}]" if shape else "")


class Together(LoadScheduling):
    """LoadScheduling by units instead of by even shares."""

    def schedule(self) -> None:
        begun = self.collection is not None
        if not begun and self._check_nodes_have_same_collection():
            self.collection = next(iter(self.node2collection.values()))
            names = self.collection
            # Stable, so within a unit the order stays, which pytest made to fit the fixtures.
            self.pending[:] = sorted(
                range(len(names)), key=lambda number: (_rank(names[number]), unit_of(names[number]))
            )
        for node in self.nodes:
            self.check_schedule(node)

    def check_schedule(self, node: WorkerController, duration: float = 0) -> None:
        if node.shutting_down:
            return
        # A worker starts a test when it knows the one after it, so it is given more before its last.
        while self.pending and len(self.node2pending[node]) < 2:
            self._send_tests(node, self._next_unit())
        if not self.pending:
            node.shutdown()

    def _next_unit(self) -> int:
        """How many of the pending tests go together now."""
        assert self.collection is not None
        first = unit_of(self.collection[self.pending[0]])
        if not first:
            return max(1, min(LOT, len(self.pending) // (4 * len(self.nodes))))
        count = 1
        while count < len(self.pending) and unit_of(self.collection[self.pending[count]]) == first:
            count += 1
        return count


class EveryTestRan:
    """Fails a session that would be green although a collected test did not run."""

    def __init__(self) -> None:
        self.scheduler: Together | None = None
        self.finished = 0

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Together:
        self.scheduler = Together(config, log)
        return self.scheduler

    def pytest_runtest_logfinish(self) -> None:
        self.finished += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        collected = len(self.scheduler.collection or ()) if self.scheduler else len(session.items)
        if exitstatus == 0 and not session.config.option.collectonly and self.finished != collected:
            session.config.get_terminal_writer().line(
                f"\n{collected} tests were collected and {self.finished} ran.", red=True
            )
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """In which order, so that a red one can be had again: `-q` leaves out where pytest-randomly says it."""
    seed = getattr(config.option, "randomly_seed", None)
    if isinstance(seed, int):
        terminalreporter.write_line(f"The order was that of --randomly-seed={seed}")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(EveryTestRan(), "every-test-ran")
