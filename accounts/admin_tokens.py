"""API tokens in the operator admin. An operator makes them for service accounts; a person's they can only revoke, as nobody
else's hand may hold what acts in that person's name. A secret is shown on one page, once.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin_access import EndsRows
from accounts.admin_actor import admin_actor
from accounts.admin_forms import ActionAdmin, ActionForm, LinesField, permission_choices
from accounts.api.credential_bodies import AgentIdField, ExpiryField, NetworkField
from accounts.api_tokens import Secret, create_account_token, revoke_token, rotate_token, update_token
from accounts.models import ApiToken, Membership, User
from accounts.roles import NOT_FOR_TOKENS
from core.errors import DomainError


class TokenForm(ActionForm):
    """What it may do is chosen when it is made, and can only be narrowed later."""

    only_new = frozenset({"account"})
    in_workspace = None
    account: Any = forms.ModelChoiceField(
        label="Service account",
        queryset=Membership.objects.select_related("user", "workspace", "custom_role").filter(
            user__kind=User.Kind.SERVICE
        ),
        widget=UnfoldAdminSelectWidget,
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=permission_choices(NOT_FOR_TOKENS),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    objects = LinesField(each=AgentIdField(), label="Only these agents", help_text="Ids, one a line. Empty: all.")
    networks = LinesField(
        each=NetworkField(max_length=64),
        label="Only from",
        help_text="Addresses or ranges, one a line. Empty: anywhere.",
    )
    per_minute = forms.IntegerField(
        label="Requests a minute",
        min_value=1,
        max_value=60_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Empty: the server's own limit.",
    )
    expires = forms.CharField(
        label="Ends",
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text="Such as 2030-12-31T23:59:59Z. Empty: never.",
    )

    class Meta:
        model = ApiToken
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        if self.adding:
            accounts: Any = self.fields["account"]
            accounts.label_from_instance = lambda one: f"{one.user} ({one.workspace})"
            return
        self.fields["scopes"].choices = [(one, one) for one in row.scopes]  # type: ignore[attr-defined]
        self.initial.update(
            scopes=row.scopes,
            objects=sorted(row.objects_reached.values_list("object_id", flat=True)),
            networks=row.networks,
            per_minute=row.per_minute,
            expires=row.expires_at.isoformat() if row.expires_at else "",
        )

    def clean_expires(self) -> Any:
        from rest_framework.exceptions import ValidationError

        text = self.cleaned_data["expires"].strip()
        if not text or "expires" not in self.changed_data:
            return None
        try:
            return ExpiryField().run_validation(text)
        except ValidationError as error:
            raise forms.ValidationError([str(one) for one in error.detail]) from None

    def perform(self, data: dict[str, Any]) -> ApiToken:
        if self.adding:
            wanted = {name: data[name] for name in ("name", "scopes", "networks", "per_minute")}
            wanted |= {"objects": data["objects"] or None, "expires_at": data["expires"]}
            account = data["account"]
            self.secret = create_account_token(self.actor_in(account.workspace_id), account=account, **wanted)
            return self.secret.row
        token = ApiToken.objects.get(pk=self.instance.pk)
        names = {"expires": "expires_at"}
        changes = {names.get(name, name): data[name] for name in self.changed_data if name != "seen"}
        return update_token(self.actor_in(token.workspace_id), token=token, **changes) if changes else token


@admin.register(ApiToken)
class ApiTokenAdmin(EndsRows, ActionAdmin):
    form = TokenForm
    list_display = ("name", "prefix", "workspace", "user", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("workspace", "user__kind")
    list_select_related = ("workspace", "user")
    search_fields = ("name", "prefix", "user__email")
    exclude = ("digest", "previous_digest")
    actions = ("revoke_tokens", "new_secret")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        others = obj is not None and obj.user.kind == User.Kind.PERSON
        return not others and super().has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):  # only looked at
            kwargs["form"] = forms.ModelForm
        return super().get_form(request, obj, change, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        form: Any = request._made_by  # type: ignore[attr-defined]
        return self._show(request, form.secret)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        request._made_by = form  # type: ignore[attr-defined]
        return super().save_form(request, form, change)

    def _show(self, request: HttpRequest, secret: Secret) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "row": secret.row, "token": secret.token}
        answer = TemplateResponse(request, "admin/token_secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description="Revoke the selected tokens")
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        rows = queryset.filter(revoked_at=None)
        self.end(request, rows, lambda actor, row: revoke_token(actor, token=row), "tokens were revoked")

    @admin.action(description="Give one token of a service account a new secret")
    def new_secret(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponse | None:
        chosen = list(queryset.filter(user__kind=User.Kind.SERVICE)[:2])
        if len(chosen) != 1:
            self.message_user(request, "Select one token of a service account.", messages.ERROR)
            return None
        try:
            actor = admin_actor(request, str(chosen[0].workspace_id))
            return self._show(request, rotate_token(actor, token=chosen[0]))
        except DomainError as error:
            self.message_user(request, error.detail, messages.ERROR)
            return None
