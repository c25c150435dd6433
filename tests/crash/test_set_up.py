"""A set-up that is cut off at any point, by Ctrl+C or kill -9, and run again is a whole set-up.

`make test` cuts off the two steps that take seconds, in a checkout without the web client and with the packages that run
the tests; `make test-all` cuts off every step of a real first set-up. `SEED=n` for other moments.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT, free_port
from tests.fixtures.set_up import load_prepare

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
SEED = int(os.environ.get("SEED", "7"))
SIGNALS = (signal.SIGINT, signal.SIGKILL)
NOT_OURS = ("DATA_DIR", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
INTERRUPTED = "Interrupted. Run the same command again to go on from here."
# Printed by the packages' own Python: what a package says it holds, less its own tests, and is not there.
MISSING_FILES = """
from importlib.metadata import distributions
for one in distributions():
    if one.files is None: print(one.name, "has no list of files")
    for file in one.files or ():
        file.locate().exists() or {"tests", "test"} & set(file.parts[:-1]) or print(one.name, file)
"""


class Checkout:
    """What git would commit of this checkout, in a folder of its own."""

    def __init__(self, folder: Path, *without: str) -> None:
        self.folder = folder
        listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, text=True)
        for name in filter(None, listed.split("\0")):
            if name.split("/")[0] not in without and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        self.data = folder / "data"
        # The machine's own environment, which says what registries to ask, without the tests' settings and make's.
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("AAP_") and name not in NOT_OURS
        }
        self.command = [sys.executable, "deploy/quickstart/prepare.py"]

    def start(self, command: list[str] | None = None, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command or self.command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # What was started in the background hands down a SIGINT that does nothing; a person at a terminal does not.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def set_up(self, **environment: str) -> tuple[int, str, str]:
        """Status, output and errors of a set-up that nobody disturbs."""
        process = self.start(None, **environment)
        said, complained = process.communicate(timeout=600)
        return process.returncode, said, complained

    def cut_off(self, title: str, reached: Callable[[], bool], number: int, delay: float = 0.0) -> None:
        """Begin a set-up and end it, with all that it started, in the step `title` once `reached` holds."""
        process = self.start()
        assert process.stdout is not None
        line = ""
        for line in process.stdout:
            if f"] {title}" in line and line.endswith("…\n"):
                break
        else:
            raise AssertionError(f"{title} never began: {process.communicate()}")
        deadline = time.monotonic() + 300
        while not reached():
            assert process.poll() is None and time.monotonic() < deadline, f"{line}: {process.communicate()}"
            time.sleep(0.005)
        threading.Event().wait(delay)
        os.killpg(process.pid, number)
        said, complained = process.communicate(timeout=60)
        assert process.returncode != 0 and ": done in" not in said, f"ended before it was cut off: {said}"
        assert number == signal.SIGKILL or INTERRUPTED in complained, complained
        assert "Traceback" not in complained

    @contextmanager
    def serve(self, command: list[str]) -> Iterator[str]:
        """Its product, started by `command`; gives the address once it is ready."""
        port = free_port()
        process = self.start(command, PORT=str(port))
        assert process.stdout is not None
        try:
            output = ""
            for line in process.stdout:
                output += line
                if "Set up: " in line:
                    break
            else:
                raise AssertionError(f"never ready: {output} {process.communicate()[1]}")
            yield f"http://localhost:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGTERM, 2), process.returncode  # make says 2 of what was ended


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert answer.status == 200
        body: bytes = answer.read()
        return body


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Without the web client, with this test's own packages: a set-up of seconds."""
    made = Checkout(tmp_path / "checkout", "frontend")
    made.environment["AAP_VENV"] = sys.prefix
    return made


def check_whole(checkout: Checkout, *command: str) -> None:
    """Nothing is left to do, and the product works with everything that it brings."""
    assert checkout.set_up() == (0, "", "")
    with checkout.serve([*command]) as address:
        assert fetch(f"{address}/readyz") == b'{"status": "ready"}'
        assert fetch(f"{address}/static/error.css") == (checkout.folder / "static/error.css").read_bytes()
        page = fetch(f"{address}/admin/login/").decode()
        files = set(re.findall(r'(?:src|href)="(/static/[^"?]+)', page))
        assert len(files) > 3
        for file in files:
            fetch(address + file)


def test_incident_3_25_a_set_up_cut_off_at_its_last_steps(checkout: Checkout) -> None:
    moments = random.Random(SEED)
    database, style = checkout.data / "platform.sqlite3", checkout.data / "static/error.css"
    for number in SIGNALS:
        checkout.cut_off("Database", database.exists, number, moments.uniform(0, 0.4))
    status, said, _ = checkout.set_up()
    assert status == 0 and "[1/2] Database" in said and "Python packages" not in said
    shutil.rmtree(checkout.data / "static")
    for number in SIGNALS:
        checkout.cut_off("Static files", style.exists, number, moments.uniform(0, 0.05))
    status, said, _ = checkout.set_up()
    assert status == 0 and "[1/1] Static files" in said
    check_whole(checkout, sys.executable, "manage.py", "serve")


def test_what_was_half_made_is_done_again_though_its_source_is_as_before(checkout: Checkout) -> None:
    """A change, a set-up cut off, the change taken back: the stamp of before the change vouches for nothing."""
    assert checkout.set_up()[0] == 0
    source, copied = checkout.folder / "static/error.css", checkout.data / "static/error.css"
    before = source.read_bytes()
    source.write_bytes(b"body { color: red; }")
    checkout.cut_off(
        "Static files", lambda: copied.exists() and copied.read_bytes() == source.read_bytes(), signal.SIGKILL
    )
    source.write_bytes(before)
    status, said, _ = checkout.set_up()
    assert status == 0 and "[1/1] Static files" in said
    check_whole(checkout, sys.executable, "manage.py", "serve")


def test_a_step_that_fails_says_why_and_what_to_do_and_is_done_again(checkout: Checkout) -> None:
    status, said, complained = checkout.set_up(DATABASE_URL="nonsense")
    assert status == 1 and "Database: done" not in said and "Static files" not in said
    assert "DATABASE_URL must look like postgresql://" in complained
    assert complained.endswith("\n\nThe database could not be brought up to date.\n")
    assert "Traceback" not in complained
    status, said, complained = checkout.set_up()
    assert (status, complained) == (0, "") and "[1/2] Database" in said


def test_a_folder_named_by_mistake_for_the_packages_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    letters.mkdir()
    (letters / "dear.txt").write_text("Dear")
    for wrong in (letters, letters / "dear.txt"):
        status, said, complained = checkout.set_up(AAP_VENV=str(wrong))
        assert (status, said) == (1, "")
        assert f"AAP_VENV names {wrong}, which is something else" in complained and "Traceback" not in complained
    assert [path.name for path in letters.iterdir()] == ["dear.txt"]


OPTIMISED, PLAIN = "'--enable-optimizations' '--with-lto'", "'--prefix=/home/me'"
THIS = str(sys.version_info[:2])


@pytest.mark.parametrize(
    ("own", "system_says", "taken"),
    [
        (PLAIN, f"{THIS} /other", "system"),
        (OPTIMISED, f"{THIS} /other", "own"),
        (None, f"{THIS} /other", "own"),
        (PLAIN, f"{THIS} {sys.base_prefix}", "own"),
        (PLAIN, "(3, 1) /other", "own"),
        (PLAIN, None, "own"),  # there is none, or it has no venv
    ],
)
def test_of_two_pythons_the_quicker_gets_the_packages(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    system_says: str | None,
    taken: str,
) -> None:
    monkeypatch.delenv("AAP_KEEP_PYTHON", raising=False)
    system = tmp_path / "python3"
    if system_says is not None:
        system.write_text(f'#!/bin/sh\necho "{system_says}"\n')
        system.chmod(0o755)
    prepare = load_prepare()
    chosen = prepare.choose_python(own, system)
    assert chosen == {"own": sys.executable, "system": str(system)}[taken]
    assert ("PYTHON=" in capsys.readouterr().out) == (taken == "system"), "it is said, and how to have it otherwise"
    monkeypatch.setenv("AAP_KEEP_PYTHON", "1")
    assert prepare.choose_python(own, system) == sys.executable


def test_two_set_ups_at_once_wait_for_each_other(checkout: Checkout) -> None:
    first, second = checkout.start(), checkout.start()
    outputs = [process.communicate(timeout=100) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    (waited,) = [said for said, _ in outputs if "Another set-up of this checkout is under way" in said]
    assert "done in" not in waited, "what the other did is not done twice"
    (worked,) = [said for said, _ in outputs if said != waited]
    assert worked.count("done in") == 2


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_first_set_up_cut_off_at_every_step(tmp_path: Path) -> None:
    """With its own packages from the registries, its own build of the client, and `make`, as a newcomer does it."""
    checkout = Checkout(tmp_path / "checkout")
    checkout.command = ["make", "setup", f"PYTHON={sys.executable}"]
    moments = random.Random(SEED)
    packages, client = checkout.folder / ".venv", checkout.folder / "frontend"

    def at_least(count: int, folder: Path, pattern: str) -> Callable[[], bool]:
        return lambda: sum(1 for _ in folder.glob(pattern)) >= count

    installed = "lib/*/site-packages/*.dist-info"
    points: list[tuple[str, Callable[[], bool]]] = [
        ("Python packages", (packages / "pyvenv.cfg").exists),
        ("Python packages", at_least(moments.randint(3, 60), packages, installed)),
        ("Web client's packages", at_least(moments.randint(1, 100), client, "node_modules/*")),
        ("Web client's build", (client / ".next").exists),
        ("Web client's build", (client / "out").exists),
        ("Database", (checkout.data / "platform.sqlite3").exists),
        ("Static files", (checkout.data / "static/error.css").exists),
    ]
    for index, (title, reached) in enumerate(points):
        checkout.cut_off(title, reached, SIGNALS[(index + SEED) % 2], moments.uniform(0, 0.5))
        if index == 1:  # as a kill leaves it in the middle of a package that counts as installed already
            moments.choice(sorted(packages.glob("lib/*/site-packages/*/__init__.py"))).unlink()
    status, _, complained = checkout.set_up()
    assert (status, complained) == (0, "")
    missing = subprocess.check_output([packages / "bin/python", "-c", MISSING_FILES], text=True)
    assert missing == ""
    check_whole(checkout, "make", "run", f"PYTHON={sys.executable}")
