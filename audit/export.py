"""Heads leave the house: signed, on a schedule, to a file, S3-compatible storage or a webhook (AAP_AUDIT_EXPORT).

At least once and in order: a head counts as handed over when every place has it. Whoever keeps them can tell, with
`manage.py audit_verify --heads FILE`, whether the end of a chain was cut off.
"""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import transaction

from audit.chain import sealing_key
from audit.heads import next_head
from audit.metrics import HEAD_EXPORT_FAILURES, HEADS_EXPORTED
from audit.models import AuditHead, SealerState
from audit.s3 import Bucket, put_object
from audit.sealing import take_sealer_row
from core.clock import now
from core.db import in_db

log = logging.getLogger(__name__)

AT_ONCE = 20
SECONDS = 20.0


class CannotHandOver(Exception):
    """A place did not take a head. The text says why; it holds no secret."""


def heads_are_due() -> bool:
    """Whether it is time for a new head, or one has not been handed over yet."""
    if not settings.AUDIT_EXPORT:
        return False
    state = SealerState.objects.filter(pk=1).first()
    if state is None or state.head_at is None:
        return True
    every = timedelta(seconds=settings.AUDIT_EXPORT_SECONDS)
    if state.export_error and state.exported_at and now() - state.exported_at < every:
        return False  # it failed a moment ago
    return now() - state.head_at >= every or AuditHead.objects.filter(number__gt=state.exported).exists()


async def export_heads() -> int:
    """Make the next head if it is time, and hand over what waits; returns how many heads went out."""
    if not settings.AUDIT_EXPORT:
        return 0
    waiting = await in_db(_waiting_heads)
    done = 0
    for head in waiting:
        try:
            for place in settings.AUDIT_EXPORT:
                await _hand_over(place, head)
        except Exception as error:
            HEAD_EXPORT_FAILURES.inc()
            reason = str(error) if isinstance(error, CannotHandOver) else f"{type(error).__name__}: {error}"
            log.warning("head %s of the audit log could not be handed over: %s", head.number, reason)
            await in_db(_note, None, reason[:300])
            return done
        await in_db(_note, head.number, "")
        HEADS_EXPORTED.inc()
        done += 1
    return done


def _waiting_heads() -> Sequence[AuditHead]:
    with transaction.atomic():
        state = take_sealer_row()
        if state is None:
            return []
        if state.head_at is None or now() - state.head_at >= timedelta(seconds=settings.AUDIT_EXPORT_SECONDS):
            next_head()
            state.head_at = now()
            state.save(update_fields=["head_at"])
        return list(AuditHead.objects.filter(number__gt=state.exported).order_by("number")[:AT_ONCE])


def _note(number: int | None, error: str) -> None:
    """`exported_at` is the moment of the last try that went well, or of the first that failed after it."""
    with transaction.atomic():
        state = SealerState.objects.select_for_update().get(pk=1)
        if number is not None:
            state.exported, state.exported_at = max(state.exported, number), now()
        elif not state.export_error:
            state.exported_at = state.exported_at or now()
        state.export_error = error
        state.save(update_fields=["exported", "exported_at", "export_error"])


async def _hand_over(place: str, head: AuditHead) -> None:
    parts = urlsplit(place)
    if parts.scheme == "file":
        await in_db(append_to_file, Path(unquote(parts.path)), head.line)
    elif parts.scheme == "s3":
        bucket = Bucket.of(place)
        key = f"{bucket.prefix}{head.number:012}.json"
        await _answered(*put_object(bucket, key, head.line.encode() + b"\n", at=now()))
    else:
        body = head.line.encode() + b"\n"
        headers = {
            "Content-Type": "application/jsonl",
            "AAP-Audit-Head": str(head.number),
            "AAP-Signature": f"sha256={hmac.new(_webhook_secret(), body, sha256).hexdigest()}",
        }
        await _answered("POST", place, headers, body)


def append_to_file(path: Path, line: str) -> None:
    """One line at the end, on the disk when this returns. One that is there already is not written again."""
    with open(path, "a+b") as file:
        size = file.tell()
        file.seek(max(0, size - 65_536))
        last = file.read().rstrip(b"\n").rsplit(b"\n", 1)[-1] if size else b""
        if last == line.encode():
            return
        file.write((b"" if not size or _ends_line(file, size) else b"\n") + line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_line(file: object, size: int) -> bool:
    file.seek(size - 1)  # type: ignore[attr-defined]
    return bool(file.read(1) == b"\n")  # type: ignore[attr-defined]


def _webhook_secret() -> bytes:
    """AAP_AUDIT_WEBHOOK_SECRET; the head's own signature holds without it."""
    given: str = settings.AUDIT_WEBHOOK_SECRET
    return given.encode() or hmac.new(settings.AUDIT_KEYS[sealing_key()], b"aap:audit:webhook", sha256).digest()


async def _answered(method: str, url: str, headers: dict[str, str], body: bytes) -> None:
    import asyncio

    from core.egress.transport import guarded_client

    async with asyncio.timeout(SECONDS), guarded_client() as client:
        answer = await client.request(method, url, headers=headers, content=body)
        if not 200 <= answer.status_code < 300:
            raise CannotHandOver(f"{urlsplit(url).hostname} answered {answer.status_code}")
