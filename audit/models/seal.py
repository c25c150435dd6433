"""How the log is made fast: seals and the ends of their chains, cuts, and the signed heads that leave the house.

Moments are kept as text, exactly as they were put under the seal.
"""

from __future__ import annotations

from django.db import models

from audit.models.written_once import WrittenOnce
from core.ids import ID_LENGTH

#: The chain of entries that belong to no workspace; every other chain bears its workspace's id.
INSTALLATION = "installation"


class AuditSeal(WrittenOnce):
    """The entry with this number in its chain. `digest` covers the entry, the place and the seal before."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    chain = models.CharField(max_length=ID_LENGTH, editable=False)
    number = models.PositiveBigIntegerField(editable=False)
    entry_id = models.CharField(max_length=ID_LENGTH, unique=True, editable=False)
    at = models.CharField(max_length=32, editable=False)
    key = models.CharField(max_length=16, editable=False)
    digest = models.CharField(max_length=64, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="one_seal_per_number")]

    def __str__(self) -> str:
        return self.id


class AuditTip(models.Model):
    """Where a chain ends now. Changes with every batch, so it bears a digest of its own."""

    chain = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    number = models.PositiveBigIntegerField(editable=False)
    digest = models.CharField(max_length=64, editable=False)
    key = models.CharField(max_length=16, editable=False)
    proof = models.CharField(max_length=64, editable=False)

    def __str__(self) -> str:
        return f"{self.chain} ends with {self.number}"


class AuditCut(WrittenOnce):
    """Entries up to `through` were removed by the retention policy; `digest` is that of the last seal removed."""

    id = models.CharField(primary_key=True, max_length=64, editable=False)
    chain = models.CharField(max_length=ID_LENGTH, editable=False, db_index=True)
    through = models.PositiveBigIntegerField(editable=False)
    removed = models.PositiveBigIntegerField(editable=False)
    digest = models.CharField(max_length=64, editable=False)
    older_than = models.CharField(max_length=32, editable=False)
    at = models.CharField(max_length=32, editable=False)
    key = models.CharField(max_length=16, editable=False)
    proof = models.CharField(max_length=64, editable=False)

    class Meta:
        verbose_name = "recorded cut"

    def __str__(self) -> str:
        return f"{self.chain} cut through {self.through}"


class AuditHead(WrittenOnce):
    """A signed statement of where the chains ended, one line of JSON, to be kept outside (audit.heads)."""

    number = models.PositiveBigIntegerField(primary_key=True, editable=False)
    line = models.TextField(editable=False)

    def __str__(self) -> str:
        return f"head {self.number}"


class AuditRetention(models.Model):
    """For how many days the entries of a chain are kept; for ever without a row."""

    chain = models.CharField(
        primary_key=True, max_length=ID_LENGTH, help_text="A workspace's id, or “installation” for all other entries."
    )
    days = models.PositiveIntegerField(help_text="Entries older than this are cut.")

    class Meta:
        verbose_name = "retention of the audit log"
        verbose_name_plural = "retention of the audit log"

    def __str__(self) -> str:
        return f"{self.chain}: {self.days} days"


class SealerState(models.Model):
    """The one row that whoever seals holds locked, and how far they are. Verifying the log believes nothing of it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    low = models.BigIntegerField(
        default=0, help_text="Everything below was sealed: a transaction id, or a row's place."
    )
    looked_at = models.DateTimeField(null=True, help_text="When all entries were last looked through.")
    head_at = models.DateTimeField(null=True)
    exported = models.PositiveBigIntegerField(default=0, help_text="The last head that was handed over.")
    exported_at = models.DateTimeField(null=True)
    export_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_sealer")]

    def __str__(self) -> str:
        return f"sealed below {self.low}"
