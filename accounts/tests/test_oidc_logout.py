"""A provider says that somebody signed out there: their sign-ins through it end, and nothing else, by a real token only."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from accounts.models import LoginSession
from audit.models import AuditEntry
from tests.fixtures import front
from tests.fixtures.houses import Issuer, approve, connect, fresh_browser, is_signed_in, through, unsigned
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def house(owner: Api, workspace: Any, issuer: Issuer) -> str:
    approve(workspace, "corp.example")
    return connect(owner, issuer.origin)


@pytest.fixture
def somebody(house: str, issuer: Issuer) -> Api:
    """Signed in through the house."""
    browser = fresh_browser()
    assert through(issuer, house, browser) == {}
    return browser


def claims_of(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    moment = int(time.time())
    claims = {
        "iss": issuer.origin,
        "aud": "client",
        "sub": "subject-1",
        "iat": moment,
        "exp": moment + 120,
        "jti": "one",
        "events": {EVENT: {}},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(issuer: Issuer, *, key: Any = None, typ: str = "logout+jwt", **changes: Any) -> str:
    headers = {"kid": issuer.kid, "typ": typ}
    return jwt.encode(claims_of(issuer, **changes), key or issuer.key, algorithm="RS256", headers=headers)


def send(house: str, token: str) -> Any:
    return fresh_browser().http.post(f"/api/v1/auth/sso/{house}/backchannel-logout/", {"logout_token": token})


def test_who_signs_out_there_is_signed_out_here(house: str, issuer: Issuer, somebody: Api, owner: Api) -> None:
    other = fresh_browser()
    issuer.claims = {"sub": "another", "email": "other@corp.example"}
    assert through(issuer, house, other) == {}
    access = somebody.post("auth/session/refresh/", {}, X_AAP_Client="web").data["access"]
    token = signed(issuer)
    answer = send(house, token)
    assert answer.status_code == 200 and answer["Cache-Control"] == "no-store" and not answer.content
    assert is_signed_in(somebody) is None
    assert Api(access, "/api/v1/").get("me/").status_code == 401, "its access tokens end with it"
    assert is_signed_in(other) == "other@corp.example" and owner.get("/api/v1/me/").status_code == 200
    entry = AuditEntry.objects.get(kind="sso.logout")
    assert entry.data == {"connection": house, "sessions_ended": 1} and entry.workspace_id
    assert send(house, token).status_code == 200, "once more ends nothing, and is no mistake"
    assert send(house, signed(issuer, sub="nobody")).status_code == 200


def test_a_token_sent_again_ends_nothing_that_came_after_it(house: str, issuer: Issuer, somebody: Api) -> None:
    token = signed(issuer, iat=int(time.time()) - 100)
    assert send(house, token).status_code == 200
    assert is_signed_in(somebody) == "new@corp.example", "signed in after the token was made"
    assert send(house, signed(issuer)).status_code == 200
    assert is_signed_in(somebody) is None


BAD = {
    "nothing": lambda issuer: "",
    "rubbish": lambda issuer: "a.b.c",
    "no signature": lambda issuer: unsigned(claims_of(issuer)),
    "another key": lambda issuer: signed(issuer, key=Issuer().key),
    "another issuer": lambda issuer: signed(issuer, iss="https://evil.example"),
    "another audience": lambda issuer: signed(issuer, aud="somebody-else"),
    "an ID token": lambda issuer: issuer.token(),
    "a nonce": lambda issuer: signed(issuer, nonce="n"),
    "no event": lambda issuer: signed(issuer, events=None),
    "another event": lambda issuer: signed(issuer, events={"https://else.example": {}}),
    "an event that is none": lambda issuer: signed(issuer, events=[EVENT]),
    "an event that is no object": lambda issuer: signed(issuer, events={EVENT: "x"}),
    "no subject": lambda issuer: signed(issuer, sub=None, sid="s"),
    "no name": lambda issuer: signed(issuer, jti=None),
    "an empty name": lambda issuer: signed(issuer, jti=""),
    "no end": lambda issuer: signed(issuer, exp=None),
    "over": lambda issuer: signed(issuer, iat=int(time.time()) - 900, exp=int(time.time()) - 600),
    "made long ago": lambda issuer: signed(issuer, iat=int(time.time()) - 900),
    "another type": lambda issuer: signed(issuer, typ="at+jwt"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_proves_nothing_ends_nothing(name: str, house: str, issuer: Issuer, somebody: Api) -> None:
    answer = send(house, BAD[name](issuer))
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"
    assert is_signed_in(somebody) == "new@corp.example"
    refusal = AuditEntry.objects.get(kind="sso.logout_refused")
    assert refusal.outcome == "denied" and refusal.data["reason"]


def test_another_workspaces_provider_ends_nobody_here(
    house: str, issuer: Issuer, somebody: Api, make_person: Any, make_workspace: Any
) -> None:
    evil = make_person(make_workspace("Evil"), "owner")
    theirs = connect(evil, issuer.origin)
    assert send(theirs, signed(issuer)).status_code == 200
    assert is_signed_in(somebody) == "new@corp.example"
    assert send("sso_00000000000000000000000000", signed(issuer)).status_code == 400
    assert fresh_browser().http.get(f"/api/v1/auth/sso/{house}/backchannel-logout/").status_code == 405
    assert LoginSession.objects.filter(how=f"sso:{house}", ended_at=None).count() == 1


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


HEADERS = {
    "deep": b"[" * 40_000,
    "deep in an object": b'{"alg":"RS256","x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "no object": b"[]",
    "nothing": b"null",
    "a list for alg": b'{"alg":["RS256"]}',
    "an object for alg": b'{"alg":{}}',
    "an object for kid": b'{"alg":"RS256","kid":{}}',
    "a list for kid": b'{"alg":"RS256","kid":["k1"]}',
    "a huge number": b'{"alg":"RS256","kid":' + b"9" * 5_000 + b"}",
    "a huge kid": b'{"alg":"RS256","kid":"' + b"k" * 50_000 + b'"}',
    "no text": b'{"alg":"\xff"}',
    "an unknown crit": b'{"alg":"RS256","kid":"k1","crit":["b64"],"b64":false}',
    "an object for typ": b'{"alg":"RS256","kid":"k1","typ":{}}',
    "a shared secret": b'{"alg":"HS256","kid":"k1"}',
}


def test_whatever_stands_in_the_header_is_refused(house: str, issuer: Issuer, somebody: Api) -> None:
    claims = part(json.dumps(claims_of(issuer)).encode())
    for name, header in HEADERS.items():
        token = f"{part(header)}.{claims}.{part(b'x' * 256)}"
        assert send(house, token).status_code == 400, name
        # A proxy passes no header on that is longer than 16 KiB.
        refused = 401 if front.door is None or len(token) < 16_000 else 431
        assert Api(token, "/api/v1/").get("me/").status_code == refused, "nor is it anybody's access token"
    assert is_signed_in(somebody) == "new@corp.example"


CLAIMS = {
    "exp": ("1e999", "NaN", "[]", "null"),
    "iat": ("1e999", "NaN", "9" * 400, '"x"', "true", "null"),
    "nbf": ("1e999",),
    "jti": ("5", "{}", "null"),
    "sub": ("5", '"a\\u0000b"', '"\\ud800"', '"' + "s" * 20_000 + '"', '""', "[]"),
    "aud": ("{}", '["client", 5]', "null"),
    "iss": ("{}", '["x"]', "null"),
    "events": ("[" * 20_000 + "]" * 20_000, "null", "5"),
}


def test_whatever_a_provider_signs_is_refused_if_it_makes_no_sense(house: str, issuer: Issuer, somebody: Api) -> None:
    header = part(json.dumps({"alg": "RS256", "kid": issuer.kid, "typ": "logout+jwt"}).encode())
    for name, value in ((name, value) for name, values in CLAIMS.items() for value in values):
        texts = {key: json.dumps(one) for key, one in claims_of(issuer).items()} | {name: value}
        body = "{" + ",".join(f'"{key}":{text}' for key, text in texts.items()) + "}"
        signed_part = f"{header}.{part(body.encode())}"
        token = f"{signed_part}.{part(issuer.key.sign(signed_part.encode(), PKCS1v15(), SHA256()))}"
        assert send(house, token).status_code == 400, (name, value[:40])
    assert is_signed_in(somebody) == "new@corp.example"


def test_rubbish_does_not_fill_the_log(house: str, issuer: Issuer, somebody: Api, settings: Any) -> None:
    """Each of these gives another reason, and anybody may send them; a real one is not kept out by them."""
    settings.RATE_LIMITS = "0.05"
    statuses = [send(house, f"{part(json.dumps({'alg': f'X{n}'}).encode())}.e30.e30").status_code for n in range(30)]
    assert set(statuses) == {400, 429} and statuses[-1] == 429
    assert AuditEntry.objects.filter(kind="sso.logout_refused", first="").count() == statuses.count(400) <= 15
    settings.RATE_LIMITS = "off"
    assert is_signed_in(somebody) == "new@corp.example"
    settings.RATE_LIMITS = "0.05"
    assert send(house, signed(issuer)).status_code == 200
    settings.RATE_LIMITS = "off"
    assert is_signed_in(somebody) is None


def test_no_address_of_a_connection_breaks_a_door() -> None:
    http = fresh_browser().http
    body = b"logout_token=a&RelayState=a&SAMLResponse=b"
    doors = {"backchannel-logout": "POST", "callback": "GET", "acs": "POST", "finish": "GET", "metadata": "GET"}
    for connection in ("%00", "x%00y", "%ff", "a" * 3_000, "..%2f", "%F0%9F%98%80"):
        for door, method in doors.items():
            path = f"/api/v1/auth/sso/{connection}/{door}/?state=x&ticket=x"
            answer = http.generic(method, path, body, content_type="application/x-www-form-urlencoded")
            assert answer.status_code < 500, (connection[:9], door)
