"""How the log stands, at a glance: for the badge, the doctor and monitoring. Verifying takes longer (audit.verify)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from audit.chain import sealing_key
from audit.heads import public_key, signed_head
from audit.models import AuditTip, SealerState
from audit.sealing import waiting_seconds
from core.clock import now

#: An entry without a seal for longer than this turns the badge red.
LATE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Standing:
    """`problem` is empty when all is well."""

    unsealed_seconds: float
    problem: str

    @property
    def good(self) -> bool:
        return not self.problem


def standing() -> Standing:
    """Whether entries are sealed in time and heads leave the house."""
    waiting = waiting_seconds()
    if waiting > LATE_SECONDS:
        problem = f"Audit entries have been waiting {waiting:.0f} s for their seal. Does a server or worker run?"
        return Standing(waiting, problem)
    return Standing(waiting, _export_problem())


def _export_problem() -> str:
    if not settings.AUDIT_EXPORT:
        return ""
    state = SealerState.objects.filter(pk=1).first()
    if state is None or not state.export_error:
        return ""
    late = state.exported_at is None or now() - state.exported_at > timedelta(seconds=3 * settings.AUDIT_EXPORT_SECONDS)
    return f"Heads of the audit log cannot be handed over: {state.export_error}" if late else ""


def chain_state(chain: str) -> dict[str, object]:
    """Where one chain ends, signed."""
    tip = AuditTip.objects.filter(pk=chain).first()
    key = sealing_key()
    return {
        "number": tip.number if tip else 0,
        "digest": tip.digest if tip else "",
        "key": key,
        "public_key": public_key(key),
        "head": signed_head(chain=chain),
    }
