"""A wish to stop that interrupts whatever a task is waiting for, at no cost while nobody wishes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


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
            if self._sent:  # sent, but the block ended before it arrived: take it in here
                self._sent = False
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    if task.uncancel() > 0:
                        raise
