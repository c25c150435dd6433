"""Reading providers and models, with the actor's rights. For this app's edges and for the apps above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet

from core.authz import Actor, Permission, verbs_on, visible_to
from llm_providers.models import LanguageModel, Provider, UsageRecord


def providers_visible_to(actor: Actor) -> QuerySet[Provider]:
    """With their credentials' hints and the number of models that the vendor still offers (`offered`)."""
    rows = Provider.objects.select_related("credential").annotate(
        offered=Count("models", filter=Q(models__gone_at__isnull=True))
    )
    return visible_to(actor, Permission.PROVIDER_VIEW, rows)


_VERBS = {
    "edit": Permission.PROVIDER_EDIT,
    "share": Permission.PROVIDER_SHARE,
    "delete": Permission.PROVIDER_DELETE,
}


def permissions_on(actor: Actor, rows: Sequence[Provider]) -> dict[str, list[str]]:
    """For each provider's id, what the actor may do with it: some of edit, share, delete."""
    return verbs_on(actor, Provider, [row.pk for row in rows], _VERBS)


def models_visible_to(actor: Actor) -> QuerySet[LanguageModel]:
    rows = LanguageModel.objects.select_related("provider").prefetch_related("prices")
    return visible_to(actor, Permission.MODEL_VIEW, rows)


def find_model(actor: Actor, model_id: str | None) -> LanguageModel | None:
    """The model with this id in the actor's workspace, usable or not (see `usable`); None when there is none."""
    if not model_id:
        return None
    rows = LanguageModel.objects.select_related("provider")
    return visible_to(actor, Permission.MODEL_VIEW, rows).filter(pk=model_id).first()


def failing_providers() -> list[tuple[str, str]]:
    """(name, what is wrong) of the enabled providers of all workspaces whose last check failed, for operators."""
    rows = Provider.objects.filter(enabled=True, health_state="failing").order_by("name")
    return list(rows.values_list("name", "health_detail")[:20])


def usage_of_person(user_id: str) -> Iterator[dict[str, Any]]:
    """The model calls that were made for a person, oldest first, for their own copy of their data."""
    fields = ("at", "workspace__slug", "model_name", "run", "input_tokens", "output_tokens", "cost_amount")
    after = ""
    while True:
        rows = UsageRecord.objects.filter(user=user_id, pk__gt=after).order_by("pk")
        found = list(rows.values("pk", "cost_currency", *fields)[:500])
        for row in found:
            after = row.pop("pk")
            yield {"workspace": row.pop("workspace__slug"), **row}
        if len(found) < 500:
            return
