"""The first process of a container hears SIGTERM at any time, though the kernel keeps back what it has no handler for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: A command that has said that it is under way, and would stay so.
BUSY = "import sys, time; print('under way', flush=True); time.sleep(100)"


def test_a_command_that_is_process_1_ends_when_it_is_told_to(tmp_path: Path) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a namespace of processes")
    outer = subprocess.Popen(
        [*alone, sys.executable, "manage.py", "shell", "--no-imports", "-c", BUSY],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert outer.stdout is not None and outer.stdout.readline() == "under way\n"
        (first,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        assert outer.wait(timeout=20) == 128 + signal.SIGTERM
    finally:
        outer.kill()
        outer.wait()
