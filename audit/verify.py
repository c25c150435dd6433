"""Is the log what the product wrote? Recomputes every seal and says where the first difference is.

Reads only. What a verification can and cannot find stands in docs/audit.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.db.models import Max

from audit.chain import has_key, seal_digest, source_id
from audit.kinds import ERASED
from audit.models import AuditCut, AuditEntry, AuditSeal, AuditSource, AuditTip
from audit.models.seal import INSTALLATION
from audit.retention import cut_is_genuine
from audit.rows import WIDTH, RawEntry, entry_columns, raw_entry
from audit.sealing import seal_id, tip_is_genuine
from audit.triggers import missing_triggers
from core.clock import now

PAGE = 1_000
#: Entries younger than this may be without a seal.
GRACE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as the product left it. `number` 0: not about one place in a chain."""

    chain: str
    number: int
    entry: str
    what: str

    def __str__(self) -> str:
        place = f"number {self.number} of {name_of_chain(self.chain)}" if self.number else name_of_chain(self.chain)
        return f"{self.entry or 'no entry'} ({place}): {self.what}"


@dataclass(slots=True)
class Report:
    """What was looked at and found. `complete` False: the time was over first."""

    entries: int = 0
    chains: int = 0
    complete: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The first bad entry: the earliest in its chain; of several chains, the first by name."""
        return min(
            self.findings, default=None, key=lambda one: (one.number == 0, not one.number and not one.entry, one)
        )


def name_of_chain(chain: str) -> str:
    if not chain:
        return "of no chain"
    return "the installation's chain" if chain == INSTALLATION else f"the chain of workspace {chain}"


def verify(*, workspace: str | None = None, seconds: float | None = None, most: int = 1_000) -> Report:
    """Verify all chains, or that of one workspace. Stops after `seconds` or `most` findings."""
    report = Report()
    until = None if seconds is None else time.monotonic() + seconds
    for chain in [workspace] if workspace else _all_chains():
        report.chains += 1
        for finding in _chain_findings(chain, report, until):
            report.findings.append(finding)
            if len(report.findings) >= most:
                return report
        if not report.complete:
            return report
    report.findings += _unsealed_findings(workspace)
    report.findings += [Finding("", 0, "", text) for text in missing_triggers()]
    for finding in _source_findings(workspace, report, until):
        report.findings.append(finding)
    return report


def _all_chains() -> list[str]:
    found = {INSTALLATION}
    for model in (AuditSeal, AuditTip, AuditCut):
        found.update(model.objects.values_list("chain", flat=True).distinct().order_by())  # type: ignore[attr-defined]
    return sorted(found)


def _chain_findings(chain: str, report: Report, until: float | None) -> Iterator[Finding]:
    tip = AuditTip.objects.filter(pk=chain).first()
    cut, bad_cuts = _last_cut(chain)
    yield from bad_cuts
    number, before = (cut.through, cut.digest) if cut else (0, "")
    linked = True
    for seal, entry in _sealed(chain, number, tip.number if tip else None):
        report.entries += 1
        if report.entries % PAGE == 0 and until is not None and time.monotonic() > until:
            report.complete = False
            return
        if seal.number > number + 1:
            yield Finding(
                chain, number + 1, "", f"{_span(number + 1, seal.number - 1)} removed, without a recorded cut"
            )
            linked = False
        elif seal.number <= number:
            yield Finding(chain, seal.number, seal.entry_id, "its number is there twice")
        yield from _seal_findings(seal, entry, before, linked)
        number, before, linked = seal.number, seal.digest, True
    if tip is None:
        if number:
            yield Finding(chain, number + 1, "", "the noted end of the chain is gone: entries may be missing here")
    elif not tip_is_genuine(tip):
        yield Finding(chain, number + 1, "", "the noted end of the chain was changed: entries may be missing here")
    elif tip.number > number:
        yield Finding(chain, number + 1, "", f"{_span(number + 1, tip.number)} removed from the end")
    elif tip.number == number and tip.digest != before:
        yield Finding(chain, number, "", "the last seal is not the one that was noted")


def _span(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def _last_cut(chain: str) -> tuple[AuditCut | None, list[Finding]]:
    good, bad = None, []
    for cut in AuditCut.objects.filter(chain=chain).order_by("through"):
        if cut_is_genuine(cut):
            good = cut
        else:
            bad.append(Finding(chain, cut.through, "", f"the cut {cut.pk} was not recorded by the product"))
    return good, bad


def _seal_findings(seal: AuditSeal, entry: RawEntry | None, before: str, linked: bool) -> Iterator[Finding]:
    def found(what: str) -> Finding:
        return Finding(seal.chain, seal.number, seal.entry_id, what)

    if entry is None:
        yield found("the entry was removed")
        return
    if not has_key(seal.key):
        yield found(f"it was sealed with the key {seal.key!r}, which AAP_AUDIT_KEYS does not hold")
        return
    if seal.pk != seal_id(seal.chain, seal.number):
        yield found("its seal was changed")
    elif linked and not _holds(seal, entry, before):
        yield found("the entry, its seal or the one before was changed, or it was put here by somebody else")
    elif (entry.workspace_id or INSTALLATION) != seal.chain:
        yield found("the entry is of another chain")
    if not entry.written_by_product():
        yield found("the product did not write the entry so")


def _holds(seal: AuditSeal, entry: RawEntry, before: str) -> bool:
    expected = seal_digest(
        seal.key, chain=seal.chain, number=seal.number, before=before, at=seal.at, entry=entry.values
    )
    return expected == seal.digest


def _sealed(chain: str, after: int, through: int | None) -> Iterator[tuple[AuditSeal, RawEntry | None]]:
    """The seals of a chain with their entries, in order. Those made meanwhile are left to the next verification."""
    end = AuditSeal.objects.filter(chain=chain).aggregate(Max("number"))["number__max"]
    if end is None:
        return
    fields = ("id", "chain", "number", "entry_id", "at", "key", "digest")
    columns = ", ".join(f's."{name}"' for name in fields)
    sql = (
        f"SELECT {columns}, {entry_columns('e')} FROM audit_auditseal s LEFT JOIN audit_auditentry e "  # noqa: S608
        "ON e.id = s.entry_id WHERE s.chain = %s AND (s.number > %s OR (s.number = %s AND s.id > %s)) AND s.number <= %s "
        "ORDER BY s.number, s.id LIMIT %s"
    )
    last, last_id = after, "\U0010ffff"
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, [chain, last, last, last_id, end, PAGE])
            rows = cursor.fetchall()
        for row in rows:
            seal = AuditSeal(**dict(zip(fields, row[: len(fields)], strict=True)))
            rest = row[len(fields) :]
            assert len(rest) == WIDTH
            yield seal, None if rest[0] is None else raw_entry(rest)
        if len(rows) < PAGE:
            return
        last, last_id = rows[-1][2], rows[-1][0]


def _unsealed_findings(workspace: str | None) -> Iterator[Finding]:
    """Entries that nobody sealed: too old for that, or not written by the product."""
    where, parameters = ("AND e.workspace_id = %s", [workspace]) if workspace else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {entry_columns('e')} FROM audit_auditentry e WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT 1 FROM audit_auditseal s WHERE s.entry_id = e.id) {where} ORDER BY e.at, e.id LIMIT 10000",
            parameters,
        )
        rows = [raw_entry(row) for row in cursor.fetchall()]
    young = set(
        AuditEntry.objects.filter(pk__in=[row.id for row in rows], at__gt=now() - GRACE).values_list("pk", flat=True)
    )
    for row in rows:
        chain = row.workspace_id or INSTALLATION
        if not row.written_by_product():
            yield Finding(chain, 0, row.id, "the product did not write the entry so; it is not sealed yet")
        elif row.id not in young:
            yield Finding(chain, 0, row.id, "the entry has no seal: its seal was removed, or nobody seals")


def _source_findings(workspace: str | None, report: Report, until: float | None) -> Iterator[Finding]:
    """Where entries came from: rows that were changed, and rows that are gone without an erasure."""
    entries = AuditEntry.objects.exclude(source="")
    sources = AuditSource.objects.all()
    if workspace is not None:
        entries = entries.filter(workspace_id=workspace)
        sources = sources.filter(pk__in=entries.values("source"))
    for number, row in enumerate(sources.order_by("pk").iterator(chunk_size=PAGE)):
        if number % PAGE == 0 and until is not None and time.monotonic() > until:
            report.complete = False
            return
        if row.pk != source_id(row.subject, str(row.ip), row.salt):
            yield Finding("", 0, row.pk, "the address that entries came from was changed")
    erased = set(AuditEntry.objects.filter(kind=ERASED).values_list("target_id", flat=True))
    there = AuditSource.objects.values("pk")
    gone = entries.exclude(source__in=there).order_by("at", "id")
    for entry in _first_of_each_source(gone):
        if entry.subject not in erased:
            yield Finding(
                entry.workspace_id or INSTALLATION, 0, entry.pk, "its address was removed, and no erasure says so"
            )


def _first_of_each_source(rows: Iterable[AuditEntry]) -> Sequence[AuditEntry]:
    found: dict[str, AuditEntry] = {}
    for row in rows:
        found.setdefault(row.source, row)
    return list(found.values())
