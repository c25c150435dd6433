"""What the services ring when they have committed. May be called from any thread, and may be lost without harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.bells import ring

RUN = "run"
"""The job kind of a run that is due."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """What those who follow a topic are told of a run that was queued; no content of its own."""

    run: str
    conversation: str
    workspace: str


_when_queued: list[Callable[[QueuedRun], None]] = []
_when_signalled: list[Callable[[str], None]] = []


def when_queued(listener: Callable[[QueuedRun], None]) -> None:
    """Call `listener` for every run queued by this process. It is called on the services' thread and returns at once."""
    _when_queued.append(listener)


def when_signalled(listener: Callable[[str], None]) -> None:
    """Call `listener` with a run's id when its row asks something of its holder (to stop). Same thread rules."""
    _when_signalled.append(listener)


def ring_run(run_id: str, conversation_id: str, workspace_id: str) -> None:
    """A run was queued."""
    for listener in _when_queued:
        listener(QueuedRun(run_id, conversation_id, workspace_id))
    ring(RUN, run_id)


def signal_run(run_id: str) -> None:
    """A run's row changed: its holder should look, or, if nobody holds it, somebody should claim it."""
    for listener in _when_signalled:
        listener(run_id)
    ring(RUN, run_id)
