"""API tokens and service accounts over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import api_tokens, service_accounts
from accounts.api import credential_bodies as s
from accounts.models import ApiToken, Membership
from accounts.rest.views import WorkspaceView
from accounts.selectors import service_accounts_visible_to, tokens_visible_to
from core.authz import Permission
from core.errors import NotFound
from core.ids import ID_PATTERN
from core.rest.pages import page_of

_ORDER = ("-created_at", "-id")


class TokenView(WorkspaceView):
    shown_once = "token"

    def token(self, token_id: str) -> ApiToken:
        found: ApiToken = self.find(tokens_visible_to(self.actor), token_id)
        return found

    def secret(self, made: api_tokens.Secret, status: int) -> Response:
        """The one answer that has the secret."""
        row = self.token(made.row.pk)
        return self.ok({**s.TokenOut(row).data, "token": made.token, "replayed": False}, status=status)


class TokenList(TokenView):
    personal = True
    permissions = {"GET": Permission.API_TOKEN_VIEW, "POST": Permission.API_TOKEN_EDIT}
    filters = ("all",)
    idempotent = True

    @extend_schema(
        operation_id="api_tokens",
        responses=page_of(s.TokenOut),
        parameters=[OpenApiParameter("all", str, enum=["true", "false"], description="Not only my own.")],
    )
    def get(self, request: Request, workspace: str) -> Response:
        """My API tokens, newest first; with `all=true` every one that I may see."""
        mine = None if self.flag("all") else self.actor.user_id
        return self.page(tokens_visible_to(self.actor, user_id=mine), s.TokenOut, ordering=_ORDER)

    @extend_schema(operation_id="api_token_create", request=s.TokenIn, responses={201: s.TokenSecretOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Make a token. It does no more than you may do at the moment it is used. Its secret is shown this once."""
        return self.secret(api_tokens.create_token(self.actor, **self.read(s.TokenIn)), 201)


class TokenDetail(TokenView):
    personal = True
    permissions = {
        "GET": Permission.API_TOKEN_VIEW,
        "PATCH": Permission.API_TOKEN_EDIT,
        "DELETE": Permission.API_TOKEN_REVOKE,
    }

    @extend_schema(operation_id="api_token", responses=s.TokenOut)
    def get(self, request: Request, workspace: str, token_id: str) -> Response:
        """One token, without its secret."""
        return self.ok(s.TokenOut(self.token(token_id)).data)

    @extend_schema(operation_id="api_token_update", request=s.TokenPatch, responses=s.TokenOut)
    def patch(self, request: Request, workspace: str, token_id: str) -> Response:
        """Change its name, end, addresses or rate, or narrow what it may do; for more, make another one."""
        api_tokens.update_token(self.actor, token=self.token(token_id), **self.read(s.TokenPatch))
        return self.ok(s.TokenOut(self.token(token_id)).data)

    @extend_schema(operation_id="api_token_revoke", responses={204: None})
    def delete(self, request: Request, workspace: str, token_id: str) -> Response:
        """Revoke it: it is refused from the next request on, and the runs it started stop."""
        api_tokens.revoke_token(self.actor, token=self.token(token_id))
        return self.no_content()


class TokenRotate(TokenView):
    permissions = {"POST": Permission.API_TOKEN_EDIT}
    idempotent = True

    @extend_schema(operation_id="api_token_rotate", request=s.RotateIn, responses={201: s.TokenSecretOut})
    def post(self, request: Request, workspace: str, token_id: str) -> Response:
        """Give it a new secret, shown this once. The old one ends now, or after `overlap_seconds`."""
        token = self.token(token_id)
        return self.secret(api_tokens.rotate_token(self.actor, token=token, **self.read(s.RotateIn)), 201)


class AccountView(TokenView):
    def account(self, account_id: str) -> Membership:
        rows = service_accounts_visible_to(self.actor).filter(user_id=account_id)
        found = rows.first() if ID_PATTERN.match(account_id) else None
        if found is None:
            raise NotFound()
        return found


class ServiceAccountList(AccountView):
    shown_once = ""
    permissions = {"GET": Permission.SERVICE_ACCOUNT_VIEW, "POST": Permission.SERVICE_ACCOUNT_EDIT}
    idempotent = True

    @extend_schema(operation_id="service_accounts", responses=page_of(s.ServiceAccountOut))
    def get(self, request: Request, workspace: str) -> Response:
        """The workspace's service accounts, newest first."""
        return self.page(service_accounts_visible_to(self.actor), s.ServiceAccountOut, ordering=_ORDER)

    @extend_schema(
        operation_id="service_account_create", request=s.ServiceAccountIn, responses={201: s.ServiceAccountOut}
    )
    def post(self, request: Request, workspace: str) -> Response:
        """Make a service account, with a role that holds no more than you do."""
        made = service_accounts.create_service_account(self.actor, **self.read(s.ServiceAccountIn))
        return self.created(s.ServiceAccountOut(made).data)


class ServiceAccountDetail(AccountView):
    permissions = {
        "GET": Permission.SERVICE_ACCOUNT_VIEW,
        "PATCH": Permission.SERVICE_ACCOUNT_EDIT,
        "DELETE": Permission.SERVICE_ACCOUNT_EDIT,
    }

    @extend_schema(operation_id="service_account", responses=s.ServiceAccountOut)
    def get(self, request: Request, workspace: str, account_id: str) -> Response:
        """One service account."""
        return self.ok(s.ServiceAccountOut(self.account(account_id)).data)

    @extend_schema(operation_id="service_account_update", request=s.ServiceAccountPatch, responses=s.ServiceAccountOut)
    def patch(self, request: Request, workspace: str, account_id: str) -> Response:
        """Rename it, give it another role, or switch it off: then its tokens are refused and its runs stop."""
        changes: dict[str, Any] = self.read(s.ServiceAccountPatch)
        service_accounts.update_service_account(self.actor, account=self.account(account_id), **changes)
        return self.ok(s.ServiceAccountOut(self.account(account_id)).data)

    @extend_schema(operation_id="service_account_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, account_id: str) -> Response:
        """Remove it with its tokens. What it made stays."""
        service_accounts.delete_service_account(self.actor, account=self.account(account_id))
        return self.no_content()


class ServiceAccountTokenList(AccountView):
    personal = True
    permissions = {"GET": Permission.SERVICE_ACCOUNT_VIEW, "POST": Permission.SERVICE_ACCOUNT_EDIT}
    idempotent = True

    @extend_schema(operation_id="service_account_tokens", responses=page_of(s.TokenOut))
    def get(self, request: Request, workspace: str, account_id: str) -> Response:
        """Its API tokens, newest first."""
        account = self.account(account_id)
        return self.page(tokens_visible_to(self.actor, user_id=account.user_id), s.TokenOut, ordering=_ORDER)

    @extend_schema(operation_id="service_account_token_create", request=s.TokenIn, responses={201: s.TokenSecretOut})
    def post(self, request: Request, workspace: str, account_id: str) -> Response:
        """Make a token for it, with some of what its role holds. The secret is shown this once."""
        account = self.account(account_id)
        return self.secret(api_tokens.create_account_token(self.actor, account=account, **self.read(s.TokenIn)), 201)
