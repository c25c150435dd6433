"""Notices: that something became of a run, for those who watch a conversation or a workspace. No content of its own.

Must not know: sockets, permissions (watchers filter by what they may see).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """`what` is the name of the event, such as "run.queued"; `starter` the id of the person who started the run."""

    run: str
    conversation: str
    workspace: str
    starter: str
    what: str

    @property
    def topics(self) -> tuple[str, ...]:
        kind = "decisions" if self.what.startswith("decision.") else "runs"
        return f"conversation:{self.conversation}", f"{kind}:{self.workspace}"


Listener = Callable[[str, Notice], None]


class Notices:
    """Topic -> listeners, in this process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.relay: Callable[[Notice], None] | None = None
        """Takes every notice to the other processes; may be called from any thread."""

    def listen(self, topic: str, listener: Listener) -> None:
        """On the event loop; the listener is called there, with (topic, notice), and must return at once."""
        self._loop = asyncio.get_running_loop()
        self._listeners.setdefault(topic, set()).add(listener)

    def leave(self, topic: str, listener: Listener) -> None:
        listeners = self._listeners.get(topic)
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[topic]

    def announce(self, notice: Notice) -> None:
        """From any thread; nothing happens when nobody listens."""
        if self.relay is not None:
            self.relay(notice)
        loop = self._loop
        if loop is None or not self._listeners:
            return
        try:
            loop.call_soon_threadsafe(self.deliver, notice)
        except RuntimeError:
            pass

    def deliver(self, notice: Notice) -> None:
        """To the listeners here; on the event loop."""
        for topic in notice.topics:
            for listener in tuple(self._listeners.get(topic, ())):
                listener(topic, notice)


notices = Notices()
