"""`make test` and `make test-all`: every stage in order, and one closing line that sums them up.

Long sweeps run as a stated sample with a fixed seed here, and in full with --full:

| Sweep | make test | make test-all |
|---|---|---|
| schemathesis cases for each operation | 6, half of them on SQLite, the others on PostgreSQL, by `SEED` | 1,000 on both |
| hostile bodies for each route, answered alike by both databases | 8 | 40 |
| reconnects cut at every frame | every frame of one run | every frame of five runs |
| kill -9 at random moments, by `SEED`: SQLite; one process with PostgreSQL, the fleet | 28; 3 if drawn | 1,000; 300, 700 |
| tests of deaths and outages: all on SQLite; on one process with PostgreSQL, on the fleet | 2, 3, drawn by `SEED` | all |
| a server's disk full: all on the fleet, on one process with PostgreSQL | 1, drawn by `SEED` | all |
| a model's call cut off | every eleventh byte | every byte |
| failures of a provider while keys are looked for everywhere | 30 | 200 |
| reloads in mid answer in the browser | 8 | 20 |
| first use of the chat, timed, in a fresh browser | 5 | 9 |
| the client's screens and doors in two themes on two screens | each in one look, by `SEED` | each in all four |
| what opens over pages, what waits, steering: on a desk and on a phone | on one, by `SEED` | on both |
| hostile texts of a model in the browser | 125 of a thousand, drawn by `SEED` | all |
| the operator admin's pages in two themes on two screens | a third of them in one look, by `SEED` | each in all |
| the process killed at the N-th system call of a reference run | six numbers up to 200, drawn by `SEED` | every number |
| a set-up cut off | at its last two steps | at every step of a first one |
| runs with a tool whose effects are counted, under deaths and doubled messages | 40, two deaths by `SEED` | 10,000 |
| viewers cut off and back at once | 200 | 10,000 |
| Redis flushed, killed and restarted while runs go on | 5 times | 100 times |
| PostgreSQL stopped at once, again and again, under a hundred runs | none | 20 times |
| questions that two people answer at once, on SQLite; on the fleet | 50; none | 10,000 |
| runs whose rows stay locked | none | all |
| guards of the product taken out, one at a time (`python -m tests.mutations`) | 2, drawn by `SEED` | all |
| an upgrade killed between migrations; from earlier versions with data | one, by `SEED`; the last | every one; each |
| the same on PostgreSQL | none | every one; each |
| backups and their way back on PostgreSQL; how many are kept | none | all |
| `manage.py chaos` with two web servers and two workers | none, one process only | both |
| commands on databases that are away, damaged, held or without tables | one or two of each kind | all |
| mishaps of backups | five of seven | all |
| four processes that write into one chain of the audit log | none | 60 s |
| the shape of production behind nginx (`make prod-test`, which also sends the flow tests through it) | none | all |
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: The same engine; the first draws no windows and takes a third less of the processor.
BROWSERS = ("chromium-headless-shell", "chromium")
NO_BROWSER = (
    "Chromium is missing: the browser tests need it (on Debian: apt-get install chromium-headless-shell, or chromium)."
)
#: What is left out is told with its reason.
PLAIN = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=15", "-rs"]
#: One more than the cores of a small machine: half of these tests wait for something.
PYTEST = [*PLAIN, "-n", str(min(8, (os.cpu_count() or 2) + 1))]

#: So many processes of the product are killed in mid work at least, or the sample of deaths has become too small.
DEATHS = 50

# What a stage does not need is neither collected nor loaded: each of its processes would pay for it.
WITHOUT_BROWSER = ["--ignore=tests/browser"]
WITHOUT_SCHEMATHESIS = ["-p", "no:schemathesis", "-p", "no:hypothesispytest"]


@dataclass
class Stage:
    title: str
    command: list[str]
    environment: dict[str, str]
    folder: Path = ROOT


def find_browser() -> str | None:
    """The Chromium that the browser tests use."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def stages(full: bool) -> list[Stage]:
    chosen = [] if full else ["-m", "not full"]
    once = "not one_database" if full else "not full and not one_database"
    amounts = {"FUZZ_EXAMPLES": "1000", "FULL": "1"} if full else {"FUZZ_EXAMPLES": "6", "FUZZ_HALVES": "1"}
    return [
        Stage("Web client's own tests", ["npx", "vitest", "run"], {}, ROOT / "frontend"),
        Stage("SQLite", [*PYTEST, *WITHOUT_BROWSER, *chosen], amounts),
        Stage(
            "PostgreSQL",
            [*PYTEST, *WITHOUT_BROWSER, "-m", once],
            {**amounts, "TEST_DATABASE": "postgres"},
        ),
        # Two at once: a browser and a product keep a core and a half busy.
        Stage("Browser", [*PLAIN, "-n", "2", *WITHOUT_SCHEMATHESIS, *chosen, "tests/browser"], amounts),
    ]


def counts(output: str) -> tuple[int, int]:
    """(passed, failed) of the closing line of pytest or vitest."""
    lines = [line for line in output.splitlines() if re.search(r"\b\d+ (passed|failed|error)", line)]
    tests = [line for line in lines if line.strip().startswith("Tests ")] or lines[-1:]
    closing = tests[-1] if tests else ""
    passed = sum(int(number) for number in re.findall(r"(\d+) passed", closing))
    failed = sum(int(number) for number in re.findall(r"(\d+) (?:failed|error)", closing))
    return passed, failed


def main() -> int:
    if find_browser() is None:
        print(NO_BROWSER, file=sys.stderr)
        return 1
    passed = failed = deaths = 0
    for stage in stages("--full" in sys.argv):
        started = time.monotonic()
        print(f"== {stage.title}", flush=True)
        process = subprocess.Popen(
            stage.command,
            cwd=stage.folder,
            # Containers like to forbid it; then every process of every stage compiles pytest's rewritten modules anew.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **stage.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            print(line, end="", flush=True)
        code = process.wait()
        good, bad = counts(re.sub(r"\x1b\[[0-9;]*m", "", output))
        if code and not bad:
            bad = 1
        if not code and not good:
            print(f"{stage.title}: no test ran", flush=True)
            bad = 1
        passed, failed = passed + good, failed + bad
        deaths += sum(map(int, re.findall(r"^(\d+) processes of the product were killed", output, re.MULTILINE)))
        print(f"== {stage.title}: {good} passed, {bad} failed in {time.monotonic() - started:.0f} s", flush=True)
    if deaths < DEATHS:
        print(f"only {deaths} processes of the product were killed; {DEATHS} are the least", flush=True)
        failed += 1
    print(f"{passed} passed, {failed} failed; {deaths} processes of the product were killed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
