"""Tokens and cost, summed from the runs' own columns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate

from agents.selectors.runs import runs_visible_to
from core.authz import Actor, Permission
from core.clock import now
from core.money import money_json


def summarize_usage(actor: Actor, *, days: int) -> dict[str, Any]:
    """Sums over the runs that the actor may see: today, this month, and the last `days` days split three ways."""
    moment = now()
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    visible = runs_visible_to(actor, Permission.RUN_VIEW).select_related(None).order_by()
    recent = visible.filter(created_at__gte=midnight - timedelta(days=days - 1))
    return {
        "today": _one(visible.filter(created_at__gte=midnight)),
        "month": _one(visible.filter(created_at__gte=midnight.replace(day=1))),
        "by_day": [
            {"day": row["day"].isoformat(), **_sums(row)}
            for row in _grouped(recent.annotate(day=TruncDate("created_at")).values("day"), order="day")
        ],
        "by_agent": [
            {"agent": {"id": row["agent_id"], "name": row["agent_name"]}, **_sums(row)}
            for row in _grouped(recent.annotate(agent_name=F("agent__name")).values("agent_id", "agent_name"))
        ],
        "by_model": [
            {"model_name": row["model_name"], **_sums(row)}
            for row in _grouped(recent.annotate(model_name=F("version__model_name")).values("model_name"))
        ],
    }


_FIGURES = {
    "tokens_in": Sum("input_tokens", default=0),
    "tokens_out": Sum("output_tokens", default=0),
    "amount": Sum("cost_amount"),
    "runs": Count("id"),
}


def _grouped(rows: Any, order: str = "-runs") -> Iterable[dict[str, Any]]:
    return list(rows.annotate(**_FIGURES).order_by(order)[:200])


def _one(rows: Any) -> dict[str, Any]:
    return _sums(rows.aggregate(**_FIGURES))


def _sums(row: dict[str, Any]) -> dict[str, Any]:
    amount: Decimal | None = row["amount"]
    return {
        "tokens": (row["tokens_in"] or 0) + (row["tokens_out"] or 0),
        "cost": money_json(amount, "USD"),
        "runs": row["runs"],
    }
