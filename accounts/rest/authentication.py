"""From the Authorization header to a Principal: the only credential that the API takes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.credentials import principal_from
from accounts.rest.address import client_ip
from accounts.tokens import Principal, actor_for
from audit import record
from core.authz import Actor, Permission, authorize
from core.db import in_db
from core.errors import NotAuthenticated
from core.request_context import belongs_to
from limits.admission import admit
from limits.rules import WORKSPACE


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token or API token>`. A wrong one is an error, not a fall-back to nobody."""

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        principal = principal_of(request._request)
        return None if principal is None else (_SignedIn(principal), principal)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class _SignedIn:
    """What DRF takes for `request.user`. Views use the Actor; this only says that somebody is signed in."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, principal: Principal) -> None:
        self.pk = principal.user_id


def principal_of(request: HttpRequest) -> Principal | None:
    """Who sent this request; None without an Authorization header, NotAuthenticated with a bad one."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("Send the token as: Authorization: Bearer <token>.")
    principal = principal_from(token.strip(), ip=client_ip(request.META))
    belongs_to(user=principal.user_id)
    return principal


async def async_actor(request: HttpRequest, workspace: str, permission: Permission) -> Actor:
    """The Actor of a plain async view that needs `permission`; refused and recorded like everywhere else."""

    def find() -> Actor:
        principal = principal_of(request)
        if principal is None:
            raise NotAuthenticated()
        actor = actor_for(principal, workspace)[0]
        admit(*principal.rates, (WORKSPACE, str(actor.workspace_id)))
        if permission not in actor.permissions:
            record.record_denial(actor, permission=permission, kind=f"{request.method} {request.path}"[:200])
            authorize(actor, permission)
        return actor

    return await in_db(find)
