"""Signing in through an OpenID provider: the certified library as the other side, and a hostile one of ours."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from accounts.models import Membership, SsoAttempt, SsoConnection, SsoIdentity, User
from audit.models import AuditEntry
from tests.fixtures.houses import (
    Issuer,
    approve,
    as_at_openid,
    come_back,
    connect,
    fresh_browser,
    is_signed_in,
    start,
    through,
    told,
    unsigned,
)
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def corp(owner: Api, workspace: Any, openid: str, may_reach: Callable[..., None]) -> str:
    """A connection to the real provider, set up as a person would: first here, then there, then the client's secret."""
    may_reach(openid.removeprefix("http://"))
    pk = connect(owner, openid, client_id="not yet", client_secret="")
    approve(workspace, "corp.example")
    back = owner.get(f"sso/{pk}/").data["redirect_uri"]
    made = httpx.post(f"{openid}/reg", json={"redirect_uris": [back]}, trust_env=False).json()
    known = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    answer = owner.patch(f"sso/{pk}/", known)
    assert answer.status_code == 200 and answer.data["has_secret"]
    assert made["client_secret"] not in answer.content.decode()
    assert made["client_secret"] not in SsoConnection.objects.get().secret
    return pk


def test_somebody_new_signs_in_through_the_real_provider(corp: str, openid: str, workspace: Any) -> None:
    browser = fresh_browser()
    found = browser.post("auth/sso/discover/", {"email": "Alice@CORP.example"}).data["connections"]
    assert [one["id"] for one in found] == [corp]
    url = start(browser, corp, next="/agents/?of=me")
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert come_back(browser, as_at_openid(url, "alice")) == "/agents/?of=me"
    assert is_signed_in(browser) == "alice@corp.example"
    user = User.objects.get(email="alice@corp.example")
    member = Membership.objects.get(user=user)
    assert (member.workspace_id, member.role, user.name) == (workspace.pk, "viewer", "Alice")
    assert not user.has_usable_password() and not user.is_staff
    identity = SsoIdentity.objects.get(user=user)
    assert (identity.issuer, identity.subject) == (openid, "alice")
    joined = AuditEntry.objects.get(kind="identity.join")
    assert joined.workspace_id == workspace.pk and joined.data["connection"] == corp
    again = fresh_browser()
    assert come_back(again, as_at_openid(start(again, corp), "alice")) == "/"
    assert User.objects.filter(email="alice@corp.example").count() == 1
    assert AuditEntry.objects.filter(kind="session.sign_in", outcome="done", data__how=f"sso:{corp}").count() == 2


def test_roles_follow_the_groups_of_the_real_provider(owner: Api, corp: str, openid: str) -> None:
    group = owner.post("groups/", {"name": "Everybody"}).data["id"]
    mapping = [{"group": "bosses", "role": "admin"}, {"group": "staff", "role": "builder", "groups": [group]}]
    assert owner.patch(f"sso/{corp}/", {"mapping": mapping}).status_code == 200
    for who, role in (("alice", "builder"), ("boss", "admin")):
        browser = fresh_browser()
        come_back(browser, as_at_openid(start(browser, corp), who))
        assert Membership.objects.get(user__email=f"{who}@corp.example").role == role
    assert len(owner.get(f"groups/{group}/members/").data["results"]) == 2
    owner.patch(f"sso/{corp}/", {"mapping": [{"group": "others", "role": "admin", "groups": [group]}]})
    browser = fresh_browser()
    come_back(browser, as_at_openid(start(browser, corp), "boss"))
    boss = Membership.objects.get(user__email="boss@corp.example")
    assert boss.role == "viewer", "what the mapping gave goes with the group"
    assert len(owner.get(f"groups/{group}/members/").data["results"]) == 1


def test_a_test_shows_the_claims_and_opens_nothing(owner: Api, corp: str, openid: str) -> None:
    begun = owner.post(f"sso/{corp}/test/", {})
    assert begun.status_code == 200
    path = f"sso/{corp}/tests/{begun.data['test']}/"
    assert owner.get(path).data["done"] is False
    location = come_back(owner, as_at_openid(begun.data["url"], "eve"))
    assert location == f"/settings/sso/#test={begun.data['test']}"
    shown = owner.get(path).data
    assert shown["done"] and shown["ok"] and not shown["counts"]
    assert shown["claims"]["groups"] == ["owner", "bosses "] and shown["role"] == "viewer"
    assert [one["code"] for one in shown["problems"]] == ["email_unverified"]
    assert is_signed_in(owner) is None and not SsoIdentity.objects.exists()
    assert not User.objects.filter(email="alice@corp.example").exists()


def test_claims_that_cannot_be_shown_are_mended(owner: Api, house: str, issuer: Issuer) -> None:
    begun = owner.post(f"sso/{house}/test/", {}).data
    issuer.claims = {
        "groups": ["\ud800", "a\x00", "staff"],
        "name": "\ud800",
        "x": {"y": ["\x00"]},
        "big": "b" * 70_000,
    }
    come_back(owner, issuer.answer_to(begun["url"]))
    shown = owner.get(f"sso/{house}/tests/{begun['test']}/")
    assert shown.status_code == 200 and shown.data["groups_found"] == ["staff"]
    assert shown.data["claims"]["x"] == {"y": ["\ufffd"]} and "big" not in shown.data["claims"]


def test_the_client_proves_itself_and_its_verifier(house: str, issuer: Issuer) -> None:
    assert through(issuer, house) == {}
    sent = issuer.asked[-1]
    assert sent["authorization"] == "Basic " + base64.b64encode(b"client:s3cret%3A%2F%3F").decode()
    challenge = base64.urlsafe_b64encode(__import__("hashlib").sha256(sent["token.code_verifier"].encode()).digest())
    assert challenge.rstrip(b"=").decode() == sent["code_challenge"]
    assert "client_secret" not in str(sent)
    row = SsoAttempt.objects.get()
    for secret in (sent["nonce"], sent["state"], sent["token.code_verifier"]):
        assert secret not in str(SsoAttempt.objects.values().get(pk=row.pk))


def _hs(issuer: Issuer, secret: bytes) -> str:
    """As a hostile signer would: with the HMAC of the public key's own text. PyJWT itself refuses to make it."""
    import hashlib
    import hmac

    head = unsigned(issuer.standard(), "HS256").rstrip(".")
    mark = hmac.new(secret, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def _pem(issuer: Issuer) -> bytes:
    public = issuer.key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


def _signed(issuer: Issuer, key: Any = None, headers: Any = None, **changes: Any) -> str:
    return jwt.encode(
        issuer.standard(**changes), key or issuer.key, algorithm="RS256", headers={"kid": issuer.kid, **(headers or {})}
    )


PAST = 3_600
FORGED = {
    "no signature": lambda issuer: unsigned(issuer.standard()),
    "none in capitals": lambda issuer: unsigned(issuer.standard(), "NONE"),
    "a stripped signature": lambda issuer: _signed(issuer).rpartition(".")[0] + ".",
    "an HMAC with the client's secret": lambda issuer: _hs(issuer, b"s3cret:/?"),
    "an HMAC with the public key": lambda issuer: _hs(issuer, _pem(issuer)),
    "another key": lambda issuer: _signed(issuer, Issuer().key),
    "another key under a name that nobody knows": lambda issuer: _signed(issuer, Issuer().key, {"kid": "k2"}),
    "a key in the token's own header": lambda issuer: _signed(issuer, OTHER.key, {"kid": "k9", "jwk": OTHER.jwk}),
    "another audience": lambda issuer: _signed(issuer, aud="somebody-else"),
    "many audiences and no party": lambda issuer: _signed(issuer, aud=["client", "somebody-else"]),
    "another party": lambda issuer: _signed(issuer, aud=["client", "x"], azp="x"),
    "another issuer": lambda issuer: _signed(issuer, iss="https://evil.example"),
    "expired": lambda issuer: _signed(issuer, iat=int(time.time()) - PAST, exp=int(time.time()) - PAST + 60),
    "from the future": lambda issuer: _signed(issuer, nbf=int(time.time()) + PAST),
    "no end": lambda issuer: _signed(issuer, exp=None),
    "another nonce": lambda issuer: _signed(issuer, nonce="n"),
    "no nonce": lambda issuer: _signed(issuer, nonce=None),
    "no subject": lambda issuer: _signed(issuer, sub=None),
    "an empty subject": lambda issuer: _signed(issuer, sub=" "),
    "an endless subject": lambda issuer: _signed(issuer, sub="s" * 501),
    "a subject with a null": lambda issuer: _signed(issuer, sub="a\x00b"),
    "rubbish": lambda issuer: "rubbish",
    "nothing": lambda issuer: "",
}
OTHER = Issuer()


@pytest.mark.parametrize("name", FORGED)
def test_incident_2_50_no_forged_token_signs_anybody_in(name: str, house: str, issuer: Issuer) -> None:
    issuer.make_token = FORGED[name]
    browser = fresh_browser()
    assert through(issuer, house, browser) == {"sso_error": "answer_refused"}
    assert is_signed_in(browser) is None
    assert not SsoIdentity.objects.exists() and not User.objects.filter(email="new@corp.example").exists()
    refusal = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert refusal.data["why"] == "answer_refused" and refusal.data["reason"]


def test_a_new_key_is_looked_for_once(house: str, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.sso import oidc

    assert through(issuer, house) == {} and issuer.fetched_keys == 1
    assert through(issuer, house) == {} and issuer.fetched_keys == 1, "kept"
    issuer.kid, issuer.key = "k2", Issuer().key
    assert through(issuer, house) == {"sso_error": "answer_refused"} and issuer.fetched_keys == 1, "not at once"
    monkeypatch.setattr(oidc, "_REFETCH_SECONDS", 0.0)
    assert through(issuer, house) == {} and issuer.fetched_keys == 2


def test_state_is_good_once_in_its_own_browser(house: str, issuer: Issuer, owner: Api) -> None:
    browser, thief = fresh_browser(), fresh_browser()
    place = issuer.answer_to(start(browser, house))
    assert told(come_back(thief, place)) == {"sso_error": "other_browser"}, "a link that somebody else prepared"
    assert is_signed_in(thief) is None
    assert come_back(browser, place) == "/"
    assert told(come_back(browser, place)) == {"sso_error": "attempt_over"}, "replayed"
    other = connect(owner, issuer.origin, name="Second")
    place = issuer.answer_to(start(browser, house)).replace(house, other)
    assert told(come_back(browser, place)) == {"sso_error": "attempt_over"}, "another connection's attempt"
    for state in ("", "x", "%00", "é"):
        place = f"/api/v1/auth/sso/{house}/callback/?code=c&state={state}&iss={issuer.origin}"
        assert told(come_back(browser, place)) == {"sso_error": "attempt_over"}
    SsoAttempt.objects.update(expires_at="2020-01-01T00:00:00Z")
    browser = fresh_browser()
    place = issuer.answer_to(start(browser, house))
    SsoAttempt.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert told(come_back(browser, place)) == {"sso_error": "attempt_over"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.example"}, "answer_refused"),
        ({"iss": None}, "answer_refused"),
        ({"code": None}, "answer_refused"),
        ({"code": None, "error": "access_denied"}, "provider_refused"),
    ],
)
def test_mixed_up_issuers_and_refusals(changes: Any, code: str, house: str, issuer: Issuer) -> None:
    browser = fresh_browser()
    assert told(come_back(browser, issuer.answer_to(start(browser, house), **changes))) == {"sso_error": code}
    assert "authorization" not in issuer.asked[-1], "the code was sent to nobody"


def test_userinfo_fills_in_what_the_token_leaves_out_for_the_same_person(
    owner: Api, house: str, issuer: Issuer
) -> None:
    owner.patch(f"sso/{house}/", {"mapping": [{"group": "bosses", "role": "admin"}]})
    issuer.claims = {"email": None, "email_verified": None, "groups": None}
    issuer.userinfo = {"sub": "subject-1", "email": "new@corp.example", "email_verified": True, "groups": "bosses"}
    assert through(issuer, house) == {}
    assert Membership.objects.get(user__email="new@corp.example").role == "admin"
    issuer.userinfo = {**issuer.userinfo, "sub": "somebody-else"}
    assert through(issuer, house) == {"sso_error": "answer_refused"}


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"email_verified": False}, "email_unverified"),
        ({"email_verified": None}, "email_unverified"),
        ({"email_verified": "false"}, "email_unverified"),
        ({"email_verified": 7}, "email_unverified"),
        ({"email": None}, "email_missing"),
        ({"email": ["new@corp.example"]}, "email_missing"),
        ({"email": "new@corp.example,x@evil.example"}, "email_missing"),
        ({"email": "new@ｃorp.example"}, "email_missing"),
        ({"email": "new@sub.corp.example"}, "domain_not_approved"),
        ({"email": "new@corp.example.evil.example"}, "domain_not_approved"),
    ],
)
def test_nobody_new_comes_in_with_such_an_address(claims: Any, code: str, house: str, issuer: Issuer) -> None:
    issuer.claims = claims
    issuer.userinfo = {"sub": "subject-1"}
    assert through(issuer, house) == {"sso_error": code}
    assert not SsoIdentity.objects.exists()


def test_incident_2_64_an_address_alone_leads_to_no_account(
    house: str, issuer: Issuer, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    ann = make_person(make_workspace("Elsewhere"), "owner", email="ann@corp.example")
    bob = make_person(workspace, "user", email="bob@corp.example")
    for person in (ann, bob):
        issuer.claims = {"email": person.person.email, "sub": person.person.email}
        browser = fresh_browser()
        assert through(issuer, house, browser) == {"sso_error": "link_first"}
        assert is_signed_in(browser) is None
    assert not SsoIdentity.objects.exists()


def test_incident_2_64_another_tenants_provider_speaks_for_none_of_ours(
    house: str, issuer: Issuer, make_person: Any, make_workspace: Any
) -> None:
    """Their provider says that it is ours: same issuer, same subject, same address."""
    issuer.claims = {"sub": "subject-1", "email": "new@corp.example"}
    assert through(issuer, house) == {}
    evil = make_person(make_workspace("Evil"), "owner")
    theirs = connect(evil, issuer.origin)
    browser = fresh_browser()
    assert through(issuer, theirs, browser) == {"sso_error": "link_first"}
    issuer.claims = {"sub": "other", "email": "other@corp.example"}
    assert through(issuer, theirs) == {"sso_error": "domain_not_approved"}, "the domain is not theirs"
    assert is_signed_in(browser) is None
    assert fresh_browser().post("auth/sso/discover/", {"email": "x@corp.example"}).data["connections"][0]["id"] == house


SUBJECTS = [
    "%",
    "_",
    "s%",
    "subject-_",
    "subject-1%",
    "SUBJECT-1",
    "Subject-1",
    "subject-1 ",
    "ſubject-1",
    "ｓubject-1",
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_incident_2_33_subjects_are_compared_to_the_letter(subject: str, house: str, issuer: Issuer) -> None:
    assert through(issuer, house) == {}
    issuer.claims = {"sub": subject, "email": "second@corp.example"}
    browser = fresh_browser()
    assert through(issuer, house, browser) == {}
    assert is_signed_in(browser) == "second@corp.example"
    assert set(SsoIdentity.objects.values_list("subject", flat=True)) == {"subject-1", subject}


def test_incident_2_33_composed_and_decomposed_letters_are_two_subjects(house: str, issuer: Issuer) -> None:
    for number, subject in enumerate(("é", "e\u0301")):
        issuer.claims = {"sub": subject, "email": f"n{number}@corp.example"}
        assert through(issuer, house) == {}
    assert SsoIdentity.objects.count() == 2


def test_group_names_raise_nobody_by_themselves(owner: Api, house: str, issuer: Issuer) -> None:
    owner.patch(f"sso/{house}/", {"mapping": [{"group": "bosses", "role": "admin"}, {"group": "none", "role": ""}]})
    issuer.claims = {
        "groups": ["owner", "admin", "bosses ", "BOSSES", "%", "bo_ses", {"group": "bosses"}, ["bosses"], 7]
    }
    assert through(issuer, house) == {}
    assert Membership.objects.get(user__email="new@corp.example").role == "viewer"


def test_a_disabled_person_stays_outside(house: str, issuer: Issuer) -> None:
    assert through(issuer, house) == {}
    User.objects.filter(email="new@corp.example").update(is_active=False)
    browser = fresh_browser()
    assert through(issuer, house, browser) == {"sso_error": "account_disabled"}
    assert is_signed_in(browser) is None


def test_a_removed_member_does_not_come_back_by_themselves(owner: Api, house: str, issuer: Issuer) -> None:
    assert through(issuer, house) == {}
    member = Membership.objects.get(user__email="new@corp.example")
    assert owner.delete(f"members/{member.pk}/").status_code == 204
    assert through(issuer, house) == {"sso_error": "link_first"}
    assert not Membership.objects.filter(user__email="new@corp.example").exists()


def test_a_last_owner_is_not_mapped_away(owner: Api, house: str, issuer: Issuer, workspace: Any) -> None:
    owner.patch(f"sso/{house}/", {"mapping": [{"group": "staff", "role": "viewer"}]})
    SsoIdentity.objects.create(
        connection_id=house, user=owner.person, issuer=issuer.origin, subject="subject-1", called=""
    )
    issuer.claims = {"groups": ["staff"]}
    assert through(issuer, house) == {}
    assert Membership.objects.get(user=owner.person).role == "owner"
