"""Who a provider is shared with, over HTTP."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.sharing import AccessList, GrantDetail, GrantList, SharedView, VisibilityIn
from core.authz import Permission
from llm_providers.api import serializers as s
from llm_providers.api.present import provider_json
from llm_providers.models import Provider
from llm_providers.selectors import providers_visible_to
from llm_providers.services.sharing import provider_grants, set_provider_visibility


class _OfProvider(SharedView):
    actions = provider_grants
    place = "provider"

    def visible(self) -> QuerySet[Provider]:
        return providers_visible_to(self.actor)


@extend_schema_view(
    get=extend_schema(operation_id="provider_grants"), post=extend_schema(operation_id="provider_grant")
)
class ProviderGrantList(_OfProvider, GrantList):
    permissions = {"GET": Permission.PROVIDER_SHARE, "POST": Permission.PROVIDER_SHARE}


@extend_schema_view(
    put=extend_schema(operation_id="provider_grant_set"), delete=extend_schema(operation_id="provider_grant_revoke")
)
class ProviderGrantDetail(_OfProvider, GrantDetail):
    permissions = {"PUT": Permission.PROVIDER_SHARE, "DELETE": Permission.PROVIDER_SHARE}


@extend_schema_view(get=extend_schema(operation_id="provider_access"))
class ProviderAccess(_OfProvider, AccessList):
    permissions = {"GET": Permission.PROVIDER_SHARE}


class ProviderVisibility(_OfProvider):
    permissions = {"PUT": Permission.PROVIDER_SHARE}

    @extend_schema(operation_id="provider_visibility", request=VisibilityIn, responses=s.ProviderOut)
    def put(self, request: Request, workspace: str, provider: str) -> Response:
        """Open its models to everybody who builds here, or keep them to those it is shared with."""
        set_provider_visibility(self.actor, provider=self.shared(), **self.read(VisibilityIn))
        return self.ok(provider_json(self.actor, self.shared()))
