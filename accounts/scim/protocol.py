"""SCIM's own words: schemas, what we support of them, and the shape of its errors. Knows no people."""

from __future__ import annotations

from typing import Any

from core.errors import DomainError

MEDIA_TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MAX_RESULTS = 200


class ScimError(DomainError):
    """What a directory asked for cannot be done; `scim_type` is RFC 7644's word for it."""

    def __init__(self, detail: str, *, scim_type: str = "", status: int = 400) -> None:
        super().__init__(detail, code=scim_type or "scim")
        self.scim_type = scim_type
        self.status = status  # type: ignore[misc]


def invalid(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidValue")


def error_body(error: DomainError) -> dict[str, Any]:
    kind = getattr(error, "scim_type", "") or ("uniqueness" if error.status == 409 else "")
    body: dict[str, Any] = {"schemas": [ERROR], "status": str(error.status), "detail": error.detail}
    if error.status == 400 and not kind:
        kind = "invalidValue"
    return {**body, "scimType": kind} if kind else body


def _attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": name,
        "required": False,
        "mutability": "readWrite",
        "returned": "default",
        **({"caseExact": False, "uniqueness": "none"} if kind == "string" else {}),
        **more,
    }


_USER_ATTRIBUTES = [
    _attribute("userName", required=True, uniqueness="server"),
    _attribute(
        "name",
        "complex",
        subAttributes=[_attribute("formatted"), _attribute("familyName"), _attribute("givenName")],
    ),
    _attribute("displayName"),
    _attribute("active", "boolean"),
    _attribute(
        "emails",
        "complex",
        multiValued=True,
        subAttributes=[_attribute("value"), _attribute("type"), _attribute("primary", "boolean")],
    ),
    _attribute(
        "groups",
        "complex",
        multiValued=True,
        mutability="readOnly",
        subAttributes=[
            _attribute("value", mutability="readOnly"),
            _attribute("display", mutability="readOnly"),
        ],
    ),
]
_GROUP_ATTRIBUTES = [
    _attribute("displayName", required=True),
    _attribute(
        "members",
        "complex",
        multiValued=True,
        subAttributes=[
            _attribute("value", mutability="immutable", caseExact=True),
            _attribute("$ref", "reference", referenceTypes=["User"], mutability="immutable"),
        ],
    ),
]
_DESCRIBED = {USER: ("User", _USER_ATTRIBUTES), GROUP: ("Group", _GROUP_ATTRIBUTES)}


def schemas(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
            "id": urn,
            "name": name,
            "description": name,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{urn}"},
        }
        for urn, (name, attributes) in _DESCRIBED.items()
    ]


def resource_types(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": f"/{name}s",
            "description": name,
            "schema": urn,
            "schemaExtensions": [],
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
        }
        for urn, (name, _) in _DESCRIBED.items()
    ]


def provider_config(base: str) -> dict[str, Any]:
    no = {"supported": False}
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": f"{base.removesuffix('/scim/v2')}/api/docs/",
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": no,
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "API token",
                "description": "The token of a service account with the scope scim.manage.",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
