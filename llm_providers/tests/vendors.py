"""The vendors' mock for the adapter tests: aimock as a child process on loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.fixtures.outside import port_outside

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "mockvendor"
CLI = FOLDER / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"


def available() -> bool:
    return CLI.exists() and shutil.which("node") is not None


def run_mock() -> Iterator[str]:
    """Yields the mock's `host:port` while it runs."""
    port = port_outside()
    command = ["node", str(CLI), "-p", str(port), "-f", str(FOLDER / "fixtures.json"), "--log-level", "warn", "-c", "6"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment())
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < deadline, "the vendors' mock did not start"
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except OSError:
        return False


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not re.search(r"KEY|TOKEN|SECRET|PROXY", name, re.I)}
