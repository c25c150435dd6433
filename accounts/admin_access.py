"""Groups, roles, service accounts and grants in the operator admin: made, changed and ended by the actions that the people
of a workspace use, with their rules and audit entries. API tokens are in admin_tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin_actor import admin_actor
from accounts.admin_forms import SEEN, ActionAdmin, ActionForm, permission_choices
from accounts.custom_roles import create_role, delete_role, update_role
from accounts.custom_roles import version_of as version_of_role
from accounts.grants import GrantActions, holder_of, row_of_grant
from accounts.groups import add_to_group, create_group, delete_group, remove_from_group, update_group
from accounts.groups import version_of as version_of_group
from accounts.models import CustomRole, Membership, ServiceAccount, User, WorkspaceGroup
from accounts.roles import Role
from accounts.selectors import people_in_group
from accounts.service_accounts import create_service_account, update_service_account
from accounts.sharing import LEVELS, level_in
from core.authz import Actor
from core.errors import Conflict, DomainError


class EndsRows(ModelAdmin):
    """An operator ends rows by an action on the list."""

    def end(self, request: HttpRequest, rows: QuerySet[Any], how: Callable[[Actor, Any], object], what: str) -> None:
        """Do it for each row, tell how many were done and why others were not."""
        done = 0
        for row in rows:
            try:
                how(admin_actor(request, workspace_of(row)), row)
                done += 1
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", messages.ERROR)
        self.message_user(request, f"{done} {what}.", messages.SUCCESS if done else messages.WARNING)


class EndingAdmin(EndsRows):
    """Rows that an operator reads and ends, and does not write."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def workspace_of(row: Any) -> str:
    for name in ("workspace_id", "service_of_id"):
        if hasattr(row, name):
            return str(getattr(row, name))
    return str(row.content_object.workspace_id)


class GroupForm(ActionForm):
    """Who is in it is asked on the page of a group that is there. Only what was changed on this page is changed."""

    only_later = frozenset({SEEN, "people"})
    people: Any = forms.ModelMultipleChoiceField(
        queryset=User.objects.none(), required=False, widget=UnfoldAdminSelect2MultipleWidget
    )

    class Meta:
        model = WorkspaceGroup
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.adding:
            return
        members = User.objects.filter(memberships__workspace=self.instance.workspace_id).order_by("email")
        self.fields["people"].queryset = members  # type: ignore[attr-defined]
        self.initial["people"] = list(people_in_group(self.instance).values_list("pk", flat=True))

    def version(self) -> str:
        people = people_in_group(self.instance).order_by("pk").values_list("pk", flat=True)
        return " ".join([version_of_group(self.instance), *people])

    def perform(self, data: dict[str, Any]) -> WorkspaceGroup:
        if self.adding:
            actor = self.actor_in(data["in_workspace"].pk)
            return create_group(actor, name=data["name"], description=data["description"])
        group, actor = WorkspaceGroup.objects.get(pk=self.instance.pk), self.actor_in(self.instance.workspace_id)
        version, *seen = data[SEEN].split(" ")
        changes = {name: data[name] for name in ("name", "description") if name in self.changed_data}
        if changes:
            update_group(actor, group=group, only_if=version, **changes)
        wanted, now = {one.pk for one in data["people"]}, set(people_in_group(group).values_list("pk", flat=True))
        for user_id in sorted(wanted - set(seen) - now):
            add_to_group(actor, group=group, user_id=user_id)
        for user_id in sorted((set(seen) - wanted) & now):
            remove_from_group(actor, group=group, user_id=user_id)
        return group


@admin.register(WorkspaceGroup)
class GroupAdmin(EndsRows, ActionAdmin):
    form = GroupForm
    list_display = ("name", "workspace", "people", "created_at")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)
    search_fields = ("name", "id")
    actions = ("delete_groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkspaceGroup]:
        return super().get_queryset(request).annotate(size=Count("group__user"))

    @admin.display(description="People")
    def people(self, row: Any) -> int:
        return int(row.size)

    @admin.action(description="Delete the selected groups, with what was granted to them")
    def delete_groups(self, request: HttpRequest, queryset: QuerySet[WorkspaceGroup]) -> None:
        self.end(request, queryset, lambda actor, row: delete_group(actor, group=row), "groups were deleted")


class RoleForm(ActionForm):
    permissions = forms.MultipleChoiceField(
        choices=permission_choices(), required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = CustomRole
        fields = ("name", "description", "permissions")

    def version(self) -> str:
        return version_of_role(self.instance)

    def perform(self, data: dict[str, Any]) -> CustomRole:
        if self.adding:
            given = {name: data[name] for name in ("name", "description", "permissions")}
            return create_role(self.actor_in(data["in_workspace"].pk), **given)
        role = CustomRole.objects.get(pk=self.instance.pk)
        changes = {name: data[name] for name in self.changed_data if name != SEEN}
        return update_role(self.actor_in(role.workspace_id), role=role, only_if=data[SEEN], **changes)


@admin.register(CustomRole)
class CustomRoleAdmin(EndsRows, ActionAdmin):
    form = RoleForm
    list_display = ("name", "workspace", "holds", "updated_at")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)
    search_fields = ("name", "id")
    actions = ("delete_roles",)

    @admin.display(description="Permissions")
    def holds(self, row: CustomRole) -> int:
        return len(row.held)

    @admin.action(description="Delete the selected roles, unless somebody has them")
    def delete_roles(self, request: HttpRequest, queryset: QuerySet[CustomRole]) -> None:
        self.end(request, queryset, lambda actor, row: delete_role(actor, role=row), "roles were deleted")


def _role_choices() -> list[tuple[str, str]]:
    own = CustomRole.objects.select_related("workspace").order_by("name", "workspace__name")
    built_in = [(one.value, one.value) for one in Role if one != Role.OWNER]
    return [*built_in, *((role.pk, f"{role.name} ({role.workspace})") for role in own)]


class ServiceAccountForm(ActionForm):
    only_later = frozenset({SEEN, "is_active"})
    role = forms.ChoiceField(choices=_role_choices, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = ServiceAccount
        fields = ("name", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True
        account = Membership.objects.select_related("custom_role").filter(user_id=self.instance.pk).first()
        if account is not None:
            self.initial["role"] = account.role_key

    def perform(self, data: dict[str, Any]) -> Any:
        if self.adding:
            actor = self.actor_in(data["in_workspace"].pk)
            made = create_service_account(actor, name=data["name"], role=data["role"])
            return ServiceAccount.objects.get(pk=made.user_id)
        account = Membership.objects.select_related("user", "custom_role").filter(user_id=self.instance.pk).first()
        if account is None:  # what it did stays
            raise Conflict("This service account was removed. Make another one.", code="removed")
        named = {"name": "name", "role": "role", "is_active": "enabled"}
        changes = {named[name]: data[name] for name in self.changed_data if name in named}
        if changes:
            update_service_account(self.actor_in(account.workspace_id), account=account, **changes)
        return ServiceAccount.objects.get(pk=self.instance.pk)


@admin.register(ServiceAccount)
class ServiceAccountAdmin(EndsRows, ActionAdmin):
    form = ServiceAccountForm
    list_display = ("name", "service_of", "is_active", "created_at")
    list_filter = ("service_of", "is_active")
    list_select_related = ("service_of",)
    search_fields = ("name", "id")
    actions = ("switch_off", "switch_on")

    @admin.action(description="Switch the selected accounts off: tokens refused, runs stopped")
    def switch_off(self, request: HttpRequest, queryset: QuerySet[ServiceAccount]) -> None:
        self._switch(request, queryset, enabled=False)

    @admin.action(description="Switch the selected accounts on again")
    def switch_on(self, request: HttpRequest, queryset: QuerySet[ServiceAccount]) -> None:
        self._switch(request, queryset, enabled=True)

    def _switch(self, request: HttpRequest, rows: QuerySet[ServiceAccount], *, enabled: bool) -> None:
        def switch(actor: Actor, row: ServiceAccount) -> None:
            account = Membership.objects.select_related("user", "custom_role").get(user_id=row.pk)
            update_service_account(actor, account=account, enabled=enabled)

        members = rows.filter(memberships__isnull=False)
        self.end(request, members, switch, f"service accounts were switched {'on' if enabled else 'off'}")


class GrantForm(ActionForm):
    """Gives one level on one object. Only what a role reaches can be shared by an operator, so nobody's chats."""

    verbs: GrantActions
    only_new = frozenset({"content_object", "grantee"})
    in_workspace = None
    grantee = forms.CharField(
        label="Given to",
        max_length=254,
        widget=UnfoldAdminTextInputWidget,
        help_text="The e-mail address of a person, the name of a group, or an id.",
    )
    level = forms.ChoiceField(choices=[(name, name) for name in LEVELS], widget=UnfoldAdminSelectWidget)

    class Meta:
        fields = ("content_object",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.adding:
            self.initial["level"] = self.version()

    def version(self) -> str:
        return level_in(self.instance.permission.codename).word

    def perform(self, data: dict[str, Any]) -> Any:
        obj: Any = data["content_object"] if self.adding else self.instance.content_object
        actor = self.actor_in(obj.workspace_id)
        if self.adding:
            holder = _grantee(obj.workspace_id, data["grantee"].strip())
            given = self.verbs.give(actor, obj=obj, grantee=holder, level=data["level"])
        else:
            holder = str(holder_of(self.instance).pk)
            given = self.verbs.give(actor, obj=obj, grantee=holder, level=data["level"], only_if=data[SEEN])
        return row_of_grant(obj, given.holder)


def _grantee(workspace_id: str, named: str) -> str:
    """The id of whom an operator named; what nobody is called goes on as it is, and is refused by the action."""
    groups = WorkspaceGroup.objects.filter(workspace_id=workspace_id, name__iexact=named)
    people = Membership.objects.filter(workspace_id=workspace_id, user__email__iexact=named)
    found = groups.values_list("pk", flat=True).first() or people.values_list("user_id", flat=True).first()
    return str(found or named)


class GrantAdmin(EndsRows, ActionAdmin):
    """Grants of one kind, to people or to groups. `verbs` are the audited actions of that kind; `gives` False: an operator
    takes them away only.
    """

    verbs: GrantActions
    gives = True
    form = GrantForm
    actions = ("take_away",)
    list_filter = ("content_object__workspace",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("content_object", "holder", "level")

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        return ("content_object",) if self.gives else ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.gives and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.gives and super().has_change_permission(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.verbs = self.verbs
        return form

    @property
    def _to_people(self) -> bool:
        return any(field.name == "user" for field in self.model._meta.fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        to = "user" if self._to_people else "group__workspace_group"
        return super().get_queryset(request).select_related("content_object", "permission", to)

    @admin.display(description="Given to")
    def holder(self, row: Any) -> str:
        return str(holder_of(row))

    @admin.display(description="Level")
    def level(self, row: Any) -> str:
        return level_in(row.permission.codename).word

    @admin.action(description="Take the selected grants away")
    def take_away(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        def take(actor: Actor, row: Any) -> None:
            self.verbs.withdraw(actor, obj=row.content_object, grantee=holder_of(row).pk)

        self.end(request, queryset, take, "grants were taken away")
