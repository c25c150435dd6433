"""Loaded by pytest in a run that marks guards, or takes one out: alters modules as they are imported.

`MUTATION=<name of a site>` takes that guard out. `MUTATION_MARKS=<file>` marks all of them and writes, for each, the tests
that reached it.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from tests.mutations.sites import LEFT_OUT, PACKAGES, ROOT, Guards

OUT = os.environ.get("MUTATION")
MARKS = os.environ.get("MUTATION_MARKS")
_target = OUT.partition(":")[0] if OUT else ""
_reached: dict[str, set[str]] = defaultdict(set)
_lock = threading.Lock()
_test = ""


def _reach(name: str) -> None:
    if _test:
        with _lock:
            _reached[name].add(_test)


builtins.__reached__ = _reach  # type: ignore[attr-defined]
_get_code = SourceFileLoader.get_code


def _altered(self: SourceFileLoader, fullname: str) -> Any:
    path = Path(self.path)
    if not path.is_relative_to(ROOT):
        return _get_code(self, fullname)
    relative = str(path.relative_to(ROOT))
    if relative.partition("/")[0] not in PACKAGES or LEFT_OUT.search(str(path)):
        return _get_code(self, fullname)
    if OUT and relative != _target:
        return _get_code(self, fullname)
    tree = ast.parse(path.read_text(), str(path))
    tree = Guards(relative, out=OUT, mark=MARKS is not None).visit(tree)
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


SourceFileLoader.get_code = _altered  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global _test
    _test = item.nodeid
    try:
        return (yield)
    finally:
        _test = ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    if MARKS:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        if worker == "main" and getattr(session.config.option, "numprocesses", None):
            return
        file = Path(f"{MARKS}.{worker}")
        file.write_text(json.dumps({name: sorted(tests) for name, tests in _reached.items()}))
