"""Start and stop of the whole runtime on a server's own event loop: jobs, leases, journal, sweeps.

For the process that alone works on this database (the quickstart); whoever calls `start_embedded` holds the lock on
DATA_DIR.
"""

from __future__ import annotations

from agents.runtime import lease
from agents.runtime.host import host, register_jobs
from core.db import in_db
from jobs.bells import listen_with
from jobs.embedded import EmbeddedJobs

#: How long a stopping server waits for runs to end by themselves before it hands them to the next start, in seconds.
PATIENCE = 3.0

_jobs: EmbeddedJobs | None = None


async def start_embedded(*, void_leases: bool = True) -> None:
    """On the event loop that shall do the work. Runs that a predecessor left are taken up at once."""
    global _jobs
    if void_leases:
        await in_db(lease.void_all_leases)
    register_jobs()
    host.start()
    _jobs = EmbeddedJobs()
    listen_with(_jobs)
    _jobs.start()


async def stop_embedded(*, patience: float = PATIENCE) -> None:
    """Take nothing new, let runs end for a moment, give the others back with all their text saved."""
    global _jobs
    if _jobs is None:
        return
    listen_with(None)
    await _jobs.drain(patience=patience)
    await host.stop()
    _jobs = None
