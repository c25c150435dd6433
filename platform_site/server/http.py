"""Django's request cycle in a small pool of threads of our own, one hop for each request.

Django's ASGI handler makes a thread and a database connection for every request and, with synchronous middleware around an
asynchronous core, hops between threads and loops several times: 8 ms of CPU for an empty answer, against 1 ms here (ADR 7).
Views that are asynchronous by nature (event streams) go to Django's own handler.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.core import signals
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.urls import set_script_prefix

from core import errors
from core.rest.problem import problem_response

# Few: threads that compete for the interpreter with the event loop cost CPU and delay every live stream.
THREADS = 3
# What asks a vendor while the person waits has threads of its own, so that a slow vendor holds up nobody else.
VENDOR_THREADS = 4
MAX_WAITING = 400
CHUNK = 128 * 1024
_ASYNC_PATHS = re.compile(r"^/api/v1/workspaces/[^/]+/runs/[^/]+/stream/$")

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class _Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    rest: Iterator[bytes] | None
    close: Callable[[], object]


class PooledHandler(BaseHandler):
    """An ASGI application. More than MAX_WAITING requests at once are told to come back in a second."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware(is_async=False)
        self._streams = ASGIHandler()
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="http")
        self._vendor_pool = ThreadPoolExecutor(max_workers=VENDOR_THREADS, thread_name_prefix="http-vendor")
        self._under_way = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if _ASYNC_PATHS.match(scope["path"]):
            await self._streams(scope, receive, send)  # type: ignore[arg-type]
            return
        body = await _read_body(receive)
        if body is None:
            return
        if self._under_way >= MAX_WAITING:
            await self._send(_overloaded(), send)
            return
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            pool = self._vendor_pool if "/provider" in scope["path"] else self._pool
            answer = await loop.run_in_executor(pool, self._respond, scope, body)
            await self._send(answer, send)
            if answer.close is not _nothing:
                await loop.run_in_executor(self._pool, answer.close)
        finally:
            self._under_way -= 1

    def _respond(self, scope: dict[str, Any], body: bytes) -> _Answer:
        """On a thread of the pool: the whole request cycle."""
        set_script_prefix("/")
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request = ASGIRequest(scope, BytesIO(body))
        except UnicodeDecodeError:
            return _answer(problem_response(errors.ValidationFailed("The request is malformed.", code="malformed")))
        response: Any = self.get_response(request)
        response._handler_class = self.__class__
        answer = _answer(response)
        if answer.rest is None:
            # Nothing is left to read: end the cycle here and save the second hop.
            answer.close()
            answer.close = _nothing
        return answer

    async def _send(self, answer: _Answer, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if answer.rest is not None:
            loop = asyncio.get_running_loop()
            while chunk := await loop.run_in_executor(self._pool, next, answer.rest, b""):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": answer.body})


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body (the server has bounded it), or None when the client went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _answer(response: Any) -> _Answer:
    body = b"" if response.streaming else bytes(response.content)
    if not response.streaming and response.status_code >= 200 and response.status_code not in (204, 304):
        response.headers.setdefault("Content-Length", str(len(body)))
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    headers += [(b"Set-Cookie", morsel.OutputString().encode("ascii")) for morsel in response.cookies.values()]
    return _Answer(
        response.status_code, headers, body, _in_chunks(response) if response.streaming else None, response.close
    )


def _in_chunks(response: Any) -> Iterator[bytes]:
    for part in response.streaming_content:
        for start in range(0, len(part), CHUNK):
            yield part[start : start + CHUNK]


def _overloaded() -> _Answer:
    busy: HttpResponse = problem_response(
        errors.Unavailable(
            "The server is busy. Try again in a moment.", code="overloaded", headers={"Retry-After": "1"}
        )
    )
    answer = _answer(busy)
    answer.close = _nothing
    return answer


def _nothing() -> None:
    return None
