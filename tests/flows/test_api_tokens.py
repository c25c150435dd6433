"""API tokens and service accounts through every door: what they may do, what ends them, what is kept of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiToken, Membership, User
from accounts.roles import NOT_FOR_TOKENS, ROLE_PERMISSIONS, Role
from agents.models import Run
from agents.ws.authority import Credential, Watched, check_watchers, sign_in, sign_in_all
from audit.models import AuditEntry, IdempotencyKey
from core.clock import now
from core.errors import NotAuthenticated
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db

ALL_OF = {role: sorted(ROLE_PERMISSIONS[role] - NOT_FOR_TOKENS) for role in Role}


def make_token(person: Api, scopes: Any = None, *, path: str = "api-tokens/", **more: Any) -> Api:
    """An Api that shows a token which `person` made; `row` is what the answer said of it."""
    answer = person.post(path, {"name": "t", "scopes": scopes or ["agent.view", "run.view"], **more})
    assert answer.status_code == 201, answer.content
    made = Api(answer.data["token"], person.base)
    made.row = answer.data  # type: ignore[attr-defined]
    return made


def put(token: Api, **columns: Any) -> None:
    ApiToken.objects.filter(pk=token.row["id"]).update(**columns)  # type: ignore[attr-defined]


def test_a_token_is_a_credential_for_what_it_carries(owner: Api, agent: dict[str, Any]) -> None:
    token = make_token(owner, ["agent.view", "run.create", "agent.run", "conversation.create", "run.view"])
    assert token.get("agents/").status_code == 200
    started = token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}, Idempotency_Key="k1")
    again = token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}, Idempotency_Key="k1")
    assert (started.status_code, again.status_code, again.data["id"]) == (202, 202, started.data["id"])
    entry = AuditEntry.objects.get(kind="run.start")
    assert (entry.actor_kind, entry.actor_id) == ("token", owner.person.pk)
    assert entry.data["token"] == token.row["id"]  # type: ignore[attr-defined]
    for path in ("members/", "providers/", "audit/", "conversations/", "api-tokens/"):
        assert token.get(path).status_code == 403, path
    denied = AuditEntry.objects.filter(outcome="denied", data__token=token.row["id"])  # type: ignore[attr-defined]
    assert denied.count() == 5
    me = token.get("/api/v1/me/").data
    assert (me["id"], [space["permissions"] for space in me["workspaces"]]) == (
        owner.person.pk,
        [sorted(token.row["scopes"])],  # type: ignore[attr-defined]
    )


def test_nothing_of_the_secret_is_kept(owner: Api) -> None:
    body = {"name": "t", "scopes": ["agent.view"]}
    first = owner.post("api-tokens/", body, Idempotency_Key="same")
    token = first.data["token"]
    assert first["Cache-Control"] == "no-store"
    again = owner.post("api-tokens/", body, Idempotency_Key="same")
    assert (again.status_code, again.data["token"], again.data["replayed"]) == (201, None, True)
    assert again.data["id"] == first.data["id"] and ApiToken.objects.count() == 1
    secret = token.rsplit("_", 1)[1]
    kept = json.dumps(
        [
            *ApiToken.objects.values(),
            *({**row, "body": bytes(row["body"]).decode()} for row in IdempotencyKey.objects.values()),
            *AuditEntry.objects.values(),
        ],
        default=str,
    )
    assert secret not in kept and token.split("_")[1] in kept
    for path in ("api-tokens/", f"api-tokens/{first.data['id']}/"):
        assert secret not in owner.get(path).content.decode()


def test_incident_2_47_scopes_are_a_part_of_the_makers_rights(workspace: Any, make_person: Any, owner: Api) -> None:
    for role in (Role.BUILDER, Role.USER):
        person = make_person(workspace, role.value)
        beyond = sorted(ROLE_PERMISSIONS[Role.OWNER] - NOT_FOR_TOKENS - ROLE_PERMISSIONS[role])
        for scope in beyond:
            assert person.post("api-tokens/", {"name": "t", "scopes": ["agent.view", scope]}).status_code == 403
        assert make_token(person, ALL_OF[role]).get("agents/").status_code == 200
    for scope in NOT_FOR_TOKENS:
        refused = owner.post("api-tokens/", {"name": "t", "scopes": [scope]})
        assert (refused.status_code, refused.data["errors"][0]["code"]) == (400, "not_for_tokens")


def test_incident_2_47_the_owners_rights_count_at_use(workspace: Any, owner: Api, make_person: Any) -> None:
    person = make_person(workspace, "builder")
    token = make_token(person, ["agent.create", "agent.view"])
    assert token.post("agents/", {"name": "A"}).status_code == 201
    member = Membership.objects.get(user=person.person)
    assert owner.patch(f"members/{member.pk}/", {"role": "viewer"}).status_code == 200
    assert token.post("agents/", {"name": "B"}).status_code == 403
    assert token.get("agents/").status_code == 200
    assert owner.delete(f"members/{member.pk}/").status_code == 204
    assert token.get("agents/").status_code == 401
    assert ApiToken.objects.get(pk=token.row["id"]).revoked_at is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled", "rotated"])
def test_incident_2_53_what_ended_is_refused_on_the_next_call(workspace: Any, make_person: Any, how: str) -> None:
    person = make_person(workspace, "user")
    token = make_token(person)
    path = f"api-tokens/{token.row['id']}/"  # type: ignore[attr-defined]
    credential = Credential(str(token.token), "127.0.0.1", None)
    watched = {1: Watched(sign_in(credential).principal, {}, [])}
    assert token.get("agents/").status_code == 200 and check_watchers(watched) == (set(), set())
    if how == "revoked":
        assert person.delete(path).status_code == 204
    elif how == "expired":
        put(token, expires_at=now() - timedelta(seconds=1))
    elif how == "disabled":
        User.objects.filter(pk=person.person.pk).update(is_active=False)
    else:
        assert person.post(f"{path}rotate/", {}).status_code == 201
    refused = token.get("agents/")
    assert (refused.status_code, refused.data["code"]) == (401, "not_authenticated")
    with pytest.raises(NotAuthenticated):
        sign_in(credential)
    assert check_watchers(watched) == ({1}, set()), "its sockets end with the next look"
    reason = {"rotated": "wrong_secret"}.get(how, how)
    entry = AuditEntry.objects.filter(kind="credential.refused", data__reason=reason).first()
    assert entry is not None and entry.target_id == token.row["id"]  # type: ignore[attr-defined]


def test_rotation_with_an_overlap(owner: Api) -> None:
    token = make_token(owner)
    path = f"api-tokens/{token.row['id']}/rotate/"  # type: ignore[attr-defined]
    body = {"overlap_seconds": 60}
    rotated = owner.post(path, body, Idempotency_Key="r")
    new = Api(rotated.data["token"], owner.base)
    assert owner.post(path, body, Idempotency_Key="r").data["token"] is None
    assert token.get("agents/").status_code == new.get("agents/").status_code == 200
    put(token, previous_until=now() - timedelta(seconds=1))
    assert (token.get("agents/").status_code, new.get("agents/").status_code) == (401, 200)


def test_only_from_its_networks(owner: Api) -> None:
    token = make_token(owner, networks=["127.0.0.0/8", "2001:db8::1"])
    assert token.row["networks"] == ["127.0.0.0/8", "2001:db8::1/128"]  # type: ignore[attr-defined]
    assert token.get("agents/").status_code == 200
    assert sign_in(Credential(str(token.token), "2001:db8::1", None)).expires_in > 600
    for peer in ("192.0.2.1", "2001:db8::2", None):
        with pytest.raises(NotAuthenticated):
            sign_in(Credential(str(token.token), peer, None))
    with pytest.raises(NotAuthenticated):  # a header that no trusted proxy wrote
        sign_in(Credential(str(token.token), "192.0.2.1", "127.0.0.1"))


def test_limited_to_named_agents(owner: Api, agent: dict[str, Any], demo_model: str) -> None:
    other = owner.post("agents/", {"name": "Other", "model": demo_model}).data["id"]
    owner.post(f"agents/{other}/publish/", {})
    theirs = owner.post("runs/", {"agent": other, "input": {"text": "Hi"}}).data
    token = make_token(owner, [one for one in ALL_OF[Role.OWNER] if one != "agent.create"], objects=[agent["id"]])
    assert [one["id"] for one in token.get("agents/").data["results"]] == [agent["id"]]
    assert token.get(f"agents/{other}/").status_code == 404
    assert token.post("runs/", {"agent": other, "input": {"text": "Hi"}}).status_code == 404
    for path in ("runs/", "conversations/"):
        assert token.get(path).data["results"] == []
    for path in (f"runs/{theirs['id']}/", f"runs/{theirs['id']}/events/", f"conversations/{theirs['conversation']}/"):
        assert token.get(path).status_code == 404
    assert token.post(f"runs/{theirs['id']}/cancel/", {}).status_code == 404
    assert token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).status_code == 202
    assert len(token.get("runs/").data["results"]) == 1
    refused = owner.post("api-tokens/", {"name": "t", "scopes": ["agent.create"], "objects": [agent["id"]]})
    assert refused.data["errors"][0]["code"] == "not_with_objects"


def test_a_token_belongs_to_one_workspace(make_workspace: Any, make_person: Any) -> None:
    person = make_person(make_workspace("One"), "owner")
    second = make_workspace("Two")
    Membership.objects.create(workspace=second, user=person.person, role="owner")
    token = make_token(person)
    assert person.get(f"/api/v1/workspaces/{second.slug}/agents/").status_code == 200
    assert token.get(f"/api/v1/workspaces/{second.slug}/agents/").status_code == 404
    assert [one["name"] for one in token.get("/api/v1/me/").data["workspaces"]] == ["One"]


def test_no_token_stands_for_the_person_themselves(owner: Api) -> None:
    token = make_token(owner, ALL_OF[Role.OWNER])
    for method, path, body in (
        ("PATCH", "/api/v1/me/", {"name": "N"}),
        ("POST", "/api/v1/me/password/", {"current_password": "x", "new_password": "y"}),
        ("POST", "/api/v1/auth/logout/", {}),
        ("POST", "api-tokens/", {"name": "t", "scopes": ["agent.view"]}),
        ("POST", f"api-tokens/{token.row['id']}/rotate/", {}),  # type: ignore[attr-defined]
        ("POST", "service-accounts/", {"name": "s", "role": "viewer"}),
    ):
        assert token.call(method, path, body).status_code == 403, path


HOSTILE = ["'", '"', "\\", "%", "\x00", "a'b", "_" * 58, "x" * 1_000_000, "é" * 56, "../..", " OR 1=1 --"]


@pytest.mark.parametrize("start", ["", "aap_", "aap_abcdefghij01_"])
def test_incident_2_45_hostile_tokens_cost_no_query(owner: Api, start: str) -> None:
    from django.test import RequestFactory

    from accounts.rest.authentication import principal_of

    for text in HOSTILE:
        request = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {start}{text}")
        with CaptureQueriesContext(connection) as queries, pytest.raises(NotAuthenticated):
            principal_of(request)
        assert len(queries) == 0, (start, text[:20])
        assert [type(one) for one in sign_in_all([Credential(start + text, None, None)] * 2)] == [NotAuthenticated] * 2


def test_incident_2_45_unknown_tokens_cost_one_query(owner: Api) -> None:
    token = make_token(owner)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert Api(f"aap_{'a' * 12}_{'B' * 40}", owner.base).get("agents/").status_code == 401
        assert len(queries) == 1
    assert token.get("agents/").status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert token.get("agents/").status_code == 200
    assert len(queries) <= 4, "token, member, page: the use is noted once a minute"


def test_incident_2_48_tokens_with_one_beginning_are_two(owner: Api, make_person: Any, workspace: Any) -> None:
    person = make_person(workspace, "user")
    mine, theirs = make_token(owner), make_token(person)
    mixed = f"aap_{str(mine.token).split('_')[1]}_{str(theirs.token).split('_')[2]}"
    assert Api(mixed, owner.base).get("agents/").status_code == 401
    almost = str(mine.token)[:-1] + ("a" if str(mine.token)[-1] != "a" else "b")
    assert Api(almost, owner.base).get("agents/").status_code == 401
    assert mine.get("/api/v1/me/").data["id"] == owner.person.pk
    assert theirs.get("/api/v1/me/").data["id"] == person.person.pk


def test_incident_2_31_the_header_is_the_only_way(owner: Api) -> None:
    token = str(make_token(owner).token)
    nobody = Api(None, owner.base)
    for headers in (
        {"X_API_Key": token},
        {"Cookie": f"token={token}; sessionid={token}"},
        {"Authorization": f"Token {token}"},
        {"Authorization": f"Basic {token}"},
        {"Authorization": f"bearer{token}"},
        {"Proxy_Authorization": f"Bearer {token}"},
    ):
        assert nobody.get("agents/", **headers).status_code == 401, headers
    assert nobody.get(f"agents/?token={token}").status_code in (400, 401)
    assert nobody.get("agents/", Authorization=f"BEARER {token}").status_code == 200


def test_the_limits_of_the_input(owner: Api) -> None:
    good = {"name": "t", "scopes": ["agent.view"]}
    for bad in (
        {"scopes": []},
        {"scopes": ["*"]},
        {"networks": ["300.1.1.1"]},
        {"networks": [1]},
        {"networks": ["10.0.0.0/8; DROP"]},
        {"objects": []},
        {"objects": ["run_00000000000000000000000000"]},
        {"objects": ["%"]},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59Z"},
        {"expires_at": 5},
        {"per_minute": 0},
        {"per_minute": 10**12},
        {"per_minute": "5"},
        {"user": owner.person.pk},
        {"digest": "x"},
    ):
        assert owner.post("api-tokens/", {**good, **bad}).status_code == 400, bad
    assert not ApiToken.objects.exists()


def test_incident_2_5_others_tokens(workspace: Any, owner: Api, make_person: Any) -> None:
    person, other, admin = (make_person(workspace, role) for role in ("user", "user", "admin"))
    token = make_token(person)
    path = f"api-tokens/{token.row['id']}/"  # type: ignore[attr-defined]
    assert other.get(path).status_code == other.delete(path).status_code == 404
    assert admin.get("api-tokens/").data["results"] == []
    assert [one["id"] for one in admin.get("api-tokens/?all=true").data["results"]] == [token.row["id"]]  # type: ignore[attr-defined]
    for answer in (admin.post(f"{path}rotate/", {}), admin.patch(path, {"name": "mine"})):
        assert answer.status_code == 403, "who may revoke cannot get at its secret"
    assert admin.delete(path).status_code == 204
    assert token.get("agents/").status_code == 401
    again = person.post(f"{path}rotate/", {})
    assert (again.status_code, again.data["code"]) == (409, "token_revoked")


def test_a_service_account(workspace: Any, owner: Api, make_person: Any, agent: dict[str, Any]) -> None:
    made = owner.post("service-accounts/", {"name": "Nightly", "role": "user"})
    assert made.status_code == 201
    account = made.data["id"]
    path = f"service-accounts/{account}/"
    refused = owner.post(f"{path}api-tokens/", {"name": "t", "scopes": ["agent.create"]})
    assert refused.data["errors"][0]["code"] == "beyond_the_role"
    token = make_token(owner, ALL_OF[Role.USER], path=f"{path}api-tokens/")
    run = token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}})
    assert run.status_code == 202
    assert Run.objects.get().started_by_id == account
    assert token.get("/api/v1/me/").data["name"] == "Nightly"
    assert account not in {one["user"]["id"] for one in owner.get("members/").data["results"]}
    entry = AuditEntry.objects.get(kind="run.start")
    assert (entry.actor_kind, entry.actor_id) == ("token", account)
    user = User.objects.get(pk=account)
    assert not user.has_usable_password() and user.kind == "service"
    sign = {"email": user.email, "password": "x"}
    assert Api(None, "/api/v1/").post("auth/token/", sign).status_code == 401
    assert owner.patch(path, {"enabled": False}).data["enabled"] is False
    assert token.get("agents/").status_code == 401
    assert Run.objects.get().cancel_requested_at is not None
    assert owner.patch(path, {"enabled": True, "role": "viewer", "name": "Daily"}).data["role"] == "viewer"
    assert token.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).status_code == 403
    assert owner.delete(path).status_code == 204
    assert token.get("agents/").status_code == 401 and owner.get(path).status_code == 404
    assert Run.objects.get().started_by_id == account, "what it did stays"


def test_a_service_account_gets_what_its_maker_holds(workspace: Any, owner: Api, make_person: Any) -> None:
    admin = make_person(workspace, "admin")
    role = owner.post("roles/", {"name": "Keeper", "permissions": ["workspace.export", "agent.view"]}).data["id"]
    for wanted, status in (("owner", 403), (role, 403), ("admin", 201), ("nobody", 400)):
        assert admin.post("service-accounts/", {"name": "s", "role": wanted}).status_code == status, wanted
    assert owner.post("service-accounts/", {"name": "s", "role": "owner"}).status_code == 400
    keeper = owner.post("service-accounts/", {"name": "k", "role": role}).data["id"]
    token = make_token(owner, ["agent.view"], path=f"service-accounts/{keeper}/api-tokens/")
    for answer in (
        admin.post(f"service-accounts/{keeper}/api-tokens/", {"name": "t", "scopes": ["agent.view"]}),
        admin.post(f"api-tokens/{token.row['id']}/rotate/", {}),  # type: ignore[attr-defined]
        admin.patch(f"service-accounts/{keeper}/", {"name": "x"}),
        admin.delete(f"service-accounts/{keeper}/"),
    ):
        assert (answer.status_code, answer.data["code"]) == (403, "beyond_your_own")


def test_its_own_rate(owner: Api, settings: Any) -> None:
    slow, fast = make_token(owner, per_minute=8), make_token(owner)
    settings.RATE_LIMITS = "1"
    answers = [slow.get("agents/") for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 429, 429]
    assert answers[0]["RateLimit-Limit"] == "2"
    assert fast.get("agents/").status_code == 200
