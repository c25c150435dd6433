"""An HTTP client that knows every web server of the installation and goes to the next when its own is away."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

#: How long a request is asked again before that is a fault, in seconds.
INSIST_SECONDS = 120.0
_EMAIL, _PASSWORD = "chaos@example.com", "a-password-for-an-hour-7"  # of an installation that is thrown away
_SIGN_IN = "/api/v1/auth/token/"


class Refused(Exception):
    """The product answered 4xx or 5xx."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


class Away(Exception):
    """Nobody answered, or the connection was cut."""


@dataclass(slots=True)
class Door:
    """Where the installation answers and what lets one in. `patience`: seconds of silence before a client goes away."""

    ports: list[int]
    patience: float
    token: str = ""
    space: str = ""
    renewing: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """`at` is the web server that it begins with."""

    def __init__(self, door: Door, at: int = 0) -> None:
        self._door, self._at = door, at % len(door.ports)

    def move(self) -> None:
        """To the next web server, if there is another."""
        self._at = (self._at + 1) % len(self._door.ports)

    def set_up(self, code: str) -> None:
        person = {"email": _EMAIL, "password": _PASSWORD}
        self.call("POST", "/api/v1/setup/", {"code": code, "workspace": "Chaos", **person})
        self._sign_in()
        self._door.space = f"/api/v1/workspaces/{self.call('GET', '/api/v1/me/')['workspaces'][0]['id']}/"

    def open(self, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
        """A stream. Raises Refused or Away; reading it raises OSError when it is cut."""
        request = self._request("GET", path)
        for name, value in headers.items():
            request.add_header(name, value)
        return self._ask(request)

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """The JSON answer. Raises Refused or Away; after Away the next call goes to the next web server."""
        try:
            with self._ask(self._request(method, path, body, key)) as answer:
                content = answer.read()
            return json.loads(content) if content else None
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.move()
            raise Away(f"the answer was cut: {error}") from None

    def insist(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Ask until there is an answer: what a client does whose connection is cut. Raises Refused, and Away in the end."""
        until = time.monotonic() + INSIST_SECONDS
        while True:
            try:
                return self.call(method, path, body, key)
            except Away:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            except Refused as refusal:
                if refusal.status not in (409, 429, 503) or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _ask(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        token = self._door.token
        try:
            answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=self._door.patience)  # noqa: S310
            return answer
        except urllib.error.HTTPError as error:
            with error:
                body = _read_all(error)
            if error.code == 401 and token and request.selector != _SIGN_IN:
                self._renew(token)
                raise Away("the token had run out") from None
            raise Refused(error.code, body) from None
        except Exception as error:  # http.client's own errors, too, when an answer is cut
            self.move()
            raise Away(f"{type(error).__name__}: {error}") from None

    def _renew(self, old: str) -> None:
        """Tokens live for a quarter of an hour, campaigns may be longer."""
        with self._door.renewing:
            if self._door.token == old:
                try:
                    self._sign_in()
                except (Away, Refused):
                    pass  # whoever is refused next tries again

    def _sign_in(self) -> None:
        self._door.token = self.call("POST", _SIGN_IN, {"email": _EMAIL, "password": _PASSWORD})["access"]

    def _request(self, method: str, path: str, body: Any = None, key: str | None = None) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        if self._door.token and path != _SIGN_IN:
            headers["Authorization"] = f"Bearer {self._door.token}"
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("/") else self._door.space + path
        data = None if body is None else json.dumps(body).encode()
        where = f"http://127.0.0.1:{self._door.ports[self._at]}{address}"
        return urllib.request.Request(where, data, headers, method=method)


def _read_all(error: urllib.error.HTTPError) -> str:
    try:
        return error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return ""
