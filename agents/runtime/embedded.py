"""Start and stop of the whole runtime on a server's own event loop: jobs, leases, journal, sweeps.

Whoever calls `start_embedded` holds the lock on DATA_DIR. On SQLite such a process works alone; on PostgreSQL there may be
others, so it takes back only what its own predecessor on this DATA_DIR held.
"""

from __future__ import annotations

import logging
from pathlib import Path

from django.db import connection

from agents.runtime import lease
from agents.runtime.host import host, register_jobs
from core.db import in_db
from jobs.bells import listen_with
from jobs.embedded import SWEEP_SECONDS, EmbeddedJobs

#: How long a stopping server waits for runs to end by themselves before it hands them to the next start, in seconds.
PATIENCE = 3.0

log = logging.getLogger(__name__)

_jobs: EmbeddedJobs | None = None


async def start_embedded(data_dir: Path, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
    """On the event loop that shall do the work. Runs that a predecessor left are taken up at once.

    `data_dir`: where the process notes its name, for its successor. `sweep_seconds`: how often what no bell announced is
    looked for.
    """
    global _jobs
    await in_db(take_back, data_dir / "holder")
    register_jobs()
    host.start()
    _jobs = EmbeddedJobs(sweep_seconds=sweep_seconds)
    listen_with(_jobs)
    _jobs.start()


def take_back(note: Path) -> None:
    """Free what the process held that wrote its name into `note`, then write ours."""
    try:
        predecessor = note.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        predecessor = ""
    if connection.vendor == "sqlite":
        lease.void_leases()
    elif predecessor:
        lease.void_leases(predecessor)
    try:
        note.write_text(lease.HOLDER, encoding="utf-8")
    except OSError as error:
        log.warning("%s cannot be written (%s): after a crash, runs wait until their leases are over", note, error)


async def stop_embedded(*, patience: float = PATIENCE) -> None:
    """Take nothing new, let runs end for a moment, give the others back with all their text saved."""
    global _jobs
    if _jobs is None:
        return
    listen_with(None)
    await _jobs.drain(patience=patience)
    await host.stop()
    _jobs = None
