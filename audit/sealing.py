"""The one sealer: numbers the entries of each chain in the order of their commits and puts them under a key.

Whoever holds the lock on the sealer's row seals; seals, the ends of the chains and the sealer's place are one transaction,
so it may be killed at any point. Entries are only read. Called as a background job (audit.jobs), never by a request.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Max

from audit.chain import is_proof, moment_text, proof, seal_digest, sealing_key
from audit.models import AuditSeal, AuditTip, SealerState
from audit.models.seal import INSTALLATION
from audit.rows import RawEntry, next_place, unsealed_entries, unsealed_seconds
from core.clock import now
from core.rows import insert_rows

log = logging.getLogger(__name__)

BATCH = 500
#: How often every entry is looked at again, whatever the sealer's own notes say.
LOOK_THROUGH = timedelta(hours=1)


def seal_entries(*, limit: int = BATCH) -> int:
    """Seal up to `limit` entries; returns how many; 0 while another process is at it."""
    with transaction.atomic():
        state = _take_turn()
        if state is None:
            return 0
        low = _low(state)
        if low == 0:
            state.looked_at = now()
        found = unsealed_entries(low, limit)
        _seal(found.entries)
        state.low = found.low
        state.save(update_fields=["low", "looked_at"])
    return len(found.entries)


def waiting_seconds() -> float:
    """For how long the oldest unsealed entry has been waiting; 0 when all are sealed."""
    return unsealed_seconds(_low(SealerState.objects.filter(pk=1).first()))


def _low(state: SealerState | None) -> int:
    """From where on to look for entries without a seal; 0 when the sealer's notes are old or of another server."""
    if state is None or state.looked_at is None or now() - state.looked_at >= LOOK_THROUGH:
        return 0
    return 0 if state.low > next_place() else state.low


def take_sealer_row() -> SealerState | None:
    """The sealer's row, locked until the transaction ends; None while another process holds it."""
    return _take_turn()


def _take_turn() -> SealerState | None:
    rows = SealerState.objects.all()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    state = rows.filter(pk=1).first()
    if state is None and not SealerState.objects.filter(pk=1).exists():
        try:
            with transaction.atomic():
                return SealerState.objects.create(pk=1)
        except DatabaseError:  # another made it just now
            return None
    return state


def _seal(entries: Iterable[RawEntry]) -> None:
    chains: dict[str, list[RawEntry]] = {}
    for entry in entries:
        chains.setdefault(entry.workspace_id or INSTALLATION, []).append(entry)
    tips = AuditTip.objects.in_bulk(list(chains))
    key, at = sealing_key(), moment_text(now())
    seals = []
    for chain, rows in chains.items():
        number, before = _end_of(chain, tips.get(chain))
        for entry in rows:
            if not entry.written_by_product():
                log.error("the audit entry %s was not written by the product, or was changed since", entry.id)
            number += 1
            digest = seal_digest(key, chain=chain, number=number, before=before, at=at, entry=entry.values)
            seals.append(
                AuditSeal(
                    id=seal_id(chain, number), chain=chain, number=number, entry_id=entry.id, at=at, key=key, digest=digest
                )
            )  # fmt: skip
            before = digest
        AuditTip.objects.update_or_create(
            chain=chain,
            defaults={"number": number, "digest": before, "key": key, "proof": tip_proof(key, chain, number, before)},
        )
    insert_rows(seals)


def seal_id(chain: str, number: int) -> str:
    return f"{chain}#{number}"


def tip_proof(key: str, chain: str, number: int, digest: str) -> str:
    return proof(key, "tip.1", [chain, number, digest, key])


def tip_is_genuine(tip: AuditTip) -> bool:
    return is_proof(tip.proof, tip.key, "tip.1", [tip.chain, tip.number, tip.digest, tip.key])


def _end_of(chain: str, tip: AuditTip | None) -> tuple[int, str]:
    """The last number and digest of a chain. Never reuses a number, so that what somebody removed stays missing."""
    if tip is not None and tip_is_genuine(tip):
        last = AuditSeal.objects.filter(chain=chain, number__gt=tip.number).aggregate(Max("number"))["number__max"]
        if last is None:
            return tip.number, tip.digest
        log.error("the end of the audit chain %s was set back from %s to %s", chain, last, tip.number)
        return last, str(AuditSeal.objects.get(chain=chain, number=last).digest)
    last_seal = AuditSeal.objects.filter(chain=chain).order_by("-number").first()
    if tip is None and last_seal is None:
        return 0, ""
    log.error("the noted end of the audit chain %s is not genuine", chain)
    number = max(last_seal.number if last_seal else 0, tip.number if tip else 0)
    return number + 1, last_seal.digest if last_seal else ""  # the number left out shows that something was wrong here
