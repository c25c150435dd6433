"""Retention and erasures in the operator admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts.admin import ReadOnlyAdmin
from accounts.admin_actor import admin_actor
from accounts.personal import find_person
from core.errors import DomainError
from privacy.erasure import ask_to_erase, is_genuine
from privacy.models import Erasure, Retention
from privacy.retention import edit_retention

DAYS = ("conversation_days", "run_days", "usage_days", "trash_days")


@admin.register(Retention)
class RetentionAdmin(ModelAdmin):
    """Workspaces get their policy when somebody looks at it first."""

    list_display = ("workspace", *DAYS, "next_at")
    fields = DAYS
    list_select_related = ("workspace",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Retention, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        edit_retention(admin_actor(request, obj.workspace_id), changes=changes)


class ErasureForm(forms.ModelForm):
    """Whom to forget, written out, so that nobody does it by a slip of the hand."""

    email = forms.EmailField(
        label="E-mail address",
        widget=UnfoldAdminEmailInputWidget,
        help_text="The person's access ends at once, and what they left is deleted. It cannot be undone.",
    )

    class Meta:
        model = Erasure
        fields = ()

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        person = find_person(email)
        if person is None:
            raise forms.ValidationError("There is no person with this e-mail address.")
        self.cleaned_data["person"] = person
        return email


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("id", "subject", "requested_by", "requested_at", "finished_at", "proof_holds")
    search_fields = ("subject", "id")
    ordering = ("-requested_at",)
    exclude = ("code_digest",)
    readonly_fields = ("proof_holds",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else ErasureForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else ("email",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False, "title": "Erase a person"}
        return super().add_view(request, form_url, {**(extra_context or {}), **only_save})

    def save_model(self, request: HttpRequest, obj: Erasure, form: Any, change: bool) -> None:
        try:
            row, code = ask_to_erase(admin_actor(request, None), user_id=form.cleaned_data["person"])
        except DomainError as error:
            obj.pk = ""
            self.message_user(request, f"Nothing was done. {error.detail}", messages.ERROR)
            return
        obj.pk = row.pk
        self.message_user(request, f"The code to read the proof with, shown once: {code}", messages.WARNING)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> Any:
        return self.response_post_save_add(request, obj)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None  # the audit log has it

    @admin.display(description="Proof", boolean=True)
    def proof_holds(self, row: Erasure) -> bool | None:
        return is_genuine(row) if row.finished_at else None
