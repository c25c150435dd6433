"""The run: marks, then one guard after the other. The exit code is 1 if a guard can go without a test noticing."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutations.sites import ROOT, Site, sites

#: A guard's tests are tried until one fails; more than these are hardly ever needed.
MOST_TESTS = 60
FEW = 4
SECONDS = 300
PYTEST = [sys.executable, "-m", "pytest", "-p", "tests.mutations.plugin", "-p", "no:cacheprovider", "-p", "no:randomly",
          "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-q", "--no-header"]  # fmt: skip
#: In-process tests: those that start a product of their own would run the code as it is on disk.
TESTS = ["accounts", "agents", "audit", "core", "jobs", "limits", "llm_providers", "platform_site", "privacy",
         "tests/architecture", "tests/flows"]  # fmt: skip
NOT = "not full and not browser"

#: Guards without which nothing that a person could see or do changes, each with the reason.
EXCUSED_FILE = Path(__file__).with_name("excused.json")


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=3_600,
        check=False,
    )


def mark(folder: Path, workers: int) -> dict[str, list[str]]:
    """{name of a guard: the tests that reach it}"""
    marks = folder / "marks"
    done = run([*PYTEST, "-n", str(workers), "-m", NOT, *TESTS], MUTATION_MARKS=str(marks))
    print(done.stdout[-400:], flush=True)
    found: dict[str, set[str]] = {}
    for file in folder.glob("marks.*"):
        for name, tests in json.loads(file.read_text()).items():
            found.setdefault(name, set()).update(tests)
    return {name: sorted(tests) for name, tests in found.items()}


def tests_for(site: Site, reached: dict[str, list[str]]) -> list[str]:
    """The tests that reach a guard, the nearest first. What a decorator requires has no mark: the tests of its app."""
    package = site.path.partition("/")[0]
    found = reached.get(site.name, [])
    if len(found) < FEW:  # a query that is put together once is reached once, and used by many
        return [*found, "tests/architecture/test_matrix.py", f"{package}/tests", "tests/flows"]
    near = sorted(found, key=lambda test: (not test.startswith(package), "test_matrix" in test, test))
    # A spread, not only the first of one file.
    step = max(1, len(near) // MOST_TESTS)
    return near[::step][:MOST_TESTS]


def try_one(site: Site, reached: dict[str, list[str]]) -> tuple[Site, str, float]:
    begun = time.monotonic()
    tests = tests_for(site, reached)
    try:
        done = run([*PYTEST, "-x", "--timeout", str(SECONDS), "-m", NOT, *tests], MUTATION=site.name)
    except subprocess.TimeoutExpired:
        return site, "killed", time.monotonic() - begun
    verdict = {0: "SURVIVED", 1: "killed", 5: "NO TEST"}.get(
        done.returncode, "killed" if "rror" in done.stdout else "?"
    )
    return site, verdict, time.monotonic() - begun


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("--sample", type=int, default=0, help="So many guards, drawn by SEED.")
    parser.add_argument("--only", default="", help="Guards whose name holds this.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--marks", default="", help="A file with the marks of an earlier run; written if it is not there."
    )
    parser.add_argument("--list", action="store_true", help="Only list the guards.")
    options = parser.parse_args()
    excused = json.loads(EXCUSED_FILE.read_text()) if EXCUSED_FILE.exists() else {}
    chosen = [site for site in sites() if options.only in site.name]
    if options.sample:
        chosen = random.Random(os.environ.get("SEED", "7")).sample(chosen, min(options.sample, len(chosen)))
    if options.list:
        print("\n".join(site.name for site in chosen))
        print(f"{len(chosen)} guards")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(options.marks) if options.marks else None
        if kept is not None and kept.exists():
            reached = json.loads(kept.read_text())
        else:
            reached = mark(Path(folder), options.workers)
            if kept is not None:
                kept.write_text(json.dumps(reached))
    survived = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for site, verdict, took in pool.map(lambda one: try_one(one, reached), chosen):
            reason = excused.get(stable_name(site))
            if verdict != "killed" and reason is None:
                survived += 1
            print(f"{verdict:8} {took:5.0f} s  {site.name}{f'  (excused: {reason})' if reason else ''}", flush=True)
    print(f"{len(chosen) - survived} passed, {survived} failed")
    return 1 if survived else 0


def stable_name(site: Site) -> str:
    """Without its line, which every edit above it moves."""
    line = (ROOT / site.path).read_text().splitlines()[site.line - 1].strip()
    return f"{site.path} {site.what} {line}"


if __name__ == "__main__":
    sys.exit(main())
