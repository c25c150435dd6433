"""Loaded by pytest: alters the product's modules as they are imported, so that each guard can be taken out.

`MUTATION_DATABASE=<file>` is a migrated database to begin with.
`MUTATION=<guard>` takes that one out from the start: for those that are read at import.
`MUTATION_MARKS=<file>` writes which tests reach which guard, and how long each test takes.
`MUTATION_JOBS=<file>` holds [[guard, [tests]], …]: the tests are collected once; then each guard is taken out in a forked
child, which runs its tests until one fails. What came of it goes to the file descriptor `MUTATION_TELL`, one line each.
"""

from __future__ import annotations

import ast
import builtins
import functools
import json
import os
import shutil
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from tests.mutations.sites import LEFT_OUT, PACKAGES, ROOT, Guards

MARKS, DATABASE, JOBS = (os.environ.get(f"MUTATION_{name}", "") for name in ("MARKS", "DATABASE", "JOBS"))
#: A guard's tests may take so long, or it counts as noticed: something waits for ever without it.
LONGEST = 300
#: So long further tests of a guard are begun.
SECONDS = float(os.environ.get("MUTATION_SECONDS", "240"))
_out = os.environ.get("MUTATION", "")
_reached: dict[str, set[str]] = defaultdict(set)
_took: dict[str, float] = {}
_failed: list[str] = []
_lock = threading.Lock()
_test = ""


def _is_out(name: str) -> bool:
    if MARKS and _test:
        with _lock:
            _reached[name].add(_test)
    return name == _out


class _Asked(dict[str, Any]):
    """What the methods of a view ask for."""

    def __init__(self, asked: dict[str, Any], weaker: dict[str, tuple[str, str]]) -> None:
        super().__init__(asked)
        self._weaker = weaker

    def __getitem__(self, method: str) -> Any:
        guard, weaker = self._weaker.get(method, ("", ""))
        return weaker if guard and _is_out(guard) else super().__getitem__(method)

    def get(self, method: str, default: Any = None) -> Any:
        try:
            return self[method]
        except KeyError:
            return default


def _either(guard: str, without: Any, with_it: Any) -> Any:
    """A decorator that makes both, and chooses when the function is called."""

    def decorate(function: Any) -> Any:
        bare, guarded = without(function), with_it(function)

        @functools.wraps(guarded)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (bare if _is_out(guard) else guarded)(*args, **kwargs)

        return call

    return decorate


for _name, _value in {"__out__": _is_out, "__asked__": _Asked, "__either__": _either}.items():
    setattr(builtins, _name, _value)
_get_code = SourceFileLoader.get_code


def _altered(self: SourceFileLoader, fullname: str) -> Any:
    path = Path(self.path)
    if not path.is_relative_to(ROOT):
        return _get_code(self, fullname)
    relative = str(path.relative_to(ROOT))
    if relative.partition("/")[0] not in PACKAGES or LEFT_OUT.search(str(path)):
        return _get_code(self, fullname)
    if _out and not _out.startswith(f"{relative} "):
        return _get_code(self, fullname)
    source = path.read_text()
    tree = Guards(relative, source).visit(ast.parse(source, str(path)))
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


SourceFileLoader.get_code = _altered  # type: ignore[method-assign]


def _begin_database() -> None:
    """Migrating takes longer than most guards' tests: the database is put in its place, for --reuse-db to find."""
    from django.conf import settings

    if DATABASE:
        name = settings.DATABASES["default"]["TEST"]["NAME"]
        for rest in ("-wal", "-shm"):
            Path(name + rest).unlink(missing_ok=True)
        shutil.copyfile(DATABASE, name)


def pytest_sessionstart() -> None:
    _begin_database()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if MARKS:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        if worker == "main" and getattr(session.config.option, "numprocesses", None):
            return
        reached = {name: sorted(tests) for name, tests in _reached.items()}
        Path(f"{MARKS}.{worker}").write_text(json.dumps({"reached": reached, "took": _took}))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global _test
    _test, begun = item.nodeid, time.monotonic()
    try:
        return (yield)
    finally:
        _test, _took[item.nodeid] = "", time.monotonic() - begun


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _failed.append(report.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    if not JOBS:
        return None
    tell = int(os.environ["MUTATION_TELL"])
    collected: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in session.items:
        for name in {item.nodeid, item.nodeid.partition("[")[0], item.nodeid.partition("::")[0]}:
            collected[name].append(item)
    for guard, tests in json.loads(Path(JOBS).read_text()):
        begun = time.monotonic()
        failed = _in_a_child(guard, [item for test in tests for item in collected[test]])
        os.write(tell, json.dumps([guard, failed, time.monotonic() - begun]).encode() + b"\n")
    return True


def _in_a_child(guard: str, items: Sequence[pytest.Item]) -> list[str] | None:
    """The tests that failed, the first only if a guard is out; None if there was none to run."""
    global _out
    if not items:
        return None
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(LONGEST)
        _out, enough = guard, time.monotonic() + SECONDS
        try:
            _begin_database()
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if guard and (_failed or time.monotonic() > enough):
                    break
            os.write(writable, json.dumps(_failed).encode())
        finally:
            os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as told:
        answer = told.read()
    os.waitpid(child, 0)
    return [str(test) for test in json.loads(answer)] if answer else ["nothing came back"]
