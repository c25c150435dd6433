"""What docs/incidents.md and docs/asvs.md promise is there: every row once, every test that they name, every page."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.test_modules import MODULES

ROOT = Path(__file__).resolve().parent.parent.parent
INCIDENTS = {*(f"2.{number}" for number in range(1, 69)), *(f"3.{number}" for number in range(1, 31))}
#: The requirements of levels 1 and 2, by section: "1.1:1-2" are 1.1.1 and 1.1.2.
ASVS = """
1.1:1-2 1.2:1-9 1.3:1-11 1.4:1-3 1.5:1-2 2.1:1-3 2.2:1-3 2.3:1-4 2.4:1 3.2:1-2 3.3:1-4 3.4:1-6 3.5:1-5 3.7:1-2
4.1:1-3 4.2:1 4.3:1-2 4.4:1-4 5.1:1 5.2:1-3 5.3:1-2 5.4:1-3 6.1:1-3 6.2:1-12 6.3:1-4 6.4:1-4 6.5:1-5 6.6:1-3
6.8:1-4 7.1:1-3 7.2:1-4 7.3:1-2 7.4:1-5 7.5:1-2 7.6:1-2 8.1:1-2 8.2:1-3 8.3:1 8.4:1 9.1:1-3 9.2:1-4 10.1:1-2
10.2:1-2 10.3:1-4 10.4:1-11 10.5:1-5 10.6:1-2 10.7:1-3 11.1:1-2 11.2:1-3 11.3:1-3 11.4:1-4 11.5:1 11.6:1
12.1:1-3 12.2:1-2 12.3:1-4 13.1:1 13.2:1-5 13.3:1-2 13.4:1-5 14.1:1-2 14.2:1-4 14.3:1-3 15.1:1-3 15.2:1-3
15.3:1-7 16.1:1 16.2:1-5 16.3:1-4 16.4:1-3 16.5:1-3 17.1:1 17.2:1-4 17.3:1-2
"""
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|ts|tsx|txt|in|json|toml))(?:::(\w+))?`")
BEARS = re.compile(r"^test_(?:g\d+_)?incident_((?:[23]_\d+_)+)")
ROW = re.compile(r"^\| (\d+(?:\.\d+)+) \|(.*)\|$", re.MULTILINE)


def rows(page: str) -> list[tuple[str, str]]:
    """(id, the rest of its row) of a page under docs/."""
    return ROW.findall((ROOT / "docs" / page).read_text())


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def missing(text: str) -> list[str]:
    """The files and tests that a text names and that do not exist. A page is named from docs/ or from the root."""
    found = []
    for name, test in NAMED.findall(text):
        path = next((one for one in (ROOT / name, ROOT / "docs" / name) if one.is_file()), None)
        if path is None or (test and test not in functions(path)):
            found.append(f"{name}::{test}" if test else name)
    return found


def borne(test: str) -> set[str]:
    """The ids of incidents in a test's name."""
    found = BEARS.match(test)
    return {f"{part}.{number}" for part, number in re.findall(r"([23])_(\d+)_", found[1])} if found else set()


def test_each_incident_is_listed_once_with_a_test_of_its_name() -> None:
    listed = rows("incidents.md")
    assert sorted(key for key, _ in listed) == sorted(INCIDENTS)
    for key, text in listed:
        assert not missing(text), key
        tests = [test for _, test in NAMED.findall(text) if test]
        assert tests or "does not apply yet" in text, key
        assert all(key in borne(test) for test in tests), (key, tests)


def test_a_test_that_bears_an_incidents_id_stands_in_its_row() -> None:
    tried = {key for key, text in rows("incidents.md") if "::" in text}
    for path in ROOT.glob("*/**/test_*.py"):
        if {".venv", "node_modules"} & set(path.parts):
            continue
        for name in functions(path):
            assert borne(name) <= tried, f"{path.name}::{name}: its row in docs/incidents.md names no test"


def required() -> set[str]:
    found = set()
    for entry in ASVS.split():
        section, _, numbers = entry.partition(":")
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            found |= {f"{section}.{number}" for number in range(int(first), int(last or first) + 1)}
    return found


def test_g25_each_requirement_is_listed_once_with_what_shows_it() -> None:
    listed = rows("asvs.md")
    ids = [key for key, _ in listed]
    assert len(required()) == 253
    assert not required() - set(ids), "missing"
    assert len(ids) == len(set(ids)), "twice"
    assert {key for key, text in listed if text.split("|")[0].strip() in "12"} == required()
    for key, text in listed:
        assert not missing(text), key
        assert NAMED.search(text) or re.search("does not apply|not met", text), key


def test_a_test_that_bears_a_requirement_is_listed() -> None:
    listed = {test for _, text in rows("asvs.md") for _, test in NAMED.findall(text)}
    for path in ROOT.glob("*/**/test_*.py"):
        if not {".venv", "node_modules"} & set(path.parts):
            assert not [name for name in functions(path) if name.startswith("test_asvs_") and name not in listed], path


def test_incident_2_52_packages_are_pinned_by_hash() -> None:
    """Nothing is installed that was not looked at when it was pinned, in Python and in the web client."""
    for name in ("requirements.txt", "requirements-dev.txt"):
        entries = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / name).read_text())
        packages = [entry for entry in entries if re.match(r"[a-zA-Z0-9]", entry)]
        assert len(packages) > 50
        for entry in packages:
            assert re.match(r"[\w.\[\],-]+==\S+", entry), entry[:60]
            assert "--hash=sha256:" in entry, entry[:60]
    assert "--require-hashes" in (ROOT / "deploy/quickstart/prepare.py").read_text()
    for folder in ("frontend", "tests/mockvendor"):
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        for name, entry in lock.items():
            # npm notes no hash for parts that are only built for machines of another kind than the one it ran on.
            assert not name or entry.get("optional") or entry.get("integrity", "").startswith("sha512-"), name


BLOCKING = {"time.sleep", "requests.get", "subprocess.run", "subprocess.check_output", "open", "input", "os.system"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_incident_3_10_no_coroutine_waits_in_a_call_that_blocks(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.AsyncFunctionDef):
            called = {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
            assert not called & BLOCKING, node.name
