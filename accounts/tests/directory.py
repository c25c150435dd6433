"""A workspace's directory, as the tests of SCIM play it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts.roles import ROLE_PERMISSIONS, Role
from tests.fixtures.doors import Client
from tests.fixtures.houses import SAML_METADATA, approve
from tests.fixtures.people import Api

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Directory:
    """Whoever holds the token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.http = Client(raise_request_exception=False)

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/scim+json") -> Any:
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = self.http.generic(method, f"/scim/v2/{path}", text, content_type=content_type, headers=headers)
        answer.data = json.loads(answer.content) if answer.content else None  # type: ignore[attr-defined]
        assert answer.status_code < 500, answer.content
        if answer.content:
            assert answer["Content-Type"].startswith("application/scim+json")
        return answer

    def get(self, path: str, **query: str) -> Any:
        from urllib.parse import urlencode

        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def make(self, who: str, **more: Any) -> str:
        answer = self.call("POST", "Users", {"schemas": [USER], "userName": f"{who}@corp.example", **more})
        assert answer.status_code == 201, answer.content
        return str(answer.data["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> Any:
        return self.call("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})


def token_of(owner: Api, *permissions: str, scopes: tuple[str, ...] = ("scim.manage",)) -> str:
    held = ["scim.manage", "invitation.create", *permissions]
    role = owner.post("roles/", {"name": f"D{uuid.uuid4().hex[:8]}", "permissions": held})
    assert role.status_code == 201, role.content
    account = owner.post("service-accounts/", {"name": "Directory", "role": role.data["id"]}).data["id"]
    made = owner.post(f"service-accounts/{account}/api-tokens/", {"name": "SCIM", "scopes": list(scopes)})
    assert made.status_code == 201, made.content
    return str(made.data["token"])


VIEWER = sorted(ROLE_PERMISSIONS[Role.VIEWER])


@pytest.fixture
def corp(owner: Api, workspace: Any) -> str:
    approve(workspace, "corp.example")
    body = {
        "kind": "saml",
        "name": "Corp",
        "metadata": SAML_METADATA,
        "domains": ["corp.example"],
        "default_role": "viewer",
        "mapping": [{"group": "Admins", "role": "admin"}],
    }
    return str(owner.post("sso/", body).data["id"])


@pytest.fixture
def directory(owner: Api, corp: str) -> Directory:
    return Directory(token_of(owner, *VIEWER))
