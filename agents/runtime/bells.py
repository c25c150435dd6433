"""What services ring after their commit. From any thread, in any process.

Where no runtime is at work nothing happens; sweeps and heartbeats find what was meant.
"""

from __future__ import annotations

from agents.runtime.host import RUN_KIND, host
from agents.runtime.notices import Notice, notices
from jobs.bells import ring


def ring_run(run: str, conversation: str, workspace: str, starter: str) -> None:
    """A run waits in the queue: look now; those who watch the conversation or the workspace are told."""
    ring(RUN_KIND, run)
    if notices.wanted(f"conversation:{conversation}", f"runs:{workspace}"):
        notices.announce(Notice(run, conversation, workspace, starter, "run.queued"))


def ring_decided(run: str, conversation: str, workspace: str, starter: str) -> None:
    """A person decided something: the run may go on, and those who watch are told that it is decided."""
    ring(RUN_KIND, run)
    if notices.wanted(f"conversation:{conversation}", f"decisions:{workspace}"):
        notices.announce(Notice(run, conversation, workspace, starter, "decision.resolved"))


def speak_to_run(run: str) -> None:
    """Somebody said something to a run: its holder reads it before the next model call."""
    host.speak_from_anywhere(run)


def signal_run(run: str) -> None:
    """`cancel_requested_at` was set: stop the run if it is at work here, end it if it waits in the queue."""
    host.cancel_from_anywhere(run)
