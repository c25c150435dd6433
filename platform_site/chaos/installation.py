"""An installation in a scratch folder, as a set of processes and an HTTP client. Knows no promises."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from django.conf import settings

START_SECONDS = 60.0
_EMAIL, _PASSWORD = "chaos@example.com", "a-password-for-an-hour-7"  # of an installation that is thrown away


class Refused(Exception):
    """The product answered 4xx or 5xx."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


class Away(Exception):
    """Nobody answered, or the connection was cut."""


class Installation:
    """`start`, `kill`, `call`. The environment of the caller does not reach it, but for PATH."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        self.folder = folder
        self.port = _free_port()
        self.starts: list[float] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "serve.log"
        self._token = self._space = ""
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DATA_DIR": str(folder / "data"),
            "PORT": str(self.port),
            "AAP_RATE_LIMITS": "off",
            "PYTHONUNBUFFERED": "1",
            **({"DATABASE_URL": database_url} if database_url else {}),
        }

    def prepare(self) -> str:
        """Migrate, start, set up; returns the id of an agent that may calculate and ask."""
        (self.folder / "data" / "static").mkdir(parents=True)
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=settings.BASE_DIR, env=self._environment, check=True)  # noqa: S603
        self.start()
        code = re.findall(r"#code=(\S+)", self._log.read_text())[-1]
        self.call(
            "POST", "/api/v1/setup/", {"code": code, "email": _EMAIL, "password": _PASSWORD, "workspace": "Chaos"}
        )
        self._token = self.call("POST", "/api/v1/auth/token/", {"email": _EMAIL, "password": _PASSWORD})["access"]
        self._space = f"/api/v1/workspaces/{self.call('GET', '/api/v1/me/')['workspaces'][0]['id']}/"
        self.call("POST", "providers/", {"kind": "demo", "name": "Demo"})
        model = self.call("GET", "models/")["results"][0]["id"]
        body = {"name": "Chaos", "model": model, "tools": ["calculator", "ask_person"]}
        agent = str(self.call("POST", "agents/", body)["id"])
        self.call("POST", f"agents/{agent}/publish/", {})
        return agent

    def start(self) -> None:
        began = time.monotonic()
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=settings.BASE_DIR, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        while time.monotonic() - began < START_SECONDS:
            if self._process.poll() is not None:
                raise RuntimeError(f"The server ended at its start:\n{self._log.read_text()[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        self.starts.append(time.monotonic() - began)
                        return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"The server was not ready within {START_SECONDS:g} s:\n{self._log.read_text()[-2000:]}")

    def end(self, number: signal.Signals) -> None:
        """Send the signal and wait until the process is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(60)

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """The JSON answer. Raises Refused or Away."""
        try:
            with urllib.request.urlopen(self.request(method, path, body, key), timeout=30) as answer:  # noqa: S310
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None
        except (OSError, ValueError) as error:
            raise Away(str(error)) from None
        except Exception as error:  # http.client's own errors when an answer is cut
            raise Away(type(error).__name__) from None
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise Away("the answer was cut") from None

    def request(self, method: str, path: str, body: Any = None, key: str | None = None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("/") else self._space + path
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(f"http://127.0.0.1:{self.port}{address}", data, headers, method=method)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
