"""Deleting for good: records of usage that are old, and the providers of a workspace that nobody is left in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from llm_providers.models import Provider, UsageRecord

_AT_ONCE = 500


def delete_old_usage(workspace_id: str, *, before: datetime, go_on: Callable[[], bool]) -> int:
    """Delete a workspace's records of model calls before then, a few at a time as long as `go_on` says so; how many."""
    rows = UsageRecord.objects.filter(workspace_id=workspace_id, at__lt=before).order_by("at")
    deleted = 0
    while go_on() and (ids := list(rows.values_list("pk", flat=True)[:_AT_ONCE])):
        deleted += UsageRecord.objects.filter(pk__in=ids).delete()[0]
    return deleted


def delete_providers_of(workspace_id: str) -> int:
    """Delete all providers of a workspace with their keys and models; how many."""
    rows = Provider.objects.filter(workspace_id=workspace_id)
    count = rows.count()
    rows.delete()
    return count
