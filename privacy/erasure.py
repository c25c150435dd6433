"""Forgetting a person: first nobody can act as them any more, then what they left is deleted, then a proof is signed.

The first part is one transaction with the wish itself. The rest is a row that is due until it is done, in small steps that
may be repeated: whatever dies, it goes on.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256

from django.db import transaction

from accounts.personal import close_account, erase_account, find_heir, refuse_if_needed, sole_workspaces
from accounts.sessions import require_fresh
from agents.services import disposal
from audit.action import Action, action
from audit.chain import is_proof, moment_text, proof, sealing_key
from audit.erasure import erase_subject
from core.authz import Actor
from core.clock import now
from core.db import in_db
from core.errors import NotFound
from core.ids import new_id
from jobs.bells import enlist
from jobs.registry import JobKind, register_kind
from llm_providers.services.disposal import delete_providers_of
from privacy.models import Erasure

ERASURE_KIND = "erasure"


@action("person.ask_to_erase", requires=None)
def ask_to_erase(act: Action, *, user_id: str) -> tuple[Erasure, str]:
    """A person's erasure was asked for, by themselves or by an operator; their access ended.

    Returns the code with which the proof can be read later. Conflict `sole_owner` or `last_operator` when others still
    need them.
    """
    if act.actor.user_id == user_id:
        require_fresh(act.actor.session_id)
    refuse_if_needed(user_id)
    code = secrets.token_urlsafe(24)
    row, made = Erasure.objects.get_or_create(
        subject=user_id,
        defaults={
            "requested_by": act.actor.user_id or "",
            "requested_at": now(),
            "code_digest": _digest(code),
        },
    )
    if not made:
        Erasure.objects.filter(pk=row.pk).update(code_digest=_digest(code))
    close_account(user_id)
    act.target(row)
    act.record(subject=user_id, runs_stopped=disposal.stop_runs_of(user_id))
    enlist(ERASURE_KIND, row.pk)
    return row, code


def find_proof(code: str) -> Erasure:
    """The erasure that a code was given out for; NotFound for every other text."""
    found = Erasure.objects.filter(code_digest=_digest(code)).first()
    if found is None:
        raise NotFound("There is no erasure with this code.")
    return found


def erase(erasure_id: str) -> bool:
    """Carry an erasure on; whether it is finished. Nothing happens while a run of the person has not ended yet."""
    row = Erasure.objects.filter(pk=erasure_id, finished_at=None).first()
    if row is None:
        return True
    subject = row.subject
    if disposal.has_open_runs(subject):
        return False
    deleted = disposal.delete_work_of(subject)
    with transaction.atomic():
        row = Erasure.objects.select_for_update().get(pk=erasure_id)
        if row.finished_at is not None:
            return True
        deleted["agents"] = disposal.hand_over_agents(subject, to=lambda space: find_heir(space, leaving=subject))
        deleted["providers"] = sum(delete_providers_of(space) for space in sole_workspaces(subject))
        deleted["account"] = erase_account(subject)
        actor = Actor("system", None, "erasure", None, request_id=new_id("req"))
        deleted["addresses"] = erase_subject(actor, user_id=subject)
        row.deleted = {name: count + int(row.deleted.get(name, 0)) for name, count in deleted.items()}
        row.finished_at = now()
        row.key = sealing_key()
        row.proof = proof(row.key, "erasure.1", _proven(row))
        row.save()
    return True


def is_genuine(row: Erasure) -> bool:
    """Whether the proof is this installation's, and the row is as it was signed."""
    return row.finished_at is not None and is_proof(row.proof, row.key, "erasure.1", _proven(row))


def _proven(row: Erasure) -> list[str | int]:
    assert row.finished_at is not None
    counts = [f"{name}={count}" for name, count in sorted(row.deleted.items())]
    return [row.pk, row.subject, moment_text(row.requested_at), moment_text(row.finished_at), row.key, *counts]


def _digest(code: str) -> str:
    # Not the digest of links, which is keyed: this one must outlive a change of the secret key. The code is random.
    return sha256(code.encode("utf-8", "replace")).hexdigest()


def register_erasures() -> None:
    """Make them known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    async def run(erasure_id: str) -> None:
        await in_db(erase, erasure_id)

    register_kind(JobKind(name=ERASURE_KIND, run=run, due=due, concurrency=2))


def _due(limit: int) -> list[str]:
    rows = Erasure.objects.filter(finished_at=None).order_by("requested_at")
    return list(rows.values_list("pk", flat=True)[:limit])
