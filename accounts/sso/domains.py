"""E-mail domains of workspaces. One counts once an operator has approved it, for one workspace of the installation at most.

Otherwise everybody could say that somebody else's domain is theirs, and let their own identity provider speak for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from accounts.models import SsoConnection, SsoDomain
from audit.action import Action, action
from core.clock import now
from core.errors import Conflict


def domain_of(email: str) -> str:
    return email.rpartition("@")[2].lower()


def approved_in(workspace_id: str) -> frozenset[str]:
    """The domains that count as the workspace's own."""
    rows = SsoDomain.objects.filter(workspace_id=workspace_id, approved_at__isnull=False)
    return frozenset(rows.values_list("domain", flat=True))


def connections_for(email: str) -> list[SsoConnection]:
    """The ways in for addresses of this domain. People are not looked at: known and unknown ones get the same."""
    domain = domain_of(email)
    owner = SsoDomain.objects.filter(domain=domain, approved_at__isnull=False).values_list("workspace_id", flat=True)
    rows = SsoConnection.objects.filter(workspace_id__in=owner, enabled=True).order_by("created_at", "id")
    return [row for row in rows if domain in row.domains]


def is_there_a_way() -> bool:
    """Whether anybody at all signs in through an organisation: a connection is on where an operator approved a domain."""
    approved = SsoDomain.objects.filter(approved_at__isnull=False).values("workspace_id")
    return SsoConnection.objects.filter(enabled=True, workspace_id__in=approved).exists()


def keep_domains(workspace_id: str, names: Iterable[str]) -> None:
    """Inside an action: each name has a row, which waits for an operator."""
    there = set(SsoDomain.objects.filter(workspace_id=workspace_id).values_list("domain", flat=True))
    for name in names:
        if name not in there:
            SsoDomain.objects.create(workspace_id=workspace_id, domain=name)


@action("sso.approve_domain", requires=None)
def approve_domain(act: Action, *, domain: SsoDomain) -> None:
    """An operator approved an e-mail domain as a workspace's own."""
    row = SsoDomain.objects.select_for_update().get(pk=domain.pk)
    act.target(row)
    act.record(domain=row.domain)
    row.approved_at, row.approved_by_id = now(), act.person_id
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise Conflict(f"{row.domain} is approved for another workspace already.", code="domain_taken") from None


@action("sso.withdraw_domain", requires=None)
def withdraw_domain(act: Action, *, domain: SsoDomain) -> None:
    """An operator withdrew the approval of an e-mail domain."""
    row = SsoDomain.objects.select_for_update().get(pk=domain.pk)
    act.target(row)
    act.record(domain=row.domain)
    row.approved_at, row.approved_by = None, None
    row.save()
