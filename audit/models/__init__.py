"""The tables of the audit log, in files by noun."""

from audit.models.entry import AuditEntry, AuditSource, OpenDenial
from audit.models.idempotency import IdempotencyKey
from audit.models.seal import AuditCut, AuditHead, AuditRetention, AuditSeal, AuditTip, SealerState

__all__ = [
    "AuditCut",
    "AuditEntry",
    "AuditHead",
    "AuditRetention",
    "AuditSeal",
    "AuditSource",
    "AuditTip",
    "IdempotencyKey",
    "OpenDenial",
    "SealerState",
]
