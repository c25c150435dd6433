"""A worker's own small door: is it alive, is it ready, its figures. For probes and Prometheus, not for people.

On a thread of its own, so that a stuck event loop is told and not waited for.
"""

from __future__ import annotations

import hmac
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from prometheus_client import CONTENT_TYPE_LATEST

from core import outage
from platform_site.metrics import exposition, loop_is_stuck

log = logging.getLogger("platform.worker")
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class WorkerDoor:
    """`open` listens; `close` ends it. `draining` makes /readyz say no."""

    def __init__(self, bind: str, port: int) -> None:
        self.draining = False
        self._server = _Server((bind, port), _Handler)
        self._server.daemon_threads = True
        self._server.door = self

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def open(self) -> WorkerDoor:
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="worker-door", daemon=True).start()
        return self

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, peer: str, offered: str) -> tuple[int, str, bytes]:
        """(status, content type, body) for a GET."""
        if path == "/healthz":
            if loop_is_stuck(time.monotonic()):
                return _told(503, "The event loop has come to nothing for half a minute. Restart this worker.")
            return _told(200, "")
        if path == "/readyz":
            if self.draining:
                return _told(503, "This worker is stopping.")
            if outage.is_away():
                return _told(503, "The database does not answer.")
            return _told(200, "")
        token = settings.METRICS_TOKEN
        given = bool(token) and hmac.compare_digest(offered.removeprefix("Bearer ").encode(), token.encode())
        if path == "/metrics" and (given or peer in LOOPBACK):
            try:
                return 200, CONTENT_TYPE_LATEST, exposition()
            finally:
                close_old_connections()
        return _told(404, "Nothing is here.")


def _told(status: int, reason: str) -> tuple[int, str, bytes]:
    body = {"status": "ok"} if status == 200 else {"status": "no", "reason": reason}
    return status, "application/json", json.dumps(body).encode()


class _Server(ThreadingHTTPServer):
    door: WorkerDoor
    request_queue_size = 16


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "worker"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        status, kind, body = self.server.door.answer(
            self.path.partition("?")[0], self.client_address[0], self.headers.get("Authorization", "")
        )
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass
