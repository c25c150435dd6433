"""Forms of the operator admin whose saving is an audited action: what the action refuses stands at the field it is about.

The action runs while the form is checked, inside the admin's transaction, so that a refusal is an error of the form and
nothing that was typed is lost. Must not know any action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.admin_actor import admin_actor
from accounts.models import Workspace
from core.authz import Actor, Permission
from core.errors import DomainError
from core.text_policy import normal_name

#: What the person who opened the page saw of a row; compared with the row when they save.
SEEN = "seen"


class ActionForm(forms.ModelForm):
    """`perform` does it and returns the row. A new row asks for its workspace; no row ever moves to another one."""

    actor_in: Callable[[str | None], Actor]
    made: Any = None
    only_new: ClassVar[frozenset[str]] = frozenset({"in_workspace"})
    only_later: ClassVar[frozenset[str]] = frozenset({SEEN})
    in_workspace: Any = forms.ModelChoiceField(
        label="Workspace", queryset=Workspace.objects.order_by("name"), widget=UnfoldAdminSelectWidget
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.only_later if self.adding else self.only_new:
            self.fields.pop(name, None)
        if not self.adding:
            self.initial[SEEN] = self.version()

    @property
    def adding(self) -> bool:
        return bool(self.instance._state.adding)

    def version(self) -> str:
        """Changes with the row."""
        return ""

    def perform(self, data: dict[str, Any]) -> Any:
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.made = self.perform(data)
            except DomainError as refusal:
                for item in refusal.errors:
                    field = item.field.partition(".")[0]
                    self.add_error(field if field in self.fields else None, item.message)
                if not refusal.errors:
                    self.add_error(None, refusal.detail)
        return data

    def clean_name(self) -> str:
        return normal_name(self.cleaned_data["name"])

    def _post_clean(self) -> None:
        """The action has written the row; nothing is left to be put into it."""

    def save(self, commit: bool = True) -> Any:
        return self.made

    def save_m2m(self) -> None:
        """The admin asks for it after each save."""


class ActionAdmin(ModelAdmin):
    """Rows that are made and changed by the actions of an `ActionForm`."""

    show_full_result_count = False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.actor_in = staticmethod(lambda workspace: admin_actor(request, workspace))
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        form: Any = self.form
        if not (self.has_change_permission(request, obj) if obj else self.has_add_permission(request)):
            return super().get_fields(request, obj)  # only looked at
        left_out = form.only_later if obj is None else form.only_new
        declared = [name for name in form.declared_fields if name not in form.Meta.fields]
        order = [*(one for one in ("in_workspace", "account") if one in declared), *form.Meta.fields]
        return [name for name in dict.fromkeys([*order, *declared]) if name not in left_out]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form has done it."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LinesField(forms.CharField):
    """One thing a line. `each` is a field of the API that says what a thing is."""

    def __init__(self, *, each: Any, **kwargs: Any) -> None:
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), required=False, **kwargs)
        self._each = each

    def clean(self, value: Any) -> Any:
        from rest_framework.exceptions import ValidationError

        found = []
        for line in str(super().clean(value)).split():
            try:
                found.append(self._each.run_validation(line))
            except ValidationError as error:
                raise forms.ValidationError(f"{line[:60]}: {error.detail[0]}") from None  # type: ignore[index]
        return found

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


def permission_choices(without: frozenset[Permission] = frozenset()) -> list[tuple[str, str]]:
    return [(one.value, one.value) for one in sorted(Permission) if one not in without]
