"""The operator admin's start page: is everything well, and if not, what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from agents.selectors.operations import runs_by_status, stuck_runs
from audit.standing import standing
from core.clock import now
from llm_providers.selectors import failing_providers
from platform_site.health import BEHIND, schema_is_behind


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: adds `runs`, `problems`, `audit` and `version` to the index page."""
    problems: list[str] = []
    stuck = stuck_runs(since=now() - timedelta(seconds=30))
    if stuck:
        problems.append(f"{stuck} runs are due but nobody works on them. Is the server's engine running?")
    failing = failing_providers()
    problems += [f"Provider {name}: {detail}" for name, detail in failing]
    audit = standing()
    if audit.problem:
        problems.append(audit.problem)
    if schema_is_behind():
        problems.append(BEHIND)
    context.update({"runs": runs_by_status(), "problems": problems, "audit": audit, "version": settings.VERSION})
    return context
