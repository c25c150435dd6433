"""Users and groups as SCIM shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from accounts.models import ScimUser, WorkspaceGroup
from accounts.scim.protocol import GROUP, LIST, USER
from core.clock import rfc3339


def user_resource(row: ScimUser, base: str, groups: Sequence[tuple[str, str]]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "schemas": [USER],
        "id": row.pk,
        "userName": row.user_name,
        **{name: value for name, value in row.attributes.items() if value},
        "active": row.active,
        "groups": [{"value": pk, "display": name} for pk, name in groups],
        "meta": _meta("User", row, base),
    }
    if row.external_id:
        resource["externalId"] = row.external_id
    return _with_version(resource)


def users_with_groups(rows: Sequence[ScimUser], base: str) -> list[dict[str, Any]]:
    """Two queries, however many users."""
    people = [row.user_id for row in rows if row.user_id]
    found: dict[str, list[tuple[str, str]]] = {}
    spaces = {row.workspace_id for row in rows}
    pairs = WorkspaceGroup.objects.filter(workspace_id__in=spaces, group__user__in=people).order_by("name")
    for person, pk, name in pairs.values_list("group__user", "pk", "name"):
        found.setdefault(person, []).append((pk, name))
    return [user_resource(row, base, found.get(row.user_id or "", [])) for row in rows]


def groups_with_members(rows: Sequence[WorkspaceGroup], base: str) -> list[dict[str, Any]]:
    """The members that the directory knows."""
    spaces = {row.workspace_id for row in rows}
    known = ScimUser.objects.filter(
        workspace_id__in=spaces, deleted_at=None, user__groups__in=[row.group_id for row in rows]
    )
    members: dict[int, list[dict[str, Any]]] = {}
    for group, pk in known.order_by("pk").values_list("user__groups", "pk"):
        members.setdefault(group, []).append({"value": pk, "$ref": f"{base}/Users/{pk}"})
    shown = []
    for row in rows:
        resource: dict[str, Any] = {
            "schemas": [GROUP],
            "id": row.pk,
            "displayName": row.name,
            "members": members.get(row.group_id, []),
            "meta": _meta("Group", row, base),
        }
        if row.external_id:
            resource["externalId"] = row.external_id
        shown.append(_with_version(resource))
    return shown


def list_response(resources: Sequence[dict[str, Any]], *, total: int, start: int) -> dict[str, Any]:
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": list(resources),
    }


def chosen(resource: dict[str, Any], wanted: str | None, unwanted: str | None) -> dict[str, Any]:
    """`attributes` and `excludedAttributes`; what a resource cannot be without stays."""
    always = {"schemas", "id"}
    if wanted:
        names = {_top(one) for one in wanted.split(",")}
        return {name: value for name, value in resource.items() if name in always or name.lower() in names}
    if unwanted:
        names = {_top(one) for one in unwanted.split(",")} - always
        return {name: value for name, value in resource.items() if name.lower() not in names}
    return resource


def is_meant(resource: dict[str, Any], condition: str) -> bool:
    """Whether an If-Match or If-None-Match names this resource as it is: weakly, as SCIM's versions are."""
    given = [one.strip().removeprefix("W/") for one in condition.split(",")]
    return "*" in given or str(resource["meta"]["version"]).removeprefix("W/") in given


def _with_version(resource: dict[str, Any]) -> dict[str, Any]:
    """Made of all that is shown, groups and members too: these change without the row."""
    text = json.dumps({**resource, "meta": None}, sort_keys=True)
    resource["meta"]["version"] = f'W/"{sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
    return resource


def _top(path: str) -> str:
    return path.strip().rpartition(":")[2].partition(".")[0].lower()


def _meta(kind: str, row: Any, base: str) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "created": rfc3339(row.created_at),
        "lastModified": rfc3339(row.updated_at),
        "location": f"{base}/{kind}s/{row.pk}",
    }
