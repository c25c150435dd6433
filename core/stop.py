"""A wish to stop that interrupts whatever a task is waiting for, at no cost while nobody wishes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class StopSignal:
    """Requested once, from the loop's own thread. `reason` says why, None while nobody asked."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._task: asyncio.Task[object] | None = None
        self._sent = False

    def request(self, reason: str) -> None:
        """Ask to stop; the first reason stays. Interrupts the task that is inside `interrupts()`, if one is."""
        if self.reason is not None:
            return
        self.reason = reason
        if self._task is not None:
            self._sent = True
            self._task.cancel()

    async def interruptible(self, waiting: Awaitable[T], task: asyncio.Task[Any]) -> T | None:
        """Await this; None when `request` cut it short. The same as `interrupts`, made for what happens per token.

        `task` is the current one, which costs too much to look up each time.
        """
        if self.reason is None:
            self._task, self._sent = task, False
            try:
                return await waiting
            except asyncio.CancelledError:
                if not self._sent or task.uncancel() > 0:
                    raise
                self._sent = False
                return None
            finally:
                self._task = None
                if self._sent:
                    await self._take_in(task)
        async with self.interrupts():
            return await waiting
        return None

    @asynccontextmanager
    async def interrupts(self) -> AsyncIterator[None]:
        """While inside, `request` cancels this task, and the block ends quietly: look at `reason` afterwards.

        A cancellation that is not ours (shutdown) goes through. With the signal already given the block runs until its
        first await.
        """
        task = asyncio.current_task()
        assert task is not None
        self._task, self._sent = task, False
        if self.reason is not None:
            self._sent = True
            task.cancel()
        try:
            yield
        except asyncio.CancelledError:
            if not self._sent or task.uncancel() > 0:
                raise
            self._sent = False
        finally:
            self._task = None
            if self._sent:
                await self._take_in(task)

    async def _take_in(self, task: asyncio.Task[object]) -> None:
        """The cancellation was sent, but what it was meant for ended before it arrived."""
        self._sent = False
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if task.uncancel() > 0:
                raise
