"""Writing audit entries. Changes go through `audit.action`; what is no change (sign-ins, denials) comes here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db.models import Model

from audit.denials import count_denial
from audit.kinds import ACCESS_DENIED
from audit.models import AuditEntry
from audit.writing import with_token, write_row
from core.authz import Actor, Permission

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
    return write_row(
        actor,
        kind=kind,
        outcome=outcome,
        target=target,
        data=data or {},
        workspace_id=workspace_id or actor.workspace_id,
    )


def record_denial(actor: Actor, *, permission: Permission, kind: str = "", obj: Model | None = None) -> None:
    """Record a refusal by `authorize`; the same one within a minute is only counted."""
    target = (type(obj).__name__.lower(), str(obj.pk)) if obj is not None else ("", "")
    data = {"permission": str(permission), "attempted": kind}
    record_refusal(actor, kind=ACCESS_DENIED, target=target, data=data)


def record_refusal(
    actor: Actor, *, kind: str, target: tuple[str, str] = ("", ""), data: dict[str, Any] | None = None
) -> None:
    """Write a `denied` entry in a transaction of its own, so that it stays when the request is rolled back."""
    held = _held_back.get()
    if held is not None:
        held.append(lambda: record_refusal(actor, kind=kind, target=target, data=data))
        return
    told = with_token(actor, data or {})
    count_denial(actor, kind=kind, target=target, data=told, workspace_id=actor.workspace_id)
