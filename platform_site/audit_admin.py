"""The audit log in the operator admin: to search, read, export and verify, for nobody to change.

It stands here and not in audit because it shows people and makes operators into actors, which audit knows nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.selectors import people_by_id
from audit.models import AuditCut, AuditEntry
from audit.selectors import ShownEntry, complete, matching


class _Completed(ChangeList):
    """A page of entries with what is kept apart from them, fetched for all at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        for row, shown, label in zip(rows, complete(rows), labels_of(rows), strict=True):
            row.shown, row.label = shown, label
        self.result_list = rows


def labels_of(rows: Sequence[AuditEntry]) -> list[str]:
    """Who acted, in words: the e-mail address as long as the person is known."""
    people = people_by_id(row.actor_id for row in rows if row.actor_id)
    return [people.get(row.actor_id, {}).get("email") or row.actor_id or row.actor_kind for row in rows]


class ReadOnly(ModelAdmin):
    """Rows that nobody adds, changes or deletes, superusers included."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ("at", "kind", "outcome", "who", "target_type", "target_id", "times", "address")
    list_filter = ("outcome", "kind", "workspace")
    search_fields = ("id",)
    search_help_text = "An id, a request id, or the beginning of a kind"
    readonly_fields = ("who", "times", "address")
    exclude = ("count", "stamp", "first")
    ordering = ("-at", "-id")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        return super().get_queryset(request).filter(first="").select_related("workspace")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        return (queryset.filter(matching(search_term.strip())) if search_term.strip() else queryset), False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _Completed

    @admin.display(description="Actor")
    def who(self, row: AuditEntry) -> str:
        return getattr(row, "label", None) or labels_of([row])[0]

    @admin.display(description="Times")
    def times(self, row: AuditEntry) -> int:
        return _shown(row).count

    @admin.display(description="From")
    def address(self, row: AuditEntry) -> str:
        return _shown(row).ip or ("erased" if row.source else "-")


def _shown(row: AuditEntry) -> ShownEntry:
    shown: ShownEntry | None = getattr(row, "shown", None)
    return shown or complete([row])[0]


@admin.register(AuditCut)
class AuditCutAdmin(ReadOnly):
    list_display = ("at", "chain", "through", "removed", "older_than")
    ordering = ("-at",)
