"""Providers, models, prices and usage in the operator admin. Every write goes through the services and leaves an entry."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from accounts.admin_access import GrantAdmin
from accounts.admin_actor import admin_actor
from core.errors import DomainError, ValidationFailed
from core.text_policy import normal_name
from llm_providers import services
from llm_providers.connecting import ConnectionReport
from llm_providers.credentials import origin_of
from llm_providers.models import (
    LanguageModel,
    Price,
    Provider,
    ProviderGroupGrant,
    ProviderUserGrant,
    UsageRecord,
)
from llm_providers.services.sharing import provider_grants
from llm_providers.services.validation import clean_base_url, clean_key, clean_options, require_kind

HEALTH_COLOURS = {"ok": "success", "failing": "danger", "unknown": "info"}


class ProviderForm(forms.ModelForm):
    """The key is written only: it is never shown again, and an empty field leaves it as it is."""

    in_workspace: Any = forms.ModelChoiceField(label="Workspace", queryset=None, widget=UnfoldAdminSelectWidget)
    api_key = forms.CharField(
        label="Key",
        required=False,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Written only. Leave it empty to keep the present key.",
    )

    class Meta:
        model = Provider
        fields = ("kind", "name", "base_url", "options", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            del self.fields["in_workspace"]  # a provider never moves to another workspace
            return
        workspaces: Any = Provider._meta.get_field("workspace").related_model
        self.fields["in_workspace"].queryset = workspaces.objects.order_by("name")  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return normal_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        kind = data.get("kind") or self.instance.kind
        if not kind:
            return data
        try:
            info = require_kind(kind)
            url = data["base_url"] = clean_base_url(info, data.get("base_url") or "")
            data["options"] = clean_options(info, data.get("options") or {})
            has_key = hasattr(self.instance, "credential")
            if data.get("api_key") or not has_key:
                data["api_key"] = clean_key(info, data.get("api_key"))
            elif origin_of(kind, url) != origin_of(kind, self.initial.get("base_url", "")):
                raise ValidationFailed.on("api_key", "key_required", "Another address: enter the key for it again.")
        except ValidationFailed as error:
            for item in error.errors:
                name = item.field.partition(".")[0]
                self.add_error(name if name in self.fields else None, item.message)
        return data


@admin.register(Provider)
class ProviderAdmin(ModelAdmin):
    form = ProviderForm
    list_display = ("name", "workspace", "kind", "health", "enabled", "key", "updated_at")
    list_filter = ("workspace", "kind", "health_state", "enabled")
    list_select_related = ("workspace", "credential")
    search_fields = ("name", "id", "base_url")
    readonly_fields = ("health_state", "health_detail", "health_checked_at", "key")
    actions = ("test_connection", "sync_models")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        first = ("in_workspace", "kind") if obj is None else ()
        shown = () if obj is None else self.readonly_fields
        return (*first, "name", "base_url", "api_key", "options", "enabled", *shown)

    @display(description="Health", label=HEALTH_COLOURS)
    def health(self, provider: Provider) -> str:
        return provider.health_state

    @display(description="Key")
    def key(self, provider: Provider) -> str:
        credential = getattr(provider, "credential", None)
        if credential is None:
            return "none"
        return f"…{credential.key_hint}" if credential.key_hint else "set"

    def save_model(self, request: HttpRequest, obj: Provider, form: Any, change: bool) -> None:
        data = form.cleaned_data
        actor = admin_actor(request, str(obj.workspace_id if change else data["in_workspace"].pk))
        key = data.get("api_key") or None
        if not change:
            made = services.create_provider(
                actor,
                kind=data["kind"],
                name=data["name"],
                base_url=data["base_url"],
                api_key=key,
                options=data["options"],
            )
            obj.pk = made.pk
            obj._state.adding = False
            return
        changes = {name: data[name] for name in form.changed_data if name != "api_key"}
        if key is not None:
            changes["api_key"] = key
        if changes:
            services.update_provider(actor, provider=Provider.objects.get(pk=obj.pk), **changes)

    def delete_model(self, request: HttpRequest, obj: Provider) -> None:
        services.delete_provider(admin_actor(request, str(obj.workspace_id)), provider=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            self.delete_model(request, provider)

    @admin.action(description="Test the connection")
    def test_connection(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            self._tell(request, provider, services.test_provider)

    @admin.action(description="Read the models anew")
    def sync_models(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        for provider in queryset:
            self._tell(request, provider, services.sync_models)

    def _tell(self, request: HttpRequest, provider: Provider, service: Any) -> None:
        try:
            report: ConnectionReport = service(admin_actor(request, str(provider.workspace_id)), provider=provider)
        except DomainError as error:
            report = ConnectionReport(False, error.detail)
        level = messages.SUCCESS if report.ok else messages.ERROR
        self.message_user(request, f"{provider.name}: {report.detail}", level)


@admin.register(LanguageModel)
class LanguageModelAdmin(ModelAdmin):
    list_display = ("name", "label", "provider", "workspace", "context_window", "enabled", "gone_at")
    list_filter = ("workspace", "provider", "enabled")
    list_select_related = ("provider", "workspace")
    search_fields = ("name", "label", "id")
    fields = (
        "label",
        "enabled",
        "name",
        "provider",
        "context_window",
        "calls_tools",
        "reasons",
        "sees_images",
        "gone_at",
    )
    readonly_fields = ("name", "provider", "context_window", "calls_tools", "reasons", "sees_images", "gone_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # models come from their providers

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: LanguageModel, form: Any, change: bool) -> None:
        stored = LanguageModel.objects.get(pk=obj.pk)
        services.update_model(
            admin_actor(request, str(obj.workspace_id)), model=stored, enabled=obj.enabled, label=obj.label
        )


@admin.register(Price)
class PriceAdmin(ModelAdmin):
    list_display = ("model", "input", "output", "cached_input", "currency", "valid_from", "source")
    list_filter = ("source", "currency")
    list_select_related = ("model",)
    search_fields = ("model__name",)
    autocomplete_fields = ("model",)
    fields = ("model", "input", "output", "cached_input", "currency", "valid_from")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a new row with a later date; what was charged stays explained

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        data = form.cleaned_data
        made = services.set_price(admin_actor(request, str(data["model"].workspace_id)), **data)
        obj.pk = made.pk
        obj._state.adding = False


@admin.register(UsageRecord)
class UsageRecordAdmin(ModelAdmin):
    """Written by the gateway, read here."""

    list_display = ("at", "workspace", "model_name", "input_tokens", "output_tokens", "cost_amount", "outcome", "run")
    list_filter = ("workspace", "provider_kind", "outcome")
    list_select_related = ("workspace",)
    search_fields = ("run", "agent", "user", "model_name")
    ordering = ("-at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ProviderUserGrant, ProviderGroupGrant)
class ProviderGrantAdmin(GrantAdmin):
    verbs = provider_grants
