"""The permission matrix of SCIM: every route x method x principal. Its tenant is the token's, so its principals are tokens.

Success and denial share one set-up, and each call is undone before the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.roles import ROLE_PERMISSIONS, Role
from core.authz import Permission
from tests.architecture.test_routes import ROUTES
from tests.fixtures.houses import SAML_METADATA, approve
from tests.fixtures.people import Api

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.django_db]
PREFIX = "scim/v2/"
PATCH = {"Operations": [{"op": "replace", "path": "externalId", "value": "x"}]}
# What to send, for each route and method that takes a body.
BODIES: dict[tuple[str, str], Any] = {
    (".search", "POST"): {},
    ("Users", "POST"): {"userName": "new@here.example"},
    ("Users/.search", "POST"): {},
    ("Users/<str:pk>", "PUT"): {"userName": "ann@here.example"},
    ("Users/<str:pk>", "PATCH"): PATCH,
    ("Groups", "POST"): {"displayName": "New"},
    ("Groups/.search", "POST"): {},
    ("Groups/<str:pk>", "PUT"): {"displayName": "Team"},
    ("Groups/<str:pk>", "PATCH"): PATCH,
}
NAMES = {"ResourceTypes/<str:name>": "User", "Schemas/<str:name>": "urn:ietf:params:scim:schemas:core:2.0:User"}
CALLS = [
    (route.removeprefix(PREFIX), method, required)
    for route, view in ROUTES
    if route.startswith(PREFIX) and hasattr(view, "view_class")
    for method, required in view.view_class.permissions.items()
]


@dataclass(frozen=True)
class Principal:
    name: str
    token: str | None
    #: What everybody of this kind is answered; None: it is let through.
    status: int | None = 403
    #: What it is answered about something of another workspace than its own.
    foreign: bool = False


def directory_of(owner: Api, domain: str) -> tuple[str, str, dict[str, str]]:
    """(the account, its token, the ids of a user and a group that it made)."""
    body = {"kind": "saml", "name": "C", "metadata": SAML_METADATA, "domains": [domain], "default_role": "viewer"}
    assert owner.post("sso/", body).status_code == 201
    held = ["scim.manage", "invitation.create", *sorted(ROLE_PERMISSIONS[Role.VIEWER])]
    role = owner.post("roles/", {"name": "Directory", "permissions": held}).data["id"]
    account = owner.post("service-accounts/", {"name": "Directory", "role": role}).data["id"]
    token = token_of(owner, account)
    ids = {
        "Users": ask(token, "POST", "Users", {"userName": f"ann@{domain}"}).json()["id"],
        "Groups": ask(token, "POST", "Groups", {"displayName": "Team"}).json()["id"],
    }
    return account, token, ids


def token_of(owner: Api, account: str, *scopes: str) -> str:
    body = {"name": "t", "scopes": list(scopes or ("scim.manage",))}
    made = owner.post(f"service-accounts/{account}/api-tokens/", body)
    assert made.status_code == 201, made.content
    return str(made.data["token"])


def ask(token: str | None, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    text = json.dumps(body) if body is not None else ""
    http = Client(raise_request_exception=False)
    return http.generic(method, f"/scim/v2/{path}", text, content_type="application/scim+json", headers=headers)


def row_of(token: str) -> Any:
    return ApiToken.objects.filter(prefix=token.split("_")[1])


@pytest.fixture
def world(make_workspace: Any, make_person: Any) -> tuple[list[Principal], dict[str, str]]:
    here, elsewhere = make_workspace("Here"), make_workspace("Elsewhere")
    owner, stranger = make_person(here, "owner"), make_person(elsewhere, "owner")
    approve(here, "here.example")
    approve(elsewhere, "elsewhere.example")
    account, token, ids = directory_of(owner, "here.example")
    _, foreign, _ = directory_of(stranger, "elsewhere.example")
    ended, expired, away = (token_of(owner, account) for _ in range(3))
    row_of(ended).update(revoked_at=timezone.now())
    row_of(expired).update(expires_at=timezone.now())
    row_of(away).update(networks=["192.0.2.0/24"])
    disabled = owner.post("service-accounts/", {"name": "Off", "role": "admin"}).data["id"]
    off = token_of(owner, disabled, "agent.view")
    User.objects.filter(pk=row_of(off).get().user_id).update(is_active=False)
    personal = owner.post("api-tokens/", {"name": "mine", "scopes": ["scim.manage"]})
    principals = [
        Principal("the directory", token, None),
        Principal("another workspace's directory", foreign, None, foreign=True),
        Principal("a token of the account without the scope", token_of(owner, account, "member.view")),
        Principal("a person's token with the scope", personal.data["token"]),
        *(Principal(f"a person: {role}", make_person(here, role).token) for role in ("owner", "admin", "viewer")),
        Principal("another workspace's owner", stranger.token),
        Principal("an ended token", ended, 401),
        Principal("an expired token", expired, 401),
        Principal("a token from another network", away, 401),
        Principal("a disabled account's token", off, 401),
        Principal("a wrong token", f"aap_{'a' * 12}_{'B' * 40}", 401),
        Principal("nobody", None, 401),
    ]
    return principals, ids


def test_incident_2_6_2_30_the_matrix_of_scim(world: tuple[list[Principal], dict[str, str]]) -> None:
    principals, ids = world
    problems, asked = [], 0
    assert len(CALLS) > 15
    for route, method, required in CALLS:
        assert required is Permission.SCIM_MANAGE, "a directory's scope and nothing else"
        if method in ("POST", "PUT", "PATCH"):
            assert (route, method) in BODIES, "a new route needs its row in BODIES"
        of_one = "<str:pk>" in route
        path = NAMES.get(route) or route.replace("<str:pk>", ids.get(route.split("/")[0], ""))
        path = route.replace("<str:name>", path) if route in NAMES else path
        for who in principals:
            with transaction.atomic():
                answer = ask(who.token, method, path, BODIES.get((route, method)))
                transaction.set_rollback(True)
            want = 404 if who.status is None and who.foreign and of_one else who.status
            if want is None and who.foreign and (route, method) == ("Users", "POST"):
                want = 400  # the other workspace's domain
            asked += 1
            got = answer.status_code
            if (got != want) if want else not 200 <= got < 300:
                problems.append(
                    f"{method} {route}: {who.name}: wanted {want or '2xx'}, got {got} {answer.content[:90]!r}"
                )
    assert asked == len(CALLS) * len(principals)
    assert not problems, "\n".join(problems)
