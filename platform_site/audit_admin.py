"""The audit log in the operator admin: to search, read, export and verify, for nobody to change.

It stands here and not in audit because it shows people and makes operators into actors, which audit knows nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.decorators import action as button

from accounts.admin_actor import admin_actor
from accounts.api.audit import download, present_entries
from accounts.selectors import people_by_id, workspace_names
from audit.downloads import Form, export_all_entries
from audit.heads import signed_head
from audit.models import AuditEntry, AuditRetention
from audit.models.seal import INSTALLATION
from audit.retention import LEAST_DAYS, set_retention
from audit.selectors import EntryFilter, ShownEntry, complete, matching
from audit.verify import verify

#: For how long the button looks; longer than that nobody waits for a page.
VERIFY_SECONDS = 10.0


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
    actions_list = ("verify_now", "export_jsonl", "export_csv", "download_head")

    @button(description="Verify", url_path="verify")
    def verify_now(self, request: HttpRequest) -> HttpResponse:
        """Recompute the seals, for as long as a person waits."""
        self._require_operator(request)
        report = verify(seconds=VERIFY_SECONDS)
        if report.first is not None:
            text = f"NOT GOOD. First bad entry: {report.first}. Run `python manage.py audit_verify` for all findings."
            self.message_user(request, text, messages.ERROR)
        elif report.complete:
            text = f"Good: {report.entries} entries in {report.chains} chains are as the product wrote them."
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = f"The first {report.entries} entries are good. Run `python manage.py audit_verify` to look at all."
            self.message_user(request, text, messages.WARNING)
        return redirect("admin:audit_auditentry_changelist")

    @button(description="Export JSONL", url_path="export-jsonl")
    def export_jsonl(self, request: HttpRequest) -> StreamingHttpResponse:
        return self._export(request, "jsonl")

    @button(description="Export CSV", url_path="export-csv")
    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        return self._export(request, "csv")

    @button(description="Signed head", url_path="head")
    def download_head(self, request: HttpRequest) -> HttpResponse:
        """Where all chains end now, to be kept elsewhere."""
        self._require_operator(request)
        response = HttpResponse(signed_head() + "\n", content_type="application/jsonl")
        response["Content-Disposition"] = 'attachment; filename="audit-head.jsonl"'
        return response

    def _export(self, request: HttpRequest, form: Form) -> StreamingHttpResponse:
        self._require_operator(request)
        actor = admin_actor(request, None)
        lines = export_all_entries(actor, wanted=EntryFilter(), form=form, present=present_entries)
        return download(lines, form, "audit")

    def _require_operator(self, request: HttpRequest) -> None:
        if not (request.user.is_active and request.user.is_superuser):
            raise PermissionDenied

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


class RetentionForm(forms.ModelForm):
    chain = forms.ChoiceField(label="Entries of")
    days = forms.IntegerField(min_value=LEAST_DAYS, max_value=36_500)

    class Meta:
        model = AuditRetention
        fields = ("chain", "days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["chain"]
        field.choices = [(INSTALLATION, "no workspace"), *workspace_names()]
        field.disabled = not self.instance._state.adding


@admin.register(AuditRetention)
class AuditRetentionAdmin(ModelAdmin):
    """For how long entries are kept. Without a row: for ever."""

    form = RetentionForm
    list_display = ("chain", "days")

    def save_model(self, request: HttpRequest, obj: AuditRetention, form: Any, change: bool) -> None:
        set_retention(admin_actor(request, None), chain=obj.chain, days=obj.days)

    def delete_model(self, request: HttpRequest, obj: AuditRetention) -> None:
        set_retention(admin_actor(request, None), chain=obj.chain, days=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AuditRetention]) -> None:
        for row in queryset:
            self.delete_model(request, row)
