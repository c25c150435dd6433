"""Tokens and cost, summed from the runs' own columns.

Days that are over hardly change, and to sum a hundred thousand of their runs takes most of a second. For those who may look
at everybody's runs their sums are kept, under how many runs there are of these days and which of them still go on. Runs of
the past become fewer and end, and neither is ever undone: so these two name one state of their sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import TruncDate

from agents.models import Agent, Run
from agents.selectors.runs import runs_visible_to
from core.authz import Actor, Permission
from core.clock import now
from core.money import money_json
from core.shared_cache import kept

#: With fewer runs, summing is as quick as asking.
WORTH_KEEPING = 2_000
KEPT_SECONDS = 3_600
_MOST_ROWS = 200

_FIGURES = {
    "runs": Count("id"),
    "tokens_in": Sum("input_tokens", default=0),
    "tokens_out": Sum("output_tokens", default=0),
    "amount": Sum("cost_amount"),
}
#: Runs, tokens and cost; no cost when no price is known.
Sums = tuple[int, int, Decimal | None]
#: Sums by "month", "day", "agent" and "model", each by name.
Part = dict[str, dict[str, Sums]]


@dataclass(frozen=True, slots=True)
class _Span:
    midnight: datetime
    first: datetime
    month: datetime

    @property
    def begins(self) -> datetime:
        return min(self.first, self.month)


def summarize_usage(actor: Actor, *, days: int) -> dict[str, Any]:
    """Sums over the runs that the actor may see: today, this month, and the last `days` days split three ways."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    span = _Span(midnight, midnight - timedelta(days=days - 1), midnight.replace(day=1))
    visible = runs_visible_to(actor, Permission.RUN_VIEW).select_related(None).order_by()
    today = _sum(visible.filter(created_at__gte=midnight), span)
    earlier = visible.filter(created_at__gte=span.begins, created_at__lt=midnight)
    whole = _merge([today, *_sum_earlier(actor, earlier, span)])
    agents = sorted(whole["agent"].items(), key=lambda item: -item[1][0])[:_MOST_ROWS]
    names = dict(Agent.objects.filter(pk__in=[agent for agent, _ in agents]).values_list("pk", "name"))
    models = sorted(whole["model"].items(), key=lambda item: -item[1][0])[:_MOST_ROWS]
    return {
        "today": _told(today["month"].get("")),
        "month": _told(whole["month"].get("")),
        "by_day": [{"day": day, **_told(sums)} for day, sums in sorted(whole["day"].items())[:_MOST_ROWS]],
        "by_agent": [{"agent": {"id": agent, "name": names.get(agent, "")}, **_told(sums)} for agent, sums in agents],
        "by_model": [{"model_name": model, **_told(sums)} for model, sums in models],
    }


def _sum_earlier(actor: Actor, earlier: QuerySet[Run], span: _Span) -> list[Part]:
    if actor.limited or not actor.has(Permission.RUN_VIEW_ANY):  # what they see hangs on more than these runs
        return [_sum(earlier, span)]
    count = earlier.count()
    if count < WORTH_KEEPING:
        return [_sum(earlier, span)]
    going_on = sorted(earlier.filter(status__in=Run.OPEN).values_list("pk", flat=True))
    ended = earlier.exclude(pk__in=going_on)
    state = (actor.workspace_id, span.midnight, span.first, count, going_on)
    known = _read(kept("usage", state, lambda: _written(_sum(ended, span)), seconds=KEPT_SECONDS))
    return [known, _sum(earlier.filter(pk__in=going_on), span)] if going_on else [known]


def _sum(runs: QuerySet[Run], span: _Span) -> Part:
    recent = runs.filter(created_at__gte=span.first)
    month = runs.filter(created_at__gte=span.month).aggregate(**_FIGURES)
    return {
        "month": {"": _sums(month)} if month["runs"] else {},
        "day": _grouped(recent.annotate(day=TruncDate("created_at")), "day"),
        "agent": _grouped(recent, "agent_id"),
        "model": _grouped(recent, "version__model_name"),
    }


def _grouped(runs: Any, name: str) -> dict[str, Sums]:
    return {str(row[name]): _sums(row) for row in runs.values(name).annotate(**_FIGURES)}


def _sums(row: Mapping[str, Any]) -> Sums:
    return row["runs"], row["tokens_in"] + row["tokens_out"], row["amount"]


def _merge(parts: Iterable[Part]) -> Part:
    whole: Part = {"month": {}, "day": {}, "agent": {}, "model": {}}
    for part in parts:
        for split, by_name in part.items():
            for name, sums in by_name.items():
                before = whole[split].get(name)
                whole[split][name] = sums if before is None else _plus(before, sums)
    return whole


def _plus(one: Sums, other: Sums) -> Sums:
    amounts = [amount for amount in (one[2], other[2]) if amount is not None]
    return one[0] + other[0], one[1] + other[1], sum(amounts, Decimal(0)) if amounts else None


def _written(part: Part) -> Any:
    """As plain JSON: amounts keep every digit as text."""
    return {
        split: {
            name: [runs, tokens, None if amount is None else str(amount)]
            for name, (runs, tokens, amount) in found.items()
        }
        for split, found in part.items()
    }


def _read(text: Any) -> Part:
    return {
        split: {
            name: (runs, tokens, None if amount is None else Decimal(amount))
            for name, (runs, tokens, amount) in found.items()
        }
        for split, found in text.items()
    }


def _told(sums: Sums | None) -> dict[str, Any]:
    runs, tokens, amount = sums or (0, 0, None)
    return {"tokens": tokens, "cost": money_json(amount, "USD"), "runs": runs}
