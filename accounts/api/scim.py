"""SCIM over HTTP: its own media type, its own errors; the same limiter, credentials and permissions as everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.rest.views import ApiView
from accounts.scim import groups, users
from accounts.scim.filters import GROUP_COLUMNS, USER_COLUMNS, filtered, sorted_by
from accounts.scim.patching import apply_patch
from accounts.scim.protocol import (
    MAX_RESULTS,
    MEDIA_TYPE,
    ScimError,
    error_body,
    invalid,
    provider_config,
    resource_types,
    schemas,
)
from accounts.scim.resources import chosen, groups_with_members, is_meant, list_response, users_with_groups
from accounts.tokens import Principal, actor_for
from core.authz import Permission
from core.errors import NotFound, PermissionDenied
from core.ids import ID_PATTERN
from core.rest.parser import JsonParser
from core.rest.problem import as_domain_error
from core.rest.renderer import JsonRenderer

PAGE = 100


class ScimParser(JsonParser):
    media_type = MEDIA_TYPE


class ScimRenderer(JsonRenderer):
    media_type = MEDIA_TYPE


class PlainRenderer(ScimRenderer):
    """For those who ask for application/json; they get SCIM's type too, as the RFC says."""

    media_type = "application/json"


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    error = as_domain_error(exception)
    response = JsonResponse(error_body(error), status=error.status, content_type=MEDIA_TYPE)
    for name, value in error.headers.items():
        response[name] = value
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    response["Cache-Control"] = "no-store"
    return response


def not_found(request: HttpRequest, rest: str = "") -> HttpResponse:
    return exception_handler(NotFound("There is nothing at this address."), {})


@dataclass(frozen=True, slots=True)
class _Kind:
    """What can be listed: its rows, what they may be filtered by, how they are shown."""

    rows: QuerySet[Any]
    columns: Mapping[str, str]
    present: Callable[[Sequence[Any], str], list[Any]]


class ScimView(ApiView):
    """For the token of a service account; its workspace is the tenant."""

    schema = None  # described by SCIM's own documents
    parser_classes: Sequence[type] = (ScimParser, JsonParser)
    renderer_classes = (ScimRenderer, PlainRenderer)

    def get_exception_handler(self) -> Callable[..., HttpResponse]:
        return exception_handler

    def make_actor(self, principal: Principal) -> None:
        service = User.objects.filter(pk=principal.user_id, kind=User.Kind.SERVICE).exists()
        if principal.token is None or not service:
            raise PermissionDenied("SCIM takes the token of a service account with the scope scim.manage.")
        self.actor = actor_for(principal, principal.token.workspace_id)[0]

    def _check_query(self, request: Request) -> None:
        """Directories add parameters of their own; none of them is looked at."""
        for values in dict(request.query_params.lists()).values():
            if len(values) > 1 or "\x00" in values[0] or len(values[0]) > 2_000:
                raise ScimError("Give each parameter once, as plain text.")

    @property
    def base(self) -> str:
        return f"{settings.PUBLIC_URL}/scim/v2"

    def answer(self, resource: dict[str, Any], status: int = 200) -> Response:
        query = self.request.query_params
        shown = chosen(resource, _names(query, "attributes"), _names(query, "excludedAttributes"))
        headers = {"ETag": resource["meta"]["version"]}
        if status == 201:
            headers["Location"] = resource["meta"]["location"]
        known = self.request.headers.get("If-None-Match", "")
        if self.request.method == "GET" and known and is_meant(resource, known):
            return Response(status=304, headers=headers)
        return Response(shown, status=status, content_type=MEDIA_TYPE, headers=headers)

    def listed(self, *kinds: _Kind, asked: Mapping[str, Any] | None = None) -> Response:
        """One page, of several kinds one after the other. `asked` is the query, or the body of a search by POST."""
        query = self.request.query_params if asked is None else asked
        found = list(_fitting(kinds, query))
        start = max(1, _number(query, "startIndex", 1))
        left = min(MAX_RESULTS, max(0, _number(query, "count", PAGE)))
        wanted, unwanted = _names(query, "attributes"), _names(query, "excludedAttributes")
        resources: list[dict[str, Any]] = []
        skip, total = start - 1, 0
        for kind, rows in found:
            here = rows.count()
            page = list(rows[skip : skip + left]) if left else []
            resources += [chosen(one, wanted, unwanted) for one in kind.present(page, self.base)]
            total, skip, left = total + here, max(0, skip - here), left - len(page)
        return Response(list_response(resources, total=total, start=start), content_type=MEDIA_TYPE)

    def user_kind(self) -> _Kind:
        return _Kind(users.users_visible_to(self.actor), USER_COLUMNS, users_with_groups)

    def group_kind(self) -> _Kind:
        return _Kind(groups.scim_groups_visible_to(self.actor), GROUP_COLUMNS, groups_with_members)

    def search(self) -> dict[str, Any]:
        body = self.body()
        if not isinstance(body, dict):
            raise ScimError("Send a SearchRequest.", scim_type="invalidSyntax")
        return body

    def body(self) -> Any:
        return self.request.data

    def meant(self, rows: QuerySet[Any], pk: str, present: Callable[[Sequence[Any], str], list[Any]]) -> Any:
        """(the row, as it is shown), locked until it is changed, if it still is what the directory means by If-Match."""
        row = self.row(rows.select_for_update(of=("self",)), pk)
        shown = present([row], self.base)[0]
        condition = self.request.headers.get("If-Match", "")
        if condition and not is_meant(shown, condition):
            raise ScimError("This has changed since you read it: read it again.", status=412)
        return row, shown

    def row(self, rows: QuerySet[Any], pk: str) -> Any:
        found = rows.filter(pk=pk).first() if ID_PATTERN.match(pk) else None
        if found is None:
            raise NotFound("There is no such resource.")
        return found


def _fitting(kinds: Sequence[_Kind], query: Mapping[str, Any]) -> Iterator[tuple[_Kind, QuerySet[Any]]]:
    """A filter or an order by something that one kind does not have finds none of it; that none has is a mistake."""
    text, path, order = (str(query.get(name) or "") for name in ("filter", "sortBy", "sortOrder"))
    mistake: ScimError | None = None
    any_fits = False
    for kind in kinds:
        try:
            rows = filtered(kind.rows, text, kind.columns) if text else kind.rows
            rows = sorted_by(rows, path, order, kind.columns)
        except ScimError as error:
            mistake = error
            continue
        any_fits = True
        yield kind, rows
    if mistake is not None and not any_fits:
        raise mistake


def _number(query: Mapping[str, Any], name: str, default: int) -> int:
    text = str(query.get(name) if query.get(name) is not None else default)
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 10):
        raise invalid(f"{name} must be a whole number.")
    return int(text)


def _names(query: Mapping[str, Any], name: str) -> str:
    given = query.get(name) or ""
    return ",".join(str(one) for one in given) if isinstance(given, list) else str(given)


class ProviderConfig(ScimView):
    permissions = {"GET": Permission.SCIM_MANAGE}

    def get(self, request: Request) -> Response:
        return Response(provider_config(self.base), content_type=MEDIA_TYPE)


class _Described(ScimView):
    permissions = {"GET": Permission.SCIM_MANAGE}
    describe: Callable[[str], list[dict[str, Any]]]

    def get(self, request: Request, name: str = "") -> Response:
        if request.query_params.get("filter"):
            raise PermissionDenied("These are not filtered.")
        found = type(self).describe(self.base)
        if not name:
            return Response(list_response(found, total=len(found), start=1), content_type=MEDIA_TYPE)
        one = next((each for each in found if each["id"] == name), None)
        if one is None:
            raise NotFound("There is no such resource.")
        return Response(one, content_type=MEDIA_TYPE)


class ResourceTypes(_Described):
    permissions = {"GET": Permission.SCIM_MANAGE}
    describe = staticmethod(resource_types)


class Schemas(_Described):
    permissions = {"GET": Permission.SCIM_MANAGE}
    describe = staticmethod(schemas)


class Users(ScimView):
    permissions = {"GET": Permission.SCIM_MANAGE, "POST": Permission.SCIM_MANAGE}

    def get(self, request: Request) -> Response:
        return self.listed(self.user_kind())

    def post(self, request: Request) -> Response:
        row = users.create_user(self.actor, body=self.body())
        return self.answer(users_with_groups([row], self.base)[0], 201)


class Search(ScimView):
    permissions = {"POST": Permission.SCIM_MANAGE}

    def post(self, request: Request) -> Response:
        return self.listed(self.user_kind(), self.group_kind(), asked=self.search())


class UserSearch(ScimView):
    permissions = {"POST": Permission.SCIM_MANAGE}

    def post(self, request: Request) -> Response:
        return self.listed(self.user_kind(), asked=self.search())


class OneUser(ScimView):
    permissions = dict.fromkeys(("GET", "PUT", "PATCH", "DELETE"), Permission.SCIM_MANAGE)

    def get(self, request: Request, pk: str) -> Response:
        return self._shown(pk)

    def put(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, _ = self._meant(pk)
            users.update_user(self.actor, user=row, body=self.body())
        return self._shown(pk)

    def patch(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, shown = self._meant(pk)
            users.update_user(self.actor, user=row, body=apply_patch(shown, request.data))
        return self._shown(pk)

    def delete(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, _ = self._meant(pk)
            users.delete_user(self.actor, user=row)
        return self.no_content()

    def _row(self, pk: str) -> Any:
        return self.row(users.users_visible_to(self.actor), pk)

    def _meant(self, pk: str) -> Any:
        return self.meant(users.users_visible_to(self.actor), pk, users_with_groups)

    def _shown(self, pk: str) -> Response:
        return self.answer(users_with_groups([self._row(pk)], self.base)[0])


class Groups(ScimView):
    permissions = {"GET": Permission.SCIM_MANAGE, "POST": Permission.SCIM_MANAGE}

    def get(self, request: Request) -> Response:
        return self.listed(self.group_kind())

    def post(self, request: Request) -> Response:
        row = groups.create_scim_group(self.actor, body=self.body())
        return self.answer(groups_with_members([row], self.base)[0], 201)


class GroupSearch(ScimView):
    permissions = {"POST": Permission.SCIM_MANAGE}

    def post(self, request: Request) -> Response:
        return self.listed(self.group_kind(), asked=self.search())


class OneGroup(ScimView):
    permissions = dict.fromkeys(("GET", "PUT", "PATCH", "DELETE"), Permission.SCIM_MANAGE)

    def get(self, request: Request, pk: str) -> Response:
        return self._shown(pk)

    def put(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, _ = self._meant(pk)
            groups.update_scim_group(self.actor, group=row, body=self.body())
        return self._shown(pk)

    def patch(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, shown = self._meant(pk)
            groups.update_scim_group(self.actor, group=row, body=apply_patch(shown, request.data))
        return self._shown(pk)

    def delete(self, request: Request, pk: str) -> Response:
        with transaction.atomic():
            row, _ = self._meant(pk)
            groups.delete_scim_group(self.actor, group=row)
        return self.no_content()

    def _row(self, pk: str) -> Any:
        return self.row(groups.scim_groups_visible_to(self.actor), pk)

    def _meant(self, pk: str) -> Any:
        return self.meant(groups.scim_groups_visible_to(self.actor), pk, groups_with_members)

    def _shown(self, pk: str) -> Response:
        return self.answer(groups_with_members([self._row(pk)], self.base)[0])
