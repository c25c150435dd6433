"""From where somebody acted, kept apart from the entries so that it can be erased.

A person mostly comes from one address: its row is written once and remembered by the process.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from django.db import transaction

from audit.chain import new_salt, source_id
from audit.models import AuditSource
from core.clock import now

_MOST_REMEMBERED = 10_000
_lock = threading.Lock()
_remembered: OrderedDict[tuple[str, str], str] = OrderedDict()


def source_of(subject: str, ip: str | None) -> str:
    """The id of the row for this person and address, made if there is none; "" without an address.

    Two at once may make two rows: both are right.
    """
    if not ip:
        return ""
    with _lock:
        known = _remembered.get((subject, ip))
        if known is not None:
            _remembered.move_to_end((subject, ip))
            return known
    found = AuditSource.objects.filter(subject=subject, ip=ip).values_list("pk", flat=True).first()
    if found is None:
        salt = new_salt()
        found = source_id(subject, ip, salt)
        AuditSource.objects.create(pk=found, subject=subject, ip=ip, salt=salt, at=now())
    pk = found
    # Only once it is there for all: a transaction that is undone takes a fresh row along.
    transaction.on_commit(lambda: _remember(subject, ip, pk))
    return pk


def forget_sources(subject: str | None = None) -> None:
    """Let this process forget what it remembers, of one person or of all."""
    with _lock:
        for key in [key for key in _remembered if subject is None or key[0] == subject]:
            del _remembered[key]


def _remember(subject: str, ip: str, pk: str) -> None:
    with _lock:
        _remembered[subject, ip] = pk
        if len(_remembered) > _MOST_REMEMBERED:
            _remembered.popitem(last=False)
