"""One entry into the database: stamped, with its source kept apart. Who calls decides on the transaction."""

from __future__ import annotations

from typing import Any

from audit.chain import STAMPED, stamp_of
from audit.kinds import require_known
from audit.models import AuditEntry
from audit.sources import source_of
from core.authz import Actor
from core.clock import now
from core.rows import insert_rows


def write_row(
    actor: Actor,
    *,
    kind: str,
    outcome: str,
    target: tuple[str, str],
    data: dict[str, Any],
    workspace_id: str | None,
) -> AuditEntry:
    """Write one entry in the present transaction."""
    require_known(kind)
    data = with_token(actor, data)
    entry = AuditEntry(
        workspace_id=workspace_id,
        at=now(),
        kind=kind,
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=actor.user_id or "",
        target_type=target[0],
        target_id=target[1],
        request_id=actor.request_id,
        data=data,
    )
    entry.source = source_of(entry.subject, actor.ip)
    store_row(entry)
    return entry


def with_token(actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
    """The entry's data, with the API token that acted for somebody, if one did."""
    return data if actor.token_id is None else {**data, "token": actor.token_id}


def write_tally(first: AuditEntry, count: int) -> None:
    """Write that the denial `first` came so many times more."""
    tally = AuditEntry(
        workspace_id=first.workspace_id,
        at=now(),
        kind=first.kind,
        outcome=first.outcome,
        actor_kind=first.actor_kind,
        actor_id=first.actor_id,
        target_type=first.target_type,
        target_id=first.target_id,
        request_id=first.request_id,
        source=first.source,
        first=first.pk,
        count=count,
        data=first.data,
    )
    store_row(tally)


def store_row(entry: AuditEntry) -> None:
    """Stamp the entry and insert it."""
    entry.stamp = stamp_of([getattr(entry, name) for name in STAMPED])
    insert_rows([entry])
