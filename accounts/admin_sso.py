"""Identity providers and e-mail domains in the operator admin. Operators say whose domain it is; workspaces do the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin_access import EndingAdmin
from accounts.models import ScimUser, SsoConnection, SsoDomain, SsoIdentity
from accounts.sso.connections import close_admin, open_admin, release
from accounts.sso.domains import approve_domain, withdraw_domain
from core.authz import Actor


@admin.register(SsoDomain)
class DomainAdmin(EndingAdmin):
    list_display = ("domain", "workspace", "approved_at", "approved_by", "created_at")
    list_filter = ("workspace", ("approved_at", admin.EmptyFieldListFilter))
    list_select_related = ("workspace", "approved_by")
    search_fields = ("domain",)
    actions = ("approve", "withdraw")

    @admin.action(description="Approve: the domain is the workspace's own")
    def approve(self, request: HttpRequest, queryset: QuerySet[SsoDomain]) -> None:
        self._judge(request, queryset, approve_domain, "domains were approved")

    @admin.action(description="Withdraw the approval")
    def withdraw(self, request: HttpRequest, queryset: QuerySet[SsoDomain]) -> None:
        self._judge(request, queryset, withdraw_domain, "approvals were withdrawn")

    def _judge(self, request: HttpRequest, rows: QuerySet[SsoDomain], how: Callable[..., None], what: str) -> None:
        def judge(actor: Actor, row: SsoDomain) -> None:
            how(actor, domain=row)

        self.end(request, rows, judge, what)


@admin.register(SsoConnection)
class ConnectionAdmin(EndingAdmin):
    list_display = ("name", "kind", "workspace", "issuer", "enabled", "enforced", "for_operators", "created_at")
    list_filter = ("workspace", "kind", "enabled", "enforced")
    list_select_related = ("workspace",)
    search_fields = ("name", "issuer")
    actions = ("let_passwords_in", "let_operators_in", "keep_operators_out")

    @admin.display(description="For operators", boolean=True)
    def for_operators(self, row: SsoConnection) -> bool:
        return row.opens_admin

    @admin.action(description="Let operators into this admin through it (whoever runs it could become one)")
    def let_operators_in(self, request: HttpRequest, queryset: QuerySet[SsoConnection]) -> None:
        def let_in(actor: Actor, row: SsoConnection) -> None:
            open_admin(actor, connection=row)

        self.end(request, queryset, let_in, "connections lead operators in here")

    @admin.action(description="Let no operators in through it any more")
    def keep_operators_out(self, request: HttpRequest, queryset: QuerySet[SsoConnection]) -> None:
        def keep_out(actor: Actor, row: SsoConnection) -> None:
            close_admin(actor, connection=row)

        self.end(request, queryset.exclude(opens_admin_since=None), keep_out, "connections lead in here no more")

    @admin.action(description="Let passwords in again (stop enforcing)")
    def let_passwords_in(self, request: HttpRequest, queryset: QuerySet[SsoConnection]) -> None:
        def let_in(actor: Actor, row: SsoConnection) -> None:
            release(actor, connection=row)

        self.end(request, queryset.filter(enforced=True), let_in, "connections are enforced no more")


@admin.register(SsoIdentity)
class IdentityAdmin(EndingAdmin):
    list_display = ("user", "connection", "subject", "called", "last_used_at")
    list_select_related = ("user", "connection")
    list_filter = ("connection__workspace",)
    search_fields = ("user__email", "subject")


@admin.register(ScimUser)
class ScimUserAdmin(EndingAdmin):
    list_display = ("user_name", "workspace", "user", "active", "made", "updated_at")
    list_select_related = ("user", "workspace")
    list_filter = ("workspace", "active", "made")
    search_fields = ("user_name", "email")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("workspace", "user", "user_name", "external_id", "email", "active", "made", "attributes")
