"""Liveness, readiness and metrics: for load balancers and Prometheus, not for people."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DEFAULT_DB_ALIAS, connections
from django.http import HttpRequest, HttpResponse, JsonResponse

#: Not `migrate`: there may be data, and `upgrade` looks beforehand and keeps a backup.
CATCH_UP = "Run `python manage.py upgrade`."
BEHIND = f"The database is behind the code. {CATCH_UP}"

_migrated = False


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and its schema is the code's; 503 with a reason otherwise."""
    global _migrated
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated and schema_is_behind():
            return unready(BEHIND)
        _migrated = True
    except Exception:
        return unready("The database does not answer.")
    return JsonResponse({"status": "ready"})


def unready(reason: str) -> JsonResponse:
    """The 503 that keeps a load balancer away for a while."""
    return JsonResponse({"status": "unready", "reason": reason}, status=503, headers={"Retry-After": "5"})


def schema_is_behind() -> bool:
    """Whether migrations wait to be applied."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for loopback or with AAP_METRICS_TOKEN; 404 for everybody else."""
    peer = request.META.get("REMOTE_ADDR", "")
    token = settings.METRICS_TOKEN
    offered = request.META.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    # A page that had its own name resolve to this machine comes from loopback too, but under that name.
    local = peer in ("127.0.0.1", "::1") and "HTTP_X_FORWARDED_FOR" not in request.META and _is_our_name(request)
    if not local and not (token and hmac.compare_digest(offered.encode(), token.encode())):
        return HttpResponse(status=404)
    from prometheus_client import CONTENT_TYPE_LATEST

    from platform_site.metrics import exposition

    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _is_our_name(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True
