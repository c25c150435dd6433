"""Forgetting a person: what the log holds of them beyond an opaque id goes, and every entry stays as it was sealed."""

from __future__ import annotations

from dataclasses import replace

from audit.action import Action, action
from audit.kinds import ERASED
from audit.models import AuditSource
from audit.sources import forget_sources
from core.authz import Actor
from core.db import after_commit


def erase_subject(actor: Actor, *, user_id: str) -> int:
    """Delete the addresses that a person acted from; returns how many rows went. The erasure is an entry itself.

    For services that erase a person: they authorise, end the person's sign-ins first, and erase name and e-mail address,
    which stand in accounts only. A person who erases themselves leaves no new address here.
    """
    if actor.user_id == user_id:
        actor = replace(actor, ip=None)
    return _erase(actor, user_id=user_id)


@action(ERASED, requires=None)
def _erase(act: Action, *, user_id: str) -> int:
    """What the audit log knew of a person beyond an opaque id was erased."""
    rows = AuditSource.objects.filter(subject=user_id).delete()[0]
    after_commit(lambda: forget_sources(user_id))
    act.name_target("user", user_id)
    act.record(addresses=rows)
    return rows
