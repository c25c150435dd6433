"""The background work of the audit log: sealing, forgetting denials whose minute is over, heads that leave the house."""

from __future__ import annotations

from collections.abc import Sequence

from audit.denials import denials_are_over, forget_denials
from audit.export import export_heads, heads_are_due
from audit.metrics import SEALED, UNSEALED_SECONDS
from audit.sealing import BATCH, seal_entries, waiting_seconds
from core.db import in_db
from jobs.registry import JobKind, register_kind

SEAL, HEADS = "audit.seal", "audit.heads"


def register_jobs() -> None:
    """Make the kinds known; when the process starts."""
    register_kind(JobKind(name=SEAL, run=seal, due=_due, concurrency=1))
    register_kind(JobKind(name=HEADS, run=hand_over, due=_heads_due, concurrency=1))


async def seal(job_id: str) -> None:
    """Seal all that waits, a batch a transaction."""
    await in_db(forget_denials)
    while (count := await in_db(seal_entries)) > 0:
        SEALED.inc(count)
        if count < BATCH:
            break
    UNSEALED_SECONDS.set(await in_db(waiting_seconds))


async def hand_over(job_id: str) -> None:
    """Make a head and hand it over. Apart from the sealing, which waits for nobody outside."""
    await export_heads()


async def _due(limit: int) -> Sequence[str]:
    return [SEAL] if await in_db(_is_due) else []


async def _heads_due(limit: int) -> Sequence[str]:
    return [HEADS] if await in_db(heads_are_due) else []


def _is_due() -> bool:
    seconds = waiting_seconds()
    UNSEALED_SECONDS.set(seconds)
    return seconds > 0 or denials_are_over()
