"""Questions to the database that come while others are answered wait for a moment and are then asked together.

When nobody else asks, a question goes out at once and alone. When thousands come in the same second, each would cost a hop
to a thread, a connection and several queries; together they share them.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from core.db import in_db

Q = TypeVar("Q")
A = TypeVar("A")

VISITS = 2
MOST = 200


class Together(Generic[Q, A]):
    """`find` answers questions in their order, in a thread: with what was found, or the error to raise to whoever asked."""

    def __init__(self, find: Callable[[Sequence[Q]], Sequence[A | Exception]]) -> None:
        self._find = find
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._visits: set[asyncio.Task[None]] = set()

    async def ask(self, question: Q) -> A:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the loop before is gone, and whoever asked on it
            self._loop, self._waiting, self._visits = loop, deque(), set()
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, answer))
        if len(self._visits) < VISITS:
            # In a context of its own: the visit is for many, and not whoever asked first shall stand in its logs.
            visit = self._visit(self._waiting, self._visits)
            self._visits.add(loop.create_task(visit, context=contextvars.Context()))
        return await answer

    async def _visit(self, waiting: deque[tuple[Q, asyncio.Future[A]]], visits: set[asyncio.Task[None]]) -> None:
        try:
            await self._answer_all(waiting)
        finally:
            # In the same step that saw nobody waiting. A task's done-callbacks come a turn of the loop later, and whoever
            # asked in between would take this visit for one that still looks.
            visits.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer_all(self, waiting: deque[tuple[Q, asyncio.Future[A]]]) -> None:
        while waiting:
            some = [waiting.popleft() for _ in range(min(MOST, len(waiting)))]
            found: Sequence[A | Exception]
            try:
                found = await in_db(self._find, [question for question, _ in some])
            except Exception as error:
                found = [error] * len(some)
            for (_, answer), one in zip(some, found, strict=True):
                if answer.done():
                    continue  # whoever asked has left
                if isinstance(one, Exception):
                    answer.set_exception(one)
                else:
                    answer.set_result(one)
