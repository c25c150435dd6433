"""Writing audit entries. Changes go through `audit.action`; what is no change (sign-ins, denials) comes here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Model

from audit.kinds import ACCESS_DENIED, require_known
from audit.models import AuditEntry
from core.authz import Actor, Permission
from core.clock import now
from core.rows import insert_rows

_REPEAT_WINDOW = timedelta(minutes=1)

# While a request runs inside one transaction (idempotency keys), its refusals wait here, as that transaction is undone.
_held_back: ContextVar[list[Callable[[], None]] | None] = ContextVar("held_back_refusals", default=None)


@contextmanager
def refusals_outlive_rollback() -> Iterator[None]:
    """Around a transaction: refusals recorded inside are written after it, whether it was committed or undone."""
    held: list[Callable[[], None]] = []
    token = _held_back.set(held)
    try:
        yield
    finally:
        _held_back.reset(token)
        for write in held:
            write()


def write_entry(
    actor: Actor,
    *,
    kind: str,
    outcome: str = "done",
    target: tuple[str, str] = ("", ""),
    data: dict[str, Any] | None = None,
    workspace_id: str | None = None,
) -> AuditEntry:
    """Write one entry in the present transaction."""
    require_known(kind)
    entry = AuditEntry(
        workspace_id=workspace_id or actor.workspace_id,
        at=now(),
        kind=kind,
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=actor.user_id or "",
        target_type=target[0],
        target_id=target[1],
        request_id=actor.request_id,
        ip=actor.ip,
        data=data or {},
    )
    insert_rows([entry])
    return entry


def record_denial(actor: Actor, *, permission: Permission, kind: str = "", obj: Model | None = None) -> None:
    """Record a refusal by `authorize`; the same one within a minute only raises the count of the first entry."""
    target = (type(obj).__name__.lower(), str(obj.pk)) if obj is not None else ("", "")
    data = {"permission": str(permission), "attempted": kind}
    record_refusal(actor, kind=ACCESS_DENIED, target=target, data=data)


def record_refusal(
    actor: Actor, *, kind: str, target: tuple[str, str] = ("", ""), data: dict[str, Any] | None = None
) -> None:
    """Write a `denied` entry in a transaction of its own, so that it stays when the request is rolled back."""
    data = data or {}
    held = _held_back.get()
    if held is not None:
        held.append(lambda: record_refusal(actor, kind=kind, target=target, data=data))
        return
    with transaction.atomic():
        repeated = AuditEntry.objects.filter(
            workspace_id=actor.workspace_id,
            kind=kind,
            outcome=AuditEntry.Outcome.DENIED,
            actor_id=actor.user_id or "",
            target_id=target[1],
            ip=actor.ip,
            data=data,
            at__gte=now() - _REPEAT_WINDOW,
        ).order_by("-at")[:1]
        ids = [entry.pk for entry in repeated]
        if ids:
            AuditEntry.objects.filter(pk__in=ids).update(count=F("count") + 1)
        else:
            write_entry(actor, kind=kind, outcome=AuditEntry.Outcome.DENIED, target=target, data=data)
