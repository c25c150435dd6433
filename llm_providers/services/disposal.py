"""Deleting for good: records of usage that are old, and the providers of a workspace that nobody is left in."""

from __future__ import annotations

from datetime import datetime

from llm_providers.models import Provider, UsageRecord


def delete_old_usage(workspace_id: str, *, before: datetime) -> int:
    """Delete a workspace's records of model calls before then; how many."""
    return UsageRecord.objects.filter(workspace_id=workspace_id, at__lt=before).delete()[0]


def delete_providers_of(workspace_id: str) -> int:
    """Delete all providers of a workspace with their keys and models; how many."""
    rows = Provider.objects.filter(workspace_id=workspace_id)
    count = rows.count()
    rows.delete()
    return count
