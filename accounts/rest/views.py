"""The base of every API view: refuses what is not declared, makes the Actor, answers in one style.

class AgentList(WorkspaceView):
    permissions = {"GET": Permission.AGENT_VIEW, "POST": Permission.AGENT_CREATE}
    idempotent = True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.rest import openapi as _openapi  # noqa: F401  # registers the scheme
from accounts.rest.address import client_ip
from accounts.rest.authentication import BearerAuthentication, principal_of
from accounts.tokens import Principal, WorkspaceName, actor_for, actor_without_workspace
from audit import record
from audit.idempotency import StoredAnswer, perform_once
from core.authz import Actor, Open, Permission, authorize
from core.errors import (
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    PreconditionRequired,
    ValidationFailed,
)
from core.ids import ID_PATTERN
from core.rest import paging
from core.rest.parser import JsonParser
from core.rest.problem import exception_handler
from core.rest.renderer import JsonRenderer
from core.rest.serializers import refuse_surrogates
from limits.admission import Standing, admit
from limits.rules import ROUTE_CLASSES, WORKSPACE

_KEPT_HEADERS = ("ETag", "Location")


class ApiView(APIView):
    """A view outside any workspace. `permissions` says for each method who may call it."""

    authentication_classes: Sequence[type] = (BearerAuthentication,)
    permission_classes: Sequence[type] = ()
    parser_classes: Sequence[type] = (JsonParser,)

    permissions: ClassVar[Mapping[str, Permission | Open]] = {}
    filters: ClassVar[Sequence[str]] = ()  # query parameters besides limit and cursor
    idempotent: ClassVar[bool] = False  # POST creates, and takes an Idempotency-Key
    personal: ClassVar[bool] = False  # GET tells of people: no cache keeps it, the browser's own neither
    shown_once: ClassVar[str] = ""  # the field of the answer with a secret: a repeated request does not get it again
    rates: ClassVar[Mapping[str, str]] = {}  # for each method that costs more than others, its class in limits.rules

    actor: Actor
    _standing: Standing | None = None
    _entered = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        method = request.method or ""
        required = self.permissions.get(method)
        if required is None and method != "OPTIONS":
            self.http_method_not_allowed(request)
        self._check_query(request)
        if required == "anyone":
            return
        principal = request.auth
        if not isinstance(principal, Principal):
            raise NotAuthenticated()
        if required == "signed_in" and principal.token is not None:
            raise PermissionDenied("This is for people who signed in; no API token can do it.", code="people_only")
        self._enter(principal)
        if isinstance(required, Permission) and required not in self.actor.permissions:
            record.record_denial(self.actor, permission=required, kind=f"{method} {type(self).__name__}")
            authorize(self.actor, required)

    def make_actor(self, principal: Principal) -> None:
        self.actor = actor_without_workspace(principal)

    def _enter(self, principal: Principal) -> None:
        """Make the actor and count the request, once; TooManyRequests when they have had their share."""
        if self._entered:
            return
        self._entered = True
        self.make_actor(principal)
        asked = principal.rates
        if self.actor.workspace_id is not None:  # counted for its members only: strangers cannot use up its share
            asked.append((WORKSPACE, self.actor.workspace_id))
        costly = self.rates.get(self.request.method or "")
        if costly is not None:
            asked.append((ROUTE_CLASSES[costly], principal.key))
        self._standing = admit(*asked)

    def _check_query(self, request: Request) -> None:
        allowed = {*self.filters, "limit", "cursor"} if request.method == "GET" else set()
        for name in request.query_params:
            if name not in allowed:
                shown = refuse_surrogates(name)[:100]
                raise ValidationFailed.on(shown, "unknown_parameter", f"There is no query parameter {shown!r} here.")
            values = request.query_params.getlist(name)
            if len(values) > 1 or "\x00" in values[0] or len(values[0]) > 1000:
                raise ValidationFailed.on(name, "invalid", f"Give {name} once, as plain text.")

    # --- reading ------------------------------------------------------------------------------------------------------

    @property
    def principal(self) -> Principal:
        return cast(Principal, self.request.auth)

    @property
    def client_ip(self) -> str | None:
        return client_ip(self.request.META)

    def read(self, serializer: type[BaseSerializer]) -> dict[str, Any]:
        """The body, validated by `serializer`; ValidationFailed with every field that is wrong."""
        form = serializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def param(self, name: str, choices: Sequence[str] | None = None) -> str | None:
        """A query parameter that `filters` names; with `choices`, one of them."""
        value = self.request.query_params.get(name)
        if value and choices is not None and value not in choices:
            raise ValidationFailed.on(name, "invalid_choice", f"{name} must be one of: {', '.join(choices)}.")
        return value or None

    def flag(self, name: str) -> bool | None:
        """A query parameter that is `true` or `false`; None when absent."""
        value = self.param(name, ("true", "false"))
        return None if value is None else value == "true"

    def find(self, queryset: QuerySet[Any], pk: str) -> Any:
        """The row with this id among those that the actor may see; NotFound for every other id alike."""
        found = queryset.filter(pk=pk).first() if ID_PATTERN.match(pk) else None
        if found is None:
            raise NotFound()
        return found

    @property
    def any_match(self) -> bool:
        """Whether the caller said that they overwrite whatever is there."""
        return self.request.headers.get("If-Match", "").strip() == "*"

    def require_match(self, etag: str, current: Callable[[], Any]) -> None:
        """Go on only if If-Match carries `etag`; a 412 brings the present object along as `current`."""
        offered = self.request.headers.get("If-Match", "")
        if not offered:
            raise PreconditionRequired(
                "Several people may edit this. Read it first and send its ETag as If-Match.", headers={"ETag": etag}
            )
        tags = [tag.strip().removeprefix("W/") for tag in offered.split(",")]
        if etag not in tags and "*" not in tags:
            raise PreconditionFailed(
                "Somebody else changed this since you opened it. Compare both texts, then save again.",
                headers={"ETag": etag},
                extra={"current": current()},
            )

    # --- answering ----------------------------------------------------------------------------------------------------

    def page(
        self,
        queryset: QuerySet[Any],
        present: type[BaseSerializer] | Callable[[Sequence[Any]], Any],
        *,
        ordering: Sequence[str],
    ) -> Response:
        """One page of `queryset`; `present`, a serializer or a function of all rows, turns them into JSON."""
        limit = paging.read_limit(self.request.query_params.get("limit"))
        rows, following = paging.page(
            queryset, ordering=ordering, limit=limit, cursor=self.request.query_params.get("cursor")
        )
        results = present(rows, many=True).data if isinstance(present, type) else present(rows)
        return Response({"results": results, "next": following})

    def ok(self, data: Any, *, etag: str | None = None, status: int = 200) -> Response:
        return Response(data, status=status, headers={"ETag": etag} if etag else None)

    def created(self, data: Any, *, etag: str | None = None) -> Response:
        return self.ok(data, etag=etag, status=201)

    def no_content(self) -> Response:
        return Response(status=204)

    # --- idempotency and conditional reads ----------------------------------------------------------------------------

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key") if request.method == "POST" and self.idempotent else None
        response: Any = (
            super().dispatch(request, *args, **kwargs) if key is None else self._once(key, request, args, kwargs)
        )
        if request.method == "GET" and response.status_code == 200 and not response.streaming:
            response = self._conditional(request, response)
        if self.personal and request.method == "GET":
            response["Cache-Control"] = "no-store"
        if self.shown_once and request.method == "POST":
            response["Cache-Control"] = "no-store"
        if self._standing is not None:
            for name, value in self._standing.headers.items():
                response[name] = value
        return response  # type: ignore[no-any-return]

    def _once(self, key: str, request: Any, args: Any, kwargs: Any) -> HttpResponse:
        """Run the request at most once for its key. Who asks is settled first, as keys belong to an actor."""
        try:
            principal = principal_of(request)
            if principal is None:
                return super().dispatch(request, *args, **kwargs)  # type: ignore[return-value]
            self._enter(principal)  # before the transaction: what is counted stays counted
            answer = perform_once(
                actor_id=principal.key,
                scope=request.path[:200],
                key=key,
                body=request.body,
                perform=lambda: self._stored(super(ApiView, self).dispatch(request, *args, **kwargs)),
            )
        except Exception as error:
            return exception_handler(error, {})
        kind = "application/problem+json" if answer.status >= 400 else "application/json"
        response = HttpResponse(answer.body, status=answer.status, content_type=kind)
        for name, value in answer.headers.items():
            response[name] = value
        if answer.replayed:
            response["Idempotency-Replayed"] = "true"
        return response

    def _stored(self, response: Any) -> StoredAnswer:
        if hasattr(response, "render") and not response.is_rendered:
            response.render()
        kept = {name: response[name] for name in response.headers if name in (*_KEPT_HEADERS, "Retry-After")}
        if self.shown_once and response.status_code < 400:
            secret = {**response.data, self.shown_once: None, "replayed": True}
            return StoredAnswer(
                response.status_code, bytes(response.content), kept, kept_body=JsonRenderer().render(secret)
            )
        return StoredAnswer(response.status_code, bytes(response.content), kept)

    def _conditional(self, request: Any, response: Any) -> HttpResponse:
        if hasattr(response, "render") and not response.is_rendered:
            response.render()
        etag = response.headers.get("ETag") or f'"{blake2b(response.content, digest_size=12).hexdigest()}"'
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        offered = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
        if etag in offered:
            return HttpResponse(status=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
        return response


class WorkspaceView(ApiView):
    """A view under `/workspaces/{workspace}/`: members only, everybody else gets the 404 of a random name."""

    workspace: WorkspaceName

    def make_actor(self, principal: Principal) -> None:
        self.actor, self.workspace = actor_for(principal, self.kwargs["workspace"])
