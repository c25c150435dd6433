"""The background work of the audit log: sealing, writing down the repeats of denials, heads that leave the house."""

from __future__ import annotations

from collections.abc import Sequence

from audit.denials import close_denials, denials_are_over
from audit.metrics import SEALED, UNSEALED_SECONDS
from audit.sealing import BATCH, seal_entries, waiting_seconds
from core.db import in_db
from jobs.registry import JobKind, register_kind

SEAL = "audit.seal"


def register_jobs() -> None:
    """Make the kinds known; when the process starts."""
    register_kind(JobKind(name=SEAL, run=seal, due=_due, concurrency=1))


async def seal(job_id: str) -> None:
    """Seal all that waits, a batch a transaction."""
    await in_db(close_denials)
    while (count := await in_db(seal_entries)) > 0:
        SEALED.inc(count)
        if count < BATCH:
            break
    UNSEALED_SECONDS.set(await in_db(waiting_seconds))


async def _due(limit: int) -> Sequence[str]:
    return [SEAL] if await in_db(_is_due) else []


def _is_due() -> bool:
    seconds = waiting_seconds()
    UNSEALED_SECONDS.set(seconds)
    return seconds > 0 or denials_are_over()
