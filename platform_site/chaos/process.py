"""One process of the scratch installation, to be started, stopped, killed and put to sleep. Knows no other."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from django.conf import settings

START_SECONDS = 60.0
END_SECONDS = 40.0


class StartFailed(Exception):
    """A process did not come up, or not back; the message ends with what it logged last."""


class Process:
    """`manage.py serve` on `port`, or `manage.py worker` without one."""

    def __init__(self, name: str, *, environment: dict[str, str], log: Path, port: int | None = None) -> None:
        self.name, self.environment, self.log, self.port = name, environment, log, port
        self.starts: list[float] = []
        self.asleep = False
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._logged = 0

    @property
    def up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns once it is ready. Raises StartFailed."""
        self.begin()
        self.wait_ready()

    def begin(self) -> None:
        self._began = time.monotonic()
        self._logged = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            # In a session of its own: Ctrl+C reaches the campaign only, which then ends what it has started.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "manage.py", "worker" if self.port is None else "serve"],
                cwd=settings.BASE_DIR, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_ready(self) -> None:
        while time.monotonic() - self._began < START_SECONDS:
            if not self.up:
                raise StartFailed(f"{self.name} ended at its start:\n{self.said()[-2000:]}")
            if self._is_ready():
                self.starts.append(time.monotonic() - self._began)
                return
            time.sleep(0.02)
        raise StartFailed(f"{self.name} was not ready within {START_SECONDS:g} s:\n{self.said()[-2000:]}")

    def said(self) -> str:
        """What it has logged since its last start."""
        with open(self.log, "rb") as log:
            log.seek(self._logged)
            return log.read().decode(errors="replace")

    def end(self, number: signal.Signals) -> int | None:
        """Send the signal and wait until the process is gone. Returns its exit status; None if it had to be killed."""
        if self._process is None or not self.up:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(settings.WORKER_PATIENCE + END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        finally:
            self.asleep = False

    def sleep(self) -> None:
        """It stays where it is, with its connections and locks, and does nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        self.asleep = True

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self.asleep = False

    def _is_ready(self) -> bool:
        if self.port is None:
            return "Working: process" in self.said()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
