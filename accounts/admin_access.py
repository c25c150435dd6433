"""Groups, roles, API tokens and service accounts in the operator admin: looked at, and taken away. All of it is audited.

They are made by the people of the workspace, who know what for; an operator only has to be able to end them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.admin_actor import admin_actor
from accounts.api_tokens import revoke_token
from accounts.custom_roles import delete_role
from accounts.grants import GrantActions
from accounts.groups import delete_group
from accounts.models import ApiToken, CustomRole, Membership, ServiceAccount, WorkspaceGroup
from accounts.service_accounts import update_service_account
from accounts.sharing import level_in
from core.authz import Actor
from core.errors import DomainError


class EndingAdmin(ModelAdmin):
    """Rows that an operator reads, and ends by an action."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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


def workspace_of(row: Any) -> str:
    for name in ("workspace_id", "service_of_id"):
        if hasattr(row, name):
            return str(getattr(row, name))
    return str(row.content_object.workspace_id)


@admin.register(WorkspaceGroup)
class GroupAdmin(EndingAdmin):
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


@admin.register(CustomRole)
class CustomRoleAdmin(EndingAdmin):
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


@admin.register(ApiToken)
class ApiTokenAdmin(EndingAdmin):
    list_display = ("name", "prefix", "workspace", "user", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("workspace", "user__kind")
    list_select_related = ("workspace", "user")
    search_fields = ("name", "prefix", "user__email")
    exclude = ("digest", "previous_digest")
    actions = ("revoke_tokens",)

    @admin.action(description="Revoke the selected tokens")
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        rows = queryset.filter(revoked_at=None)
        self.end(request, rows, lambda actor, row: revoke_token(actor, token=row), "tokens were revoked")


@admin.register(ServiceAccount)
class ServiceAccountAdmin(EndingAdmin):
    list_display = ("name", "service_of", "is_active", "created_at")
    list_filter = ("service_of", "is_active")
    list_select_related = ("service_of",)
    search_fields = ("name", "id")
    fields = ("name", "service_of", "is_active", "created_at")
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


class GrantAdmin(EndingAdmin):
    """Grants of one kind, to people or to groups. `verbs` are the audited actions of that kind."""

    verbs: GrantActions
    actions = ("take_away",)
    list_filter = ("content_object__workspace",)

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("content_object", "holder", "level")

    @property
    def _to_people(self) -> bool:
        return any(field.name == "user" for field in self.model._meta.fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        to = "user" if self._to_people else "group__workspace_group"
        return super().get_queryset(request).select_related("content_object", "permission", to)

    @admin.display(description="Given to")
    def holder(self, row: Any) -> str:
        return str(row.user if self._to_people else row.group.workspace_group)

    @admin.display(description="Level")
    def level(self, row: Any) -> str:
        return level_in(row.permission.codename).word

    @admin.action(description="Take the selected grants away")
    def take_away(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        def take(actor: Actor, row: Any) -> None:
            holder: Model = row.user if self._to_people else row.group.workspace_group
            self.verbs.withdraw(actor, obj=row.content_object, grantee=holder.pk)

        self.end(request, queryset, take, "grants were taken away")
