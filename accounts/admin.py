"""People, workspaces, memberships and sign-ins in the operator admin; each change leaves an audit entry."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin, TabularInline

from accounts import admin_access as _access  # noqa: F401  # registers its pages
from accounts import admin_sso as _sso  # noqa: F401
from accounts import admin_tokens as _tokens  # noqa: F401
from accounts import operations
from accounts.admin_actor import admin_actor
from accounts.models import CustomRole, LoginSession, Membership, OutgoingMail, User, Workspace
from accounts.roles import Role
from accounts.selectors import memberships_of

admin.site.unregister(Group)
# allauth's own pages write past our audit log, and show what belongs to one person alone.
admin.site.unregister(EmailAddress)
admin.site.unregister(Authenticator)


class ReadOnlyAdmin(ModelAdmin):
    """Rows that the product writes and people only read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PersonForm(forms.ModelForm):
    """A new person gets a first password here; later ones they set themselves."""

    first_password = forms.CharField(
        widget=forms.PasswordInput(render_value=False),
        required=False,
        help_text="For a new person. Tell it to them by a safe way; they change it under Settings.",
    )
    password = ReadOnlyPasswordHashField(label="Password", required=False)
    #: What a server elsewhere said of the first password: it was asked before Django opened its transaction.
    breached = False

    class Meta:
        model = User
        fields = ("email", "name", "first_password", "is_active", "is_staff", "is_superuser")

    def clean_first_password(self) -> str:
        from accounts.passwords import BREACHED, check_own_rules
        from core.errors import ValidationFailed

        password = str(self.cleaned_data["first_password"])
        if password or not self.instance.email:
            try:
                check_own_rules(password, self.instance)
            except ValidationFailed as error:
                raise forms.ValidationError(error.detail) from None
            if self.breached:
                raise forms.ValidationError(BREACHED)
        return password

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        stays = all(data.get(name) for name in ("is_active", "is_staff", "is_superuser"))
        if not stays and not self.instance._state.adding:
            operators = User.objects.filter(is_active=True, is_staff=True, is_superuser=True)
            if operators.filter(pk=self.instance.pk).exists() and operators.count() == 1:
                raise forms.ValidationError("This is the only operator. Make another one before you change this one.")
        return data


class MembershipFormSet(forms.BaseInlineFormSet):
    """Refuses, before anything is written, to leave a workspace that has an owner without one."""

    def clean(self) -> None:
        super().clean()
        had = any(form.initial.get("role") == Role.OWNER for form in self.forms)
        stays = any(
            form.cleaned_data.get("role") == Role.OWNER and form not in self.deleted_forms
            for form in self.forms
            if hasattr(form, "cleaned_data")
        )
        if had and not stays:
            raise forms.ValidationError("A workspace keeps at least one owner. Make somebody else an owner first.")


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)
    fields = ("user", "role", "custom_role")
    formset = MembershipFormSet

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        formset.form.base_fields["custom_role"].queryset = CustomRole.objects.filter(workspace=obj)  # type: ignore[attr-defined]
        return formset

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).filter(user__kind=User.Kind.PERSON)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:  # in a table the heading is the only label, and readers aloud do not take it for one
            field.widget.attrs["aria-label"] = capfirst(db_field.verbose_name)
        return field


@admin.register(User)
class UserAdmin(ModelAdmin):
    form = PersonForm
    list_display = ("email", "name", "is_active", "is_staff", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    ordering = ("email",)
    actions = ("end_sign_ins", "reset_second_factors", "start_password_reset")
    readonly_fields = ("workspaces",)

    @admin.display(description="Workspaces")
    def workspaces(self, person: User) -> SafeString:
        """What they are where; each leads to what they may do there, and why."""
        rows = [] if person._state.adding else memberships_of(person)
        links = [(reverse("effective_access", args=[row.pk]), row.workspace, row.role_name) for row in rows]
        return format_html_join(", ", '<a class="underline" href="{}">{} ({})</a>', links) or format_html("none yet")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a person is disabled; what they made stays

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """People; service accounts have a page of their own and no password to be set."""
        return super().get_queryset(request).filter(kind=User.Kind.PERSON)

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        from accounts.passwords import is_refused_elsewhere

        may = self.has_add_permission(request) if object_id is None else self.has_change_permission(request)
        password = request.POST.get("first_password", "").strip()
        person = User(email=request.POST.get("email", ""), name=request.POST.get("name", ""))
        request.breached = bool(may and password) and is_refused_elsewhere(password, person)  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.breached = getattr(request, "breached", False)  # the class is this request's own
        return form

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        operations.save_person(
            admin_actor(request, None),
            user=obj,
            password=form.cleaned_data["first_password"],
            changed=form.changed_data,
        )

    @admin.action(description="End all sign-ins of the selected people")
    def end_sign_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = sum(operations.end_sign_ins(admin_actor(request, None), user=user) for user in queryset)
        self.message_user(request, f"{ended} sign-ins were ended.", messages.SUCCESS)

    @admin.action(description="Reset the second factors of the selected people")
    def reset_second_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        from accounts.second_factor.factors import reset_factors

        removed = sum(reset_factors(admin_actor(request, None), user=user) for user in queryset)
        self.message_user(request, f"{removed} second factors were reset; their sign-ins ended.", messages.SUCCESS)

    @admin.action(description="Make a link to choose a new password")
    def start_password_reset(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        from accounts.password_reset import start_reset

        people = list(queryset.filter(is_active=True, kind=User.Kind.PERSON)[:2])
        if len(people) != 1:
            self.message_user(request, "Select one active person.", messages.ERROR)
            return None
        link, until = start_reset(admin_actor(request, None), user=people[0])
        # On a page of its own: a message would travel in a cookie.
        context = {**self.admin_site.each_context(request), "person": people[0], "link": link, "until": until}
        answer = TemplateResponse(request, "admin/password_link.html", context)
        answer["Cache-Control"] = "no-store"
        return answer


@admin.register(Workspace)
class WorkspaceAdmin(ModelAdmin):
    list_display = ("name", "slug", "created_at")
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        if form.changed_data or not change:  # only roles were changed: those have entries of their own
            operations.save_workspace(admin_actor(request, None), workspace=obj, changed=form.changed_data)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        workspace = form.instance
        formset.save(commit=False)
        actor = admin_actor(request, workspace.pk)
        for member in formset.deleted_objects:
            operations.remove_member(actor, member=member)
        for member in [row for row, _ in formset.changed_objects] + formset.new_objects:
            operations.save_member(actor, workspace=workspace, member=member)
        formset.save_m2m()


@admin.register(LoginSession)
class LoginSessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "client", "created_at", "last_used_at", "expires_at", "ended_at", "ip")
    list_filter = ("client",)
    search_fields = ("user__email",)
    list_select_related = ("user",)
    exclude = ("refresh_id", "previous_refresh_id")
    show_full_result_count = False


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ("kind", "to", "state", "attempts", "created_at", "ended_at", "problem")
    list_filter = ("state", "kind")
    search_fields = ("to",)
    exclude = ("body",)
    show_full_result_count = False
