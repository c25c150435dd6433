"""Looks up runs that somebody here watches and another process (or nobody yet) carries on.

In one process this hardly has work: a run in the queue, a run between two holders. It is what makes a watcher independent
of where a run is carried on.
"""

from __future__ import annotations

import asyncio
import logging

from agents.runtime.hub import Channel, hub
from agents.runtime.reading import RunLook, look_at_runs
from core.db import in_db

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5


def learn(channel: Channel, look: RunLook) -> None:
    """Bring a channel that is not held here up to what the database says, unless newer news came by the bus meanwhile: what
    was open when the database was asked may be dropped or complete by now, and would be sent again.
    """
    if channel.held or (channel.known and look.last_seq < channel.last_seq):
        return
    channel.ended = look.ended
    if look.last_seq > channel.last_seq or not channel.known:
        for message in channel.open.keys() - {text.message for text in look.open_texts}:
            del channel.open[message]
        channel.adopt(look.last_seq, held=False)
    for text in look.open_texts:
        channel.learn_text(text.message, text.started_seq, text.text, text.reasoning)


class Lookout:
    """One task per process, alive only while there is something to look up."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self.seconds: float | None = None
        """How long to wait between two looks; None: LOOK_SECONDS."""

    def needed(self) -> None:
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.create_task(self._look(), name="lookout")

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self.seconds or LOOK_SECONDS)
            channels = hub.unheld()
            if not channels:
                return
            try:
                for start in range(0, len(channels), 200):
                    runs = [channel.run for channel in channels[start : start + 200]]
                    for look in await in_db(look_at_runs, runs):
                        channel = hub.channels.get(look.run)
                        if channel is not None:
                            learn(channel, look)
            except Exception:
                log.exception("watched runs could not be looked up; trying again")


lookout = Lookout()
hub.on_unheld = lookout.needed
