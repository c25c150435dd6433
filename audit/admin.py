"""The audit log in the operator admin: to search and read, for nobody to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    list_display = ("at", "kind", "outcome", "actor_kind", "actor_id", "target_type", "target_id", "count", "ip")
    list_filter = ("outcome", "kind", "workspace")
    search_fields = ("actor_id", "target_id", "request_id")
    ordering = ("-at", "-id")
    show_full_result_count = False
    date_hierarchy = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
