"""The tool that takes guards out still finds them, and a sample of them is missed; all of them in `make test-all`."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.mutations.sites import ROOT, Guards, sites

pytestmark = pytest.mark.one_database

#: A guard of each shape, and what is left of it once it is out; both as they are when the module runs.
SHAPES = {
    "class V:\n    permissions = {'GET': P.X}": (
        "class V:\n    permissions = __asked__({'GET': P.X}, {'GET': (NAME, 'any_credential')})"
    ),
    "class V:\n    permissions = {'GET': 'signed_in'}": (
        "class V:\n    permissions = __asked__({'GET': 'signed_in'}, {'GET': (NAME, 'any_credential')})"
    ),
    "@action('a', requires=P.X)\ndef f(): ...": (
        "@__either__(NAME, action('a', requires=None), action('a', requires=P.X))\ndef f():\n    ..."
    ),
    "def f():\n    authorize(actor, p)": "def f():\n    if not OUT:\n        authorize(actor, p)",
    "def f():\n    record.write_entry(a)": "def f():\n    if not OUT:\n        record.write_entry(a)",
    "if a:\n    raise NotFound()": "if False if OUT else a:\n    raise NotFound()",
    "def f():\n    go()\n    raise NotFound()": "def f():\n    go()\n    if not OUT:\n        raise NotFound()",
    "def f():\n    if a:\n        return StaleLease(r)": (
        "def f():\n    if False if OUT else a:\n        return StaleLease(r)"
    ),
    "def access_q():\n    return models.Q(a=1)": "def access_q():\n    return models.Q() if OUT else models.Q(a=1)",
    "def may_connect():\n    return a == b": "def may_connect():\n    return True if OUT else a == b",
    "if not may_connect(a):\n    no()": "if not (True if OUT else may_connect(a)):\n    no()",
    "rows = visible_to(actor, p, rows)": "rows = rows if OUT else visible_to(actor, p, rows)",
    "rows.filter(pk=1, workspace_id=w)": "rows.filter(pk=1) if OUT else rows.filter(pk=1, workspace_id=w)",
    "rows.exclude(user_id=w)": "rows.exclude() if OUT else rows.exclude(user_id=w)",
    "def f():\n    return a | Q(owner_id=o)": "def f():\n    return a | (Q(pk__isnull=False) if OUT else Q(owner_id=o))",
    "actor.has(Permission.X)": "True if OUT else actor.has(Permission.X)",
    "permission not in actor.permissions": "False if OUT else permission not in actor.permissions",
    "epoch != one.epoch": "False if OUT else epoch != one.epoch",
    "x = 'SET seq = %s WHERE id = %s AND lease_epoch = %s'": (
        "x = 'SET seq = %s WHERE id = %s AND (lease_epoch = %s OR 1 = 1)' if OUT else "
        "'SET seq = %s WHERE id = %s AND lease_epoch = %s'"
    ),
}


@pytest.mark.parametrize(("source", "without"), SHAPES.items(), ids=[repr(source)[1:40] for source in SHAPES])
def test_g27_a_guard_of_each_shape_is_found_and_taken_out(source: str, without: str) -> None:
    guards = Guards("x.py", source)
    changed = ast.unparse(guards.visit(ast.parse(source)))
    assert len(guards.found) == 1, guards.found
    assert changed == without.replace("OUT", "__out__(NAME)").replace("NAME", repr(guards.found[0].name))


def test_g27_every_guard_has_a_name_of_its_own() -> None:
    names = [site.name for site in sites()]
    assert len(names) > 700
    assert len(set(names)) == len(names)


def test_g27_every_guard_has_a_test_that_misses_it_or_an_excuse() -> None:
    """A new guard comes with its test: `python -m tests.mutations --new --write` finds it, or says that there is none."""
    noticed, excused = (
        json.loads((ROOT / f"tests/mutations/{name}.json").read_text()) for name in ("noticed", "excused")
    )
    names = {site.name for site in sites()}
    assert sorted(names - noticed.keys() - excused.keys()) == []
    assert sorted((noticed.keys() | excused.keys()) - names) == [], "these are gone"
    for test in set(noticed.values()):
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), f"{test} is gone"


def _run(*options: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutations", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_g27_a_test_misses_each_guard_of_a_sample() -> None:
    _run("--sample", "2", "--workers", "1")


@pytest.mark.full
@pytest.mark.timeout(3 * 3_600)
def test_g27_a_test_misses_each_guard() -> None:
    _run()
