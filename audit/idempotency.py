"""Idempotency keys: the same creating request, sent again, gets the same answer and changes nothing.

The key's row, the change and the answer are one transaction. So there is no moment at which the change is there and the
answer is not, whatever dies.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from audit.models import IdempotencyKey
from audit.record import refusals_outlive_rollback
from core.clock import now
from core.errors import Conflict, ValidationFailed

KEEP = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first request was answered: status, JSON body, and the headers worth repeating.

    `kept_body` is what is stored instead when the body has a secret that is shown once.
    """

    status: int
    body: bytes
    headers: dict[str, str]
    replayed: bool = False
    kept_body: bytes | None = None


class _Refused(Exception):
    """Carries an answer of 4xx/5xx out of the transaction, so that the key stays free for a better try."""

    def __init__(self, answer: StoredAnswer) -> None:
        self.answer = answer


def perform_once(
    *, actor_id: str, scope: str, key: str, body: bytes, perform: Callable[[], StoredAnswer]
) -> StoredAnswer:
    """The stored answer for `key`, or that of `perform`, which is called at most once with success.

    Raises Conflict `idempotency_mismatch` when the key came with another body, `idempotency_in_progress` while the
    first request still runs (PostgreSQL; on SQLite the second waits its turn), ValidationFailed for a malformed key.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable() or not key.isascii():
        raise ValidationFailed("Idempotency-Key must be 1 to 255 printable ASCII characters.", code="invalid")
    digest = hmac.new(settings.SECRET_KEY.encode(), scope.encode() + b"\0" + body, sha256).hexdigest()
    rows = IdempotencyKey.objects.filter(actor_id=actor_id, scope=scope, key=key)
    try:
        with refusals_outlive_rollback(), transaction.atomic():
            _take_turn(f"{actor_id}|{scope}|{key}")
            found = rows.first()
            if found is not None:
                return _replay(found, digest)
            row = IdempotencyKey.objects.create(
                actor_id=actor_id, scope=scope, key=key, digest=digest, created_at=now()
            )
            answer = perform()
            if answer.status >= 400:
                raise _Refused(answer)
            kept = answer.body if answer.kept_body is None else answer.kept_body
            rows.filter(pk=row.pk).update(status=answer.status, body=kept, headers=answer.headers)
            return answer
    except _Refused as refused:
        return refused.answer
    except IntegrityError:
        found = rows.first()
        if found is None:
            raise
        return _replay(found, digest)


def forget_old_keys() -> int:
    """Delete keys past their time; returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=now() - KEEP).delete()[0]


def _take_turn(name: str) -> None:
    if connection.vendor != "postgresql":
        return  # IMMEDIATE transactions of SQLite run one after the other
    number = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise Conflict(
                "The first request with this Idempotency-Key is still running. Ask again in a moment.",
                code="idempotency_in_progress",
                headers={"Retry-After": "1"},
            )


def _replay(row: IdempotencyKey, digest: str) -> StoredAnswer:
    if not hmac.compare_digest(row.digest, digest):
        raise Conflict(
            "This Idempotency-Key was used with another body. Use a new key for a new request.",
            code="idempotency_mismatch",
        )
    return StoredAnswer(row.status, bytes(row.body), dict(row.headers), replayed=True)
