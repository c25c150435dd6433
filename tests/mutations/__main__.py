"""The run: marks, then one guard after the other. The exit code is 1 if a guard can go without a test noticing."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from tests.mutations.sites import ROOT, Site, sites

FOLDER = Path(__file__).parent
#: Guards without which nothing that a person could see or do changes, each with the reason.
EXCUSED_FILE = FOLDER / "excused.json"
#: {guard: the test that goes red without it}, as the last whole run found them: tried first.
NOTICED_FILE = FOLDER / "noticed.json"
#: A guard's tests are tried until one fails, in two rounds: (so many, for so many seconds by what they took before).
ROUNDS = ((24, 10), (120, 120))
FEWEST, QUICKEST = 3, 10
#: Tests whose names speak of a refusal are tried first.
REFUSING = re.compile(
    r"other|foreign|strang|elsewhere|nobody|refus|only|their_own|denied|cannot|may|never|not_|no_|last|end|gone|revok|"
    r"expire|dead|stale|leave|trace|audit|entry|record|beyond|incident|g\d\d"
)
PYTEST = [sys.executable, "-m", "pytest", "-p", "tests.mutations.plugin", "-p", "no:cacheprovider", "-p", "no:randomly",
          "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-q", "--no-header", "--reuse-db", "--tb=no", "-rfE",
          "--timeout", "60", "-m", "not full and not browser"]  # fmt: skip
#: In-process tests: those that start a product of their own would run the code as it is on disk.
TESTS = ["accounts", "agents", "audit", "core", "jobs", "limits", "llm_providers", "platform_site", "privacy",
         "tests/architecture/test_matrix.py", "tests/architecture/test_refused_first.py",
         "tests/architecture/test_routes.py", "tests/flows", "--ignore=tests/flows/test_fuzz.py"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Marks:
    """Which tests reach which guard, and how long each test takes."""

    reached: dict[str, list[str]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def tests_for(self, site: Site, *, most: int, seconds: float) -> list[str]:
        """The tests that reach a guard: near and quick ones first, and a spread of the others."""
        found: Sequence[str] = self.reached.get(site.name, ())
        if not found:  # what is read at import has no mark: whatever reaches something else of the module
            module = f"{site.path} "
            found = list({test for name, tests in self.reached.items() if name.startswith(module) for test in tests})
        package = site.path.partition("/")[0]

        def cost(test: str) -> tuple[float, str]:
            far = 1 if test.startswith(package) else 3
            return self.took.get(test, 0) * far * (1 if REFUSING.search(test.partition("::")[2]) else 4), test

        # What asks a view or a verb for nothing but its own check.
        asks = re.search(r"(?:of a view, (\w+)|check (requires))", site.what)
        sign = f"[{asks[1]} " if asks and asks[1] else "a_verb_refuses" if asks else "\n"
        direct = [test for test in found if "test_refused_first" in test and sign in test]
        near = sorted(set(found) - set(direct), key=cost)
        chosen, spent = direct, 0.0
        for test in near[:QUICKEST] + near[QUICKEST :: max(1, (len(near) - QUICKEST) // (most - QUICKEST))]:
            spent += self.took.get(test, 0)
            if spent < seconds or len(chosen) < FEWEST:
                chosen.append(test)
        return chosen or [f"{package}/tests", "tests/architecture/test_matrix.py"]


@dataclass(frozen=True, slots=True)
class Tried:
    site: Site
    by: str
    """The test that went red; empty if none did."""
    took: float


class Bench:
    """Runs pytest with a guard taken out, on a copy of a database that is migrated once."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.workers = folder, workers
        self._whole: dict[str, bool] = {}
        """Whether a test passes with every guard in its place, of those that were asked."""
        self._run([sys.executable, "manage.py", "migrate", "-v0"], DATA_DIR=str(folder / "data")).check_returncode()
        self._database = str(folder / "data" / "platform.sqlite3")

    def _environment(self, **more: str) -> dict[str, str]:
        # What a test run that started us has set is its own.
        theirs = ("DJANGO_", "PYTEST_", "TEST_DATABASE", "DATA", "AAP_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def _run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self._environment(**more), capture_output=True, text=True, check=False
        )

    def _pytest(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self._run([*PYTEST, *arguments], MUTATION_DATABASE=self._database, **more)

    def mark(self) -> Marks:
        done = self._pytest("-n", str(self.workers), *TESTS, MUTATION_MARKS=str(self.folder / "marks"))
        print(done.stdout[-400:], flush=True)
        reached: dict[str, set[str]] = {}
        took: dict[str, float] = {}
        for file in self.folder.glob("marks.*"):
            part = json.loads(file.read_text())
            took |= part["took"]
            for name, tests in part["reached"].items():
                reached.setdefault(name, set()).update(tests)
        return Marks({name: sorted(tests) for name, tests in reached.items()}, took)

    def take_out(
        self,
        chosen: Sequence[Site],
        tests_for: Callable[[Site], list[str]],
        seconds: float = 240,
        *,
        whole: bool = False,
    ) -> Iterator[Tried]:
        """One guard after the other, in as many processes as there are workers.

        `whole`: afterwards the same tests with every guard in its place, which saves `fail_anyway` a process.
        """
        later = [site for site in chosen if not site.at_import]
        with ThreadPoolExecutor(self.workers) as pool:
            shares = [later[number :: self.workers] for number in range(self.workers)]
            for share in [
                pool.submit(lambda share: list(self._share(share, tests_for, seconds, whole)), one)
                for one in shares
                if one
            ]:
                yield from share.result()
            at_import = [site for site in chosen if site.at_import]
            yield from pool.map(lambda site: self._alone(site, tests_for(site)), at_import)

    def _share(
        self, share: Sequence[Site], tests_for: Callable[[Site], list[str]], seconds: float, whole: bool
    ) -> Iterator[Tried]:
        by_name = {site.name: site for site in share}
        jobs = [(site.name, tests_for(site)) for site in share]
        every = sorted(set(chain.from_iterable(tests for _, tests in jobs)))
        for name, failed, took in self._jobs([*jobs, ("", every)] if whole else jobs, MUTATION_SECONDS=str(seconds)):
            if not name:
                self._whole |= {test: test not in failed for test in every}
                continue
            yield _told(Tried(by_name[name], failed[0] if failed else "", took))

    def _alone(self, site: Site, tests: list[str]) -> Tried:
        """Taken out before its module is imported; nothing is told if nothing could be imported then."""
        begun = time.monotonic()
        told = list(self._jobs([(site.name, tests)], MUTATION=site.name))
        failed = told[0][1] if told else ["the import"]
        return _told(Tried(site, failed[0] if failed else "", time.monotonic() - begun))

    def _jobs(self, jobs: Sequence[tuple[str, list[str]]], **more: str) -> Iterator[tuple[str, list[str], float]]:
        """(guard, the tests that failed, seconds), as a process tells that collects all tests and forks for each job."""
        modules = sorted({test.partition("::")[0] for _, tests in jobs for test in tests})
        with tempfile.NamedTemporaryFile("w", dir=self.folder) as file, tempfile.TemporaryFile("w+") as output:
            json.dump(jobs, file)
            file.flush()
            readable, writable = os.pipe()
            more |= {"MUTATION_DATABASE": self._database, "MUTATION_JOBS": file.name, "MUTATION_TELL": str(writable)}
            process = subprocess.Popen(
                [*PYTEST, *(module for module in modules if (ROOT / module).exists())],
                cwd=ROOT,
                env=self._environment(**more),
                stdout=output,
                stderr=output,
                pass_fds=[writable],
            )
            os.close(writable)
            with os.fdopen(readable) as told:
                for line in told:
                    name, failed, took = json.loads(line)
                    yield name, failed or [], took
                    jobs = jobs[1:]
            code = process.wait()
            output.seek(0)
            if jobs and not (code == 2 and "MUTATION" in more):
                raise RuntimeError(f"pytest ended with {code}: {output.read()[-3_000:]}")

    def fail_anyway(self, tests: Sequence[str]) -> set[str]:
        """Those of the tests that fail with every guard in its place."""
        if unknown := [test for test in tests if test not in self._whole]:
            failed = set(chain.from_iterable(failed for _, failed, _ in self._jobs([("", unknown)])))
            self._whole |= {test: test not in failed for test in unknown}
        return {test for test in tests if not self._whole[test]}


def _told(one: Tried) -> Tried:
    verdict = f"{'noticed' if one.by else 'SURVIVED':8} {one.took:5.1f} s"
    print(f"{verdict}  {one.site.line:4} {one.site.name}  {one.by}", flush=True)
    return one


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument(
        "--sample",
        type=int,
        default=0,
        help="So many of those with a known test, drawn by SEED.",
    )
    parser.add_argument("--only", default="", help="Guards whose name holds this (a regular expression).")
    parser.add_argument("--new", action="store_true", help="Guards whose test is not known yet.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--marks", default="", help="A file with the marks of an earlier run; written if not there.")
    parser.add_argument("--tests", nargs="*", default=[], help="Try these tests, not those that reach the guard.")
    parser.add_argument("--write", action="store_true", help="Note which test noticed what.")
    parser.add_argument("--list", action="store_true", help="Only list the guards.")
    options = parser.parse_args()
    excused, noticed = _read(EXCUSED_FILE), _read(NOTICED_FILE)
    everything = sites()
    chosen = [site for site in everything if re.search(options.only, site.name)]
    if options.new:
        chosen = [site for site in chosen if site.name not in noticed and site.name not in excused]
    if options.sample:
        drawn = [site for site in chosen if site.name in noticed and not site.at_import]
        chosen = random.Random(os.environ.get("SEED", "7")).sample(drawn, min(options.sample, len(drawn)))
    if options.list:
        print("\n".join(site.name for site in chosen))
        print(_count(chosen))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.workers)
        if options.tests:
            tried = list(bench.take_out(chosen, lambda site: list(options.tests)))
        else:
            known = [site for site in chosen if site.name in noticed]
            again = bench.take_out(known, lambda site: [noticed[site.name]], whole=True)
            tried = [one for one in again if one.by or options.sample]
            left = [site for site in chosen if site not in {one.site for one in tried}]
            marks = _marks(bench, options.marks) if left else Marks()
            for most, seconds in ROUNDS if left else ():
                now = list(bench.take_out(left, partial(marks.tests_for, most=most, seconds=seconds), seconds))
                last = (most, seconds) == ROUNDS[-1]
                tried += [one for one in now if one.by or last]
                left = [one.site for one in now if not one.by]
        reds = sorted({one.by for one in tried if "::" in one.by})
        false = bench.fail_anyway(reds) if reds else set()
    survived = [one for one in tried if one.by in false or (not one.by and one.site.name not in excused)]
    for one in survived:
        reason = f" (noticed by a test that fails anyway: {one.by})" if one.by else ""
        print(f"still there: {one.site.path}:{one.site.line} {one.site.name}{reason}")
    if options.write:
        noticed |= {one.site.name: one.by for one in tried if one.by and one.by not in false}
        kept = {site.name: noticed[site.name] for site in everything if site.name in noticed}
        NOTICED_FILE.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    print(_count([one.site for one in tried]))
    print(f"{len(tried) - len(survived)} passed, {len(survived)} failed")
    return 1 if survived else 0


def _read(file: Path) -> dict[str, str]:
    return dict(json.loads(file.read_text())) if file.exists() else {}


def _marks(bench: Bench, kept: str) -> Marks:
    file = Path(kept) if kept else None
    if file is not None and file.exists():
        return Marks(**json.loads(file.read_text()))
    marks = bench.mark()
    if file is not None:
        file.write_text(json.dumps({"reached": marks.reached, "took": marks.took}))
    return marks


def _count(chosen: Sequence[Site]) -> str:
    kinds = sorted(Counter(site.kind for site in chosen).items())
    return f"{len(chosen)} guards: " + ", ".join(f"{kind}: {number}" for kind, number in kinds)


if __name__ == "__main__":
    sys.exit(main())
