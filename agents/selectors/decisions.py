"""Reading what waits for people."""

from __future__ import annotations

from django.db.models import QuerySet

from agents.models import Decision
from core.authz import Actor, Permission, visible_to


def decisions_visible_to(actor: Actor, permission: Permission = Permission.DECISION_VIEW) -> QuerySet[Decision]:
    return visible_to(
        actor, permission, Decision.objects.select_related("run__agent", "run__started_by", "resolved_by")
    )
