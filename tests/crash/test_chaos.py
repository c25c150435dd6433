"""`manage.py chaos`, as an operator calls it: a few deaths with a fixed seed, all guarantees held, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.product import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]


def chaos(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder / "mine"), "TMPDIR": str(folder),
    }  # fmt: skip
    command = [sys.executable, "manage.py", "chaos", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


def test_chaos_says_which_guarantees_held(tmp_path: Path) -> None:
    done = chaos(tmp_path, "--kills", "8", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    held = [line for line in done.stdout.splitlines() if line.startswith("held ")]
    assert len(held) == 7 and "BROKEN" not in done.stdout and "8 deaths" in done.stdout
    assert not list(tmp_path.glob("chaos-*")), "the scratch folder is gone"
    assert not list((tmp_path / "mine").glob("*.sqlite3")), "the caller's own data folder is not touched"


def test_chaos_takes_only_sensible_numbers(tmp_path: Path) -> None:
    for number in ("0", "-1", "x", "1.5", "1000000"):
        assert chaos(tmp_path, "--kills", number).returncode != 0
