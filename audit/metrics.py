"""Figures of the audit log for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

UNSEALED_SECONDS = Gauge(
    "aap_audit_unsealed_seconds", "For how long the oldest audit entry without a seal waits, as last looked at here."
)
SEALED = Counter("aap_audit_sealed_total", "Audit entries sealed by this process.")
HEADS_EXPORTED = Counter("aap_audit_heads_exported_total", "Signed heads handed over by this process.")
HEAD_EXPORT_FAILURES = Counter("aap_audit_head_export_failures_total", "Heads that could not be handed over.")
