"""What happened: one row per change and per denial, written in the transaction of the change itself.

An entry says who by an opaque id. From where stands in a row of its own (AuditSource), which can be erased; names and
e-mail addresses stand in accounts only and are looked up when an entry is shown.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.models.written_once import WrittenOnce
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import Identified


class AuditEntry(Identified, WrittenOnce):
    """Append-only: the ORM and the database refuse to change or delete a row once it is written."""

    id_prefix: ClassVar[str] = "aud"

    class Outcome(models.TextChoices):
        DONE = "done"
        DENIED = "denied"
        FAILED = "failed"

    workspace = models.ForeignKey(
        "accounts.Workspace", null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    at = models.DateTimeField(editable=False)
    kind = models.CharField(max_length=60, editable=False)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=ID_LENGTH, blank=True, editable=False)
    target_type = models.CharField(max_length=40, blank=True, editable=False)
    target_id = models.CharField(max_length=ID_LENGTH, blank=True, editable=False)
    request_id = models.CharField(max_length=128, blank=True, editable=False)
    source = models.CharField(max_length=ID_LENGTH, blank=True, editable=False, help_text="Names an AuditSource.")
    first = models.CharField(
        max_length=ID_LENGTH, blank=True, editable=False, help_text="This tells how often that entry's denial repeated."
    )
    count = models.PositiveIntegerField(default=1, editable=False)
    data = models.JSONField(default=dict, editable=False)
    stamp = models.CharField(max_length=90, editable=False, help_text="Keyed digest by whoever wrote the entry.")

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"]),
            models.Index(fields=["workspace", "kind", "-at"]),
            models.Index(fields=["target_id"]),
            models.Index(fields=["-at", "-id"], name="audit_newest_first"),
            models.Index(fields=["actor_id", "-at"], name="audit_by_actor"),
            models.Index(fields=["request_id"], name="audit_by_request"),
            models.Index(fields=["first"], name="audit_tallies", condition=~models.Q(first="")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome} {self.target_id}"

    @property
    def subject(self) -> str:
        """The person whose data the entry's source is: who acted, else the person that it was tried on."""
        return self.actor_id or (self.target_id if self.target_type == "user" else "")

    @property
    def ip(self) -> str | None:
        """From where; None when that is not known or was erased."""
        return AuditSource.objects.filter(pk=self.source).values_list("ip", flat=True).first() if self.source else None

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> models.Q:
        return models.Q()


class AuditSource(models.Model):
    """From where a person acted. Deleted when the person is erased; the entries that name it stay as they are.

    Its id is a digest over the rest: so a changed row shows, and a deleted one cannot be guessed, as its salt is gone.
    """

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    subject = models.CharField(max_length=ID_LENGTH, blank=True, editable=False)
    ip = models.GenericIPAddressField(editable=False)
    salt = models.CharField(max_length=40, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["subject", "ip"], name="audit_source_of")]

    def __str__(self) -> str:
        return str(self.ip)


class OpenDenial(models.Model):
    """Which entry the repeats of a denial belong to while its minute lasts. Counts nothing, and is believed in nothing that
    the entry does not say itself (audit.denials).
    """

    digest = models.CharField(primary_key=True, max_length=64)
    entry_id = models.CharField(max_length=ID_LENGTH)
    started_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.entry_id
