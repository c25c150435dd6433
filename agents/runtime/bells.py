"""What services ring inside their transaction. From any thread, in any process.

Whoever works hears it once the change is committed; other processes hear it over the bus. Where nobody hears it, sweeps and
heartbeats find what was meant.
"""

from __future__ import annotations

from agents.runtime.bus import bus
from agents.runtime.host import RUN_KIND, host
from agents.runtime.notices import Notice, notices
from core.db import after_commit
from jobs.bells import enlist


def ring_run(run: str, conversation: str, workspace: str, starter: str) -> None:
    """A run waits in the queue: look now; those who watch the conversation or the workspace are told."""
    enlist(RUN_KIND, run)
    _tell(Notice(run, conversation, workspace, starter, "run.queued"))


def ring_decided(run: str, conversation: str, workspace: str, starter: str) -> None:
    """A person decided something: the run may go on, and those who watch are told that it is decided."""
    enlist(RUN_KIND, run)
    _tell(Notice(run, conversation, workspace, starter, "decision.resolved"))


def speak_to_run(run: str) -> None:
    """Somebody said something to a run: its holder reads it before the next model call."""

    def spoken() -> None:
        host.speak_from_anywhere(run)
        bus.tell("spoken", run)

    after_commit(spoken)


def signal_run(run: str) -> None:
    """`cancel_requested_at` was set: stop the run where it is at work, end it if it waits in the queue."""
    if not host.at_work:
        enlist(RUN_KIND, run)

    def cancelled() -> None:
        host.cancel_from_anywhere(run)
        bus.tell("cancel", run)

    after_commit(cancelled)


def _tell(notice: Notice) -> None:
    after_commit(lambda: notices.announce(notice))
