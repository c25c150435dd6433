"""Providers and models over HTTP: parse, call the service, present."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import WorkspaceView
from core.authz import Permission
from core.errors import PreconditionFailed
from core.rest.pages import page_of
from llm_providers import services
from llm_providers.api import serializers as s
from llm_providers.api.present import provider_json, providers_json
from llm_providers.connecting import ConnectionReport
from llm_providers.credentials import effective_base_url
from llm_providers.discovery import discover
from llm_providers.models import LanguageModel, Provider
from llm_providers.registry import kinds
from llm_providers.selectors import models_visible_to, providers_visible_to


class ProviderKinds(WorkspaceView):
    permissions = {"GET": Permission.MODEL_VIEW}

    @extend_schema(operation_id="providers_kinds", responses=s.KindsOut)
    def get(self, request: Request, workspace: str) -> Response:
        """The kinds of providers that can be connected, and what each needs."""
        results, fields = [], [str(name) for name in s.KindOut().fields]
        for info in kinds():
            entry = asdict(info)
            results.append(
                {**{name: entry[name] for name in fields}, "default_base_url": effective_base_url(info.kind, "")}
            )
        return self.ok({"results": results})


class ProvidersDiscovered(WorkspaceView):
    permissions = {"GET": Permission.PROVIDER_CREATE}

    @extend_schema(operation_id="providers_discovered", responses=s.DiscoveredListOut)
    def get(self, request: Request, workspace: str) -> Response:
        """What could be connected with one click: the local Ollama, keys in the server's environment, the demo."""
        return self.ok({"results": [asdict(found) for found in discover()]})


class ProviderList(WorkspaceView):
    permissions = {"GET": Permission.PROVIDER_VIEW, "POST": Permission.PROVIDER_CREATE}
    filters = ("kind",)
    idempotent = True

    @extend_schema(
        operation_id="providers_list",
        parameters=[
            OpenApiParameter("kind", str, enum=s.KIND_NAMES),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor", str),
        ],
        responses=page_of(s.ProviderOut),
    )
    def get(self, request: Request, workspace: str) -> Response:
        """The connected providers, newest first."""
        rows = providers_visible_to(self.actor)
        if kind := self.param("kind", s.KIND_NAMES):
            rows = rows.filter(kind=kind)
        return self.page(rows, providers_json(self.actor), ordering=("-created_at", "-id"))

    @extend_schema(operation_id="providers_create", request=s.ProviderIn, responses={201: s.ProviderOut})
    def post(self, request: Request, workspace: str) -> Response:
        """Connect a provider. It is created even when it does not answer now: see `health`."""
        created = services.create_provider(self.actor, **self.read(s.ProviderIn))
        provider = self.find(providers_visible_to(self.actor), created.id)
        return self.created(provider_json(self.actor, provider), etag=etag_of(provider))


class ProviderCheck(WorkspaceView):
    permissions = {"POST": Permission.PROVIDER_CREATE}
    rates = {"POST": "vendor"}

    @extend_schema(operation_id="providers_check", request=s.ConnectionIn, responses=s.ConnectionOut)
    def post(self, request: Request, workspace: str) -> Response:
        """Try a connection without keeping it."""
        return self.ok(_report(services.check_connection(self.actor, **self.read(s.ConnectionIn))))


class ProviderDetail(WorkspaceView):
    permissions = {
        "GET": Permission.PROVIDER_VIEW,
        "PATCH": Permission.PROVIDER_EDIT,
        "DELETE": Permission.PROVIDER_DELETE,
    }

    @extend_schema(operation_id="providers_get", responses=s.ProviderOut)
    def get(self, request: Request, workspace: str, provider: str) -> Response:
        """One provider."""
        found = self._find(provider)
        return self.ok(provider_json(self.actor, found), etag=etag_of(found))

    @extend_schema(operation_id="providers_update", request=s.ProviderChangesIn, responses=s.ProviderOut)
    def patch(self, request: Request, workspace: str, provider: str) -> Response:
        """Change a provider. Needs If-Match; another address needs the key again."""
        found = self._find(provider)
        self.require_match(self._accepted_tag(found), lambda: provider_json(self.actor, found))
        only_if = None if self.any_match else found.revision
        changes = self.read(s.ProviderChangesIn)
        try:
            services.update_provider(self.actor, provider=found, only_if=only_if, **changes)
        except PreconditionFailed:  # somebody came in between
            newer = self._find(provider)
            self.require_match(etag_of(newer), lambda: provider_json(self.actor, newer))
            raise
        changed = self._find(provider)
        return self.ok(provider_json(self.actor, changed), etag=etag_of(changed))

    @extend_schema(operation_id="providers_delete", responses={204: None})
    def delete(self, request: Request, workspace: str, provider: str) -> Response:
        """Remove a provider with its key and its models."""
        services.delete_provider(self.actor, provider=self._find(provider))
        return self.no_content()

    def _find(self, pk: str) -> Any:
        return self.find(providers_visible_to(self.actor), pk)

    def _accepted_tag(self, provider: Provider) -> str:
        """A health check between reading and saving is no edit: any tag of the same revision will do."""
        start = f'"{provider.revision}.'
        offered = [tag.strip().removeprefix("W/") for tag in self.request.headers.get("If-Match", "").split(",")]
        return next((tag for tag in offered if tag.startswith(start)), etag_of(provider))


class ProviderTest(WorkspaceView):
    permissions = {"POST": Permission.PROVIDER_EDIT}
    rates = {"POST": "vendor"}

    @extend_schema(operation_id="providers_test", request=None, responses=s.ConnectionOut)
    def post(self, request: Request, workspace: str, provider: str) -> Response:
        """Test the connection and keep the result as the provider's health."""
        found = self.find(providers_visible_to(self.actor), provider)
        self.read(s.NothingIn)
        return self.ok(_report(services.test_provider(self.actor, provider=found)))


class ProviderSync(WorkspaceView):
    permissions = {"POST": Permission.PROVIDER_EDIT}
    rates = {"POST": "vendor"}

    @extend_schema(operation_id="providers_sync", request=None, responses=s.ConnectionOut)
    def post(self, request: Request, workspace: str, provider: str) -> Response:
        """Read the provider's models anew."""
        found = self.find(providers_visible_to(self.actor), provider)
        self.read(s.NothingIn)
        return self.ok(_report(services.sync_models(self.actor, provider=found)))


class ModelList(WorkspaceView):
    permissions = {"GET": Permission.MODEL_VIEW}
    filters = ("provider", "enabled")

    @extend_schema(
        operation_id="models_list",
        parameters=[
            OpenApiParameter("provider", str),
            OpenApiParameter("enabled", bool),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor", str),
        ],
        responses=page_of(s.ModelOut),
    )
    def get(self, request: Request, workspace: str) -> Response:
        """The models that the providers offer now. `enabled=true` gives those that can be used."""
        rows = models_visible_to(self.actor).filter(gone_at__isnull=True)
        if provider := self.param("provider"):
            rows = rows.filter(provider_id=provider)
        enabled = self.flag("enabled")
        if enabled is True:
            rows = rows.filter(enabled=True, provider__enabled=True)
        elif enabled is False:
            rows = rows.exclude(enabled=True, provider__enabled=True)
        return self.page(rows, s.ModelOut, ordering=("name", "id"))


class ModelDetail(WorkspaceView):
    permissions = {"PATCH": Permission.PROVIDER_EDIT}

    @extend_schema(operation_id="models_update", request=s.ModelChangesIn, responses=s.ModelOut)
    def patch(self, request: Request, workspace: str, model: str) -> Response:
        """Switch a model on or off, or give it another label."""
        found: LanguageModel = self.find(models_visible_to(self.actor), model)
        changed = services.update_model(self.actor, model=found, **self.read(s.ModelChangesIn))
        return self.ok(s.ModelOut(changed).data)


def etag_of(provider: Provider) -> str:
    """The revision, and the moment of the last change of anything shown."""
    return f'"{provider.revision}.{provider.updated_at.timestamp():.6f}"'


def _report(report: ConnectionReport) -> dict[str, Any]:
    return {"ok": report.ok, "detail": report.detail, "models": report.models, "field": report.field}
