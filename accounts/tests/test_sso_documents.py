"""What another house publishes and answers, refused for the reason that it is refused for: each check by itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from accounts.models import LoginSession, SsoAttempt, SsoConnection, SsoIdentity
from accounts.sso import saml
from accounts.sso.errors import SsoFailed
from accounts.tests.test_oidc import FORGED
from accounts.tests.test_oidc_logout import send, signed
from accounts.tests.test_saml import _is_refused, _resigned, answered, corp, post  # noqa: F401
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.houses import (
    SAML_METADATA,
    Issuer,
    approve,
    come_back,
    connect,
    fresh_browser,
    is_signed_in,
    start,
    through,
    told,
)
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def house(owner: Api, workspace: Any, issuer: Issuer) -> str:
    approve(workspace, "corp.example")
    return connect(owner, issuer.origin)


def set_up(owner: Api, **given: Any) -> Any:
    return owner.post("sso/", {"kind": "oidc", "name": "N", "client_id": "c", **given})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"token_endpoint": "https://169.254.169.254/token"}, "token_endpoint"),
        ({"jwks_uri": "https://127.0.0.1:1/keys"}, "jwks_uri"),
        ({"userinfo_endpoint": "https://169.254.169.254/me"}, "userinfo_endpoint"),
        ({"authorization_endpoint": "https://x.example/auth?a b"}, "characters"),
        ({"authorization_endpoint": "https://x.example/auth?a=1#b"}, "characters"),
        ({"authorization_endpoint": "https://x.example/auth?\u00e9"}, "characters"),
        ({"issuer": "https://else.example"}, "speaks for the issuer"),
    ],
)
def test_g27_a_discovery_document_leads_nowhere_else(changes: Any, says: str, owner: Api, issuer: Issuer) -> None:
    assert set_up(owner, issuer=issuer.origin).status_code == 201
    document = issuer.document()
    issuer.document = lambda: document | changes  # type: ignore[method-assign]
    refused = set_up(owner, issuer=issuer.origin)
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "issuer")
    assert says in refused.data["errors"][0]["message"]
    assert SsoConnection.objects.count() == 1


@pytest.mark.parametrize("status", [500, 404, 203])
def test_g27_only_what_was_found_is_read(status: int, owner: Api, issuer: Issuer) -> None:
    """The right content under another status is an error page of something in between."""
    issuer.metadata = SAML_METADATA
    bodies: list[dict[str, Any]] = [
        {"kind": "oidc", "client_id": "c", "issuer": issuer.origin},
        {"kind": "saml", "metadata_url": f"{issuer.origin}/metadata"},
    ]
    for body in bodies:
        given = {"name": "N", **body}
        issuer.status = status
        refused = owner.post("sso/", given)
        assert refused.status_code == 400 and f"answered {status}" in refused.data["errors"][0]["message"]
        issuer.status = 200
        made = owner.post("sso/", given)
        assert made.status_code == 201, made.content


@pytest.mark.parametrize("token", [7, None, ["x"], "", "x" * 100_001])
def test_g27_what_is_no_token_is_not_looked_at(token: Any, house: str, issuer: Issuer) -> None:
    issuer.token = lambda: token  # type: ignore[method-assign]
    assert through(issuer, house) == {"sso_error": "answer_refused"}
    entry = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert entry.data["reason"] == "There is no ID token."


def test_g27_a_key_that_is_not_published_is_named_as_the_reason(house: str, issuer: Issuer) -> None:
    issuer.make_token = FORGED["another key under a name that nobody knows"]
    assert through(issuer, house) == {"sso_error": "answer_refused"}
    entry = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert entry.data["reason"] == "The token is signed with a key that its issuer does not publish."


def test_g27_a_word_that_somebody_signed_out_ends_what_is_open(house: str, issuer: Issuer) -> None:
    assert through(issuer, house, fresh_browser()) == through(issuer, house, browser := fresh_browser()) == {}
    first = LoginSession.objects.filter(how=f"sso:{house}").earliest("created_at")
    LoginSession.objects.filter(pk=first.pk).update(ended_at="2026-01-01T00:00:00Z")
    assert send(house, signed(issuer)).status_code == 200
    assert is_signed_in(browser) is None
    assert str(LoginSession.objects.get(pk=first.pk).ended_at).startswith("2026-01-01")
    assert AuditEntry.objects.get(kind="sso.logout").data["sessions_ended"] == 1


# --- SAML ------------------------------------------------------------------------------------------------------------

KEY = SAML_METADATA[SAML_METADATA.index("<md:KeyDescriptor") : SAML_METADATA.index("<md:SingleSignOnService")]


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (SAML_METADATA + " " * saml.MAX_XML, "too large"),
        (SAML_METADATA.replace(KEY, ""), "no certificate"),
        (SAML_METADATA.replace("https://idp.example/saml", "https://idp.example/" + "x" * 500), "no entity id"),
    ],
    ids=["large", "no certificate", "an endless name"],
)
def test_g27_metadata_that_cannot_be_used_says_why(metadata: str, says: str) -> None:
    assert saml.read_metadata(SAML_METADATA)[0] == "https://idp.example/saml"
    with pytest.raises(SsoFailed) as refused:
        saml.read_metadata(metadata)
    assert says in refused.value.why


def test_g27_an_answer_of_any_size_is_not_taken_apart(corp: str) -> None:  # noqa: F811
    with pytest.raises(SsoFailed) as refused:
        saml.read_response(SsoConnection.objects.get(), "A" * 900_000, base="http://x", request_id="_1")
    assert refused.value.why == "The answer is too large."


def test_g27_what_the_provider_refused_is_no_forgery(corp: str, saml_keys: tuple[Path, Path]) -> None:  # noqa: F811
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    status = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    root.find(".//{*}StatusCode").set("Value", status)
    _is_refused(browser, corp, posted, _resigned(root, saml_keys), "provider_refused")


def test_g27_an_address_that_goes_on_after_ours_is_another_one(
    corp: str,  # noqa: F811
    saml_keys: tuple[Path, Path],
) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    root.set("Destination", root.get("Destination") + "more/")
    _is_refused(browser, corp, posted, _resigned(root, saml_keys))
    refusal = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert refusal.data["reason"] == "The response is for another address."


@pytest.mark.parametrize(("what", "code"), [("late", "attempt_over"), ("closed", "connection_off"), ("", "")])
def test_g27_an_answer_that_waits_is_good_for_a_moment(what: str, code: str, corp: str) -> None:  # noqa: F811
    browser = fresh_browser()
    halfway = post(corp, answered(start(browser, corp), "alice", corp))
    if what == "late":
        SsoAttempt.objects.update(expires_at=now())
    elif what == "closed":
        SsoConnection.objects.update(enabled=False)
    assert told(come_back(browser, halfway)) == ({"sso_error": code} if code else {})
    assert (is_signed_in(browser) is None) == bool(code)
    assert SsoIdentity.objects.exists() == (not code), "nothing was made of it"
