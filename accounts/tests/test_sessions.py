"""Signing in and out: one answer for every wrong pair, refresh tokens used once, and the end of a session is the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from accounts.models import LoginSession, User
from accounts.tokens import read_refresh_token
from core.clock import now
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api


@pytest.fixture
def person(make_person: Any, workspace: Any) -> Api:
    api: Api = make_person(workspace, "user", email="person@example.com")
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def web(path: str, client: Client, body: Any = None, method: str = "post", header: bool = True) -> Any:
    headers = {"X-AAP-Client": "web"} if header else {}
    return getattr(client, method)(
        f"/api/v1/auth/session/{path}", body or {}, content_type="application/json", headers=headers
    )


def test_incident_2_19_a_wrong_pair_gets_one_answer(person: Api, nobody: Api) -> None:
    wrong = [
        {"email": "person@example.com", "password": "not-this-one-1"},
        {"email": "stranger@example.com", "password": "not-this-one-1"},
        {"email": "person@example.com", "password": " "},
        {"email": "%", "password": PASSWORD},
        {"email": "p_rson@example.com", "password": PASSWORD},
    ]
    answers = [nobody.post("auth/token/", body) for body in wrong]
    for answer in answers:
        answer.data.pop("request_id")
    assert {answer.status_code for answer in answers} == {401}
    assert all(answer.data == answers[0].data for answer in answers)
    assert nobody.post("auth/token/", {"email": "PERSON@example.com", "password": PASSWORD}).status_code == 200


def test_a_refresh_token_works_once(person: Api, nobody: Api) -> None:
    pair = nobody.post("auth/token/", {"email": "person@example.com", "password": PASSWORD}).data
    second = nobody.post("auth/token/refresh/", {"refresh": pair["refresh"]})
    assert second.status_code == 200
    live = Api(second.data["access"], person.base)
    assert live.get("/api/v1/me/").status_code == 200
    assert nobody.post("auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert live.get("/api/v1/me/").status_code == 401, "a token that came twice ends the whole sign-in"
    assert nobody.post("auth/token/refresh/", {"refresh": second.data["refresh"]}).status_code == 401


def test_logging_out_ends_the_access_token_at_once(person: Api) -> None:
    assert person.get("/api/v1/me/").status_code == 200
    assert person.post("/api/v1/auth/logout/", {}).status_code == 204
    assert person.get("/api/v1/me/").status_code == 401


def test_incident_2_53_a_disabled_person_is_out_everywhere(person: Api, nobody: Api) -> None:
    User.objects.filter(pk=person.person.pk).update(is_active=False)
    assert person.get("agents/").status_code == 401
    assert nobody.post("auth/token/", {"email": "person@example.com", "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0.",
        "'", '"', "\\", "%", "x" * 5000, "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    ],
)  # fmt: skip
def test_incident_2_50_a_token_that_we_did_not_sign_is_nobody(person: Api, token: str) -> None:
    assert Api(token, person.base).get("agents/").status_code == 401


def test_incident_2_50_only_our_key_and_our_algorithm_count(person: Api) -> None:
    """The claims of a good token, signed in every other way."""
    claims = jwt.decode(person.token, options={"verify_signature": False})
    head, body, _ = str(person.token).split(".")
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    right = settings.SIMPLE_JWT["SIGNING_KEY"]
    for token in (
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "another-key-of-the-same-length-as-ours-000000000", algorithm="HS256"),
        jwt.encode(claims, pem, algorithm="RS256"),
        jwt.encode(claims, right, algorithm="HS512"),
        jwt.encode({**claims, "aud": "others"}, right, algorithm="HS256"),
        jwt.encode({**claims, "exp": 1}, right, algorithm="HS256"),
        jwt.encode({**claims, "sub": "usr_x"}, right, algorithm="HS256"),
        f"{head}.{body}.",
        f"{head}.{body}",
    ):
        assert Api(token, person.base).get("agents/").status_code == 401, token
    assert Api(jwt.encode(claims, right, algorithm="HS256"), person.base).get("agents/").status_code == 200


def test_a_refresh_token_is_no_access_token(person: Api, nobody: Api) -> None:
    pair = nobody.post("auth/token/", {"email": "person@example.com", "password": PASSWORD}).data
    assert Api(pair["refresh"], person.base).get("agents/").status_code == 401
    assert nobody.post("auth/token/refresh/", {"refresh": pair["access"]}).status_code == 401


def test_credentials_count_in_one_place_only(person: Api) -> None:
    bare = Client(headers={"X-API-Key": person.token, "Cookie": f"access={person.token}"})
    assert bare.get(f"{person.base}agents/").status_code == 401
    assert bare.get(f"{person.base}agents/?access_token={person.token}").status_code in (400, 401)


def test_the_web_session_lives_in_a_cookie_of_one_path(person: Api) -> None:
    client = Client()
    pair = {"email": "person@example.com", "password": PASSWORD}
    assert web("", client, pair, header=False).status_code == 403
    signed_in = web("", client, pair)
    assert signed_in.status_code == 200
    (cookie,) = signed_in.cookies.values()
    assert cookie["path"] == "/api/v1/auth/session/"
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert "refresh" not in signed_in.json()
    assert web("refresh/", client, header=False).status_code == 403
    refreshed = web("refresh/", client)
    assert refreshed.status_code == 200
    assert web("", client, method="delete").status_code == 204
    assert Api(refreshed.json()["access"], person.base).get("agents/").status_code == 401
    assert web("refresh/", client).status_code == 401


def refresh_id(token: str) -> str:
    """What tells one refresh token from the next; the same one may be signed again in another second."""
    return read_refresh_token(token)[1]


def test_a_second_tab_may_come_a_moment_late_but_not_more(person: Api) -> None:
    client = Client()
    web("", client, {"email": "person@example.com", "password": PASSWORD})
    (name,) = client.cookies
    first = client.cookies[name].value
    assert web("refresh/", client).status_code == 200
    second = refresh_id(client.cookies[name].value)
    client.cookies[name] = first
    late = web("refresh/", client)
    assert late.status_code == 200
    assert refresh_id(client.cookies[name].value) == second, "the late tab gets the token that the first one got"
    assert web("refresh/", client).status_code == 200
    assert refresh_id(client.cookies[name].value) == second, "a third one too: no order of theirs looks like a theft"
    LoginSession.objects.update(rotated_at=now() - timedelta(seconds=31))
    assert web("refresh/", client).status_code == 200
    assert refresh_id(client.cookies[name].value) not in (refresh_id(first), second)
    client.cookies[name] = first
    assert web("refresh/", client).status_code == 401
    assert LoginSession.objects.get(user=person.person, client="web").ended_at is not None


def test_changing_the_password_ends_the_other_sign_ins(person: Api, nobody: Api) -> None:
    other = nobody.post("auth/token/", {"email": "person@example.com", "password": PASSWORD}).data["access"]
    body = {"current_password": PASSWORD, "new_password": "another-horse-battery-8"}
    wrong = person.post("/api/v1/me/password/", {**body, "current_password": "no"})
    assert wrong.data["errors"][0]["field"] == "current_password"
    assert person.post("/api/v1/me/password/", {**body, "new_password": "short"}).status_code == 400
    assert person.post("/api/v1/me/password/", body).status_code == 204
    assert person.get("/api/v1/me/").status_code == 200
    assert Api(other, person.base).get("/api/v1/me/").status_code == 401


def test_a_demotion_holds_from_the_next_request(person: Api, workspace: Any) -> None:
    from accounts.models import Membership

    member = Membership.objects.get(user=person.person)
    Membership.objects.filter(pk=member.pk).update(role="auditor")
    assert person.get("agents/").status_code == 403
    assert person.get("audit/").status_code == 200
    Membership.objects.filter(pk=member.pk).delete()
    assert person.get("audit/").status_code == 404
