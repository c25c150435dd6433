"""Keeping the log for as long as the policy says: what is older is cut off, and the cut is recorded and signed.

The triggers let rows go that a recorded cut covers, and no others; on PostgreSQL the role that serves may not delete at
all, so this runs under a role of its own (docs/audit.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from audit.action import Action, action
from audit.chain import is_proof, moment_text, proof, sealing_key
from audit.kinds import CUT
from audit.models import AuditCut, AuditEntry, AuditRetention, AuditSeal, AuditSource
from audit.models.seal import INSTALLATION
from audit.record import write_entry
from audit.sealing import seal_id, take_sealer_row
from core.authz import Actor
from core.clock import now
from core.errors import Unavailable, ValidationFailed

LEAST_DAYS = 30


@action("audit.set_retention", requires=None)
def set_retention(act: Action, *, chain: str, days: int | None) -> AuditRetention | None:
    """An operator said for how long audit entries are kept."""
    if days is not None and days < LEAST_DAYS:
        raise ValidationFailed.on("days", "too_short", f"Audit entries are kept for {LEAST_DAYS} days at least.")
    act.workspace_id = "" if chain == INSTALLATION else chain
    act.record(days=days)
    if days is None:
        AuditRetention.objects.filter(pk=chain).delete()
        return None
    return AuditRetention.objects.update_or_create(chain=chain, defaults={"days": days})[0]


def may_cut() -> bool:
    """Whether the database lets this process cut: on PostgreSQL the role that serves should not be able to."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('audit_auditentry', 'DELETE') AND has_table_privilege('audit_auditcut', 'INSERT')"
        )
        return bool(cursor.fetchone()[0])


def cut_by_policy() -> None:
    """The housekeeping's cut, where the database lets this process."""
    if AuditRetention.objects.exists() and may_cut():
        cut_old_entries(Actor("system", None, "retention policy", None))


def cut_old_entries(actor: Actor) -> dict[str, int]:
    """Cut every chain that has a policy; how many entries were removed, by chain."""
    cut = {}
    for policy in AuditRetention.objects.order_by("chain"):
        removed = _cut(actor, policy.chain, now() - timedelta(days=policy.days))
        if removed:
            cut[policy.chain] = removed
    return cut


def _cut(actor: Actor, chain: str, older_than: datetime) -> int:
    """Remove the oldest sealed entries of a chain up to the first that is to be kept. Recorded in the same transaction."""
    with transaction.atomic():
        if take_sealer_row() is None:
            raise Unavailable("The log is being sealed at this moment. Try again.", headers={"Retry-After": "1"})
        last = _last_to_go(chain, older_than)
        if last is None:
            return 0
        through, digest = last
        seals = AuditSeal.objects.filter(chain=chain, number__lte=through)
        removed = seals.count()
        key, at, older = sealing_key(), moment_text(now()), moment_text(older_than)
        values = [chain, through, removed, digest, older, at, key]
        AuditCut.objects.create(
            id=seal_id(chain, through),
            chain=chain,
            through=through,
            removed=removed,
            digest=digest,
            older_than=older,
            at=at,
            key=key,
            proof=proof(key, "cut.1", values),
        )
        _delete(chain, through)
        write_entry(
            actor,
            kind=CUT,
            target=("auditcut", ""),
            data={"through": through, "removed": removed, "older_than": older},
            workspace_id=None if chain == INSTALLATION else chain,
        )
    return removed


def cut_is_genuine(cut: AuditCut) -> bool:
    values = [cut.chain, cut.through, cut.removed, cut.digest, cut.older_than, cut.at, cut.key]
    return cut.pk == seal_id(cut.chain, cut.through) and is_proof(cut.proof, cut.key, "cut.1", values)


def _last_to_go(chain: str, older_than: datetime) -> tuple[int, str] | None:
    """The last seal before the first entry that is to be kept."""
    seals = AuditSeal.objects.filter(chain=chain)
    kept = AuditEntry.objects.filter(at__gte=older_than)
    first_kept = (
        seals.filter(entry_id__in=kept.values("pk")).order_by("number").values_list("number", flat=True).first()
    )
    if first_kept is not None:
        seals = seals.filter(number__lt=first_kept)
    return seals.order_by("-number").values_list("number", "digest").first()


def _delete(chain: str, through: int) -> None:
    """By the database's own hand: the ORM's models refuse, and the triggers look for the cut."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM audit_auditentry WHERE id IN "
            "(SELECT entry_id FROM audit_auditseal WHERE chain = %s AND number <= %s)",
            [chain, through],
        )
        cursor.execute("DELETE FROM audit_auditseal WHERE chain = %s AND number <= %s", [chain, through])
    # Addresses that no entry names any more go along; a fresh one may belong to an entry that is just being written.
    AuditSource.objects.filter(at__lt=now() - timedelta(days=1)).exclude(
        pk__in=AuditEntry.objects.exclude(source="").values("source")
    ).delete()
