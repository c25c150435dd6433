"""Our own keys towards a SAML provider: signed requests, encrypted answers; against the peer and against forgeries."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.management import call_command
from lxml import etree

from accounts.models import SsoConnection, User
from accounts.tests.test_saml import CHANGES, _assertion, _is_refused, answered, corp, post  # noqa: F401
from core.egress.tests.certificates import self_signed
from tests.fixtures.doors import Client
from tests.fixtures.houses import come_back, fresh_browser, is_signed_in, start, told
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
XENC = "http://www.w3.org/2001/04/xmlenc#"
OAEP, OLD = f"{XENC}rsa-oaep-mgf1p", f"{XENC}rsa-1_5"


def switch(owner: Api, connection: str, **options: bool) -> Any:
    answer = owner.patch(f"sso/{connection}/", options)
    assert answer.status_code == 200, answer.content
    return answer.data


@pytest.fixture
def signing(owner: Api, corp: str) -> str:  # noqa: F811
    switch(owner, corp, sign_requests=True)
    return corp


@pytest.fixture
def sealed(owner: Api, corp: str) -> str:  # noqa: F811
    switch(owner, corp, require_encrypted=True)
    return corp


def test_the_pair_is_made_when_it_is_needed_and_never_shown(owner: Api, corp: str) -> None:  # noqa: F811
    assert owner.get(f"sso/{corp}/").data["certificate"] == ""
    assert b"KeyDescriptor" not in Client().get(f"/api/v1/auth/sso/{corp}/metadata/").content
    shown = switch(owner, corp, sign_requests=True)
    certificate = x509.load_pem_x509_certificate(shown["certificate"].encode())
    assert certificate.public_key().key_size == 3072  # type: ignore[union-attr]
    row = SsoConnection.objects.get()
    assert "PRIVATE KEY" not in row.key and row.key and "PRIVATE KEY" not in owner.get(f"sso/{corp}/").content.decode()
    metadata = Client().get(f"/api/v1/auth/sso/{corp}/metadata/").content.decode()
    assert 'AuthnRequestsSigned="true"' in metadata and metadata.count("<md:KeyDescriptor") == 2
    assert "".join(shown["certificate"].splitlines()[1:-1]) in metadata
    assert switch(owner, corp, require_encrypted=True)["certificate"] == shown["certificate"], "one for both"
    assert switch(owner, corp, sign_requests=False)["certificate"] == shown["certificate"]
    assert switch(owner, corp, require_encrypted=False)["certificate"] == "" and not SsoConnection.objects.get().key
    assert switch(owner, corp, sign_requests=True)["certificate"] != shown["certificate"], "a new one"
    for bad in ({"sign_requests": "yes"}, {"require_encrypted": None}):
        assert owner.patch(f"sso/{corp}/", bad).status_code == 400


def test_the_peer_checks_our_signature(signing: str) -> None:
    browser = fresh_browser()
    url = start(browser, signing)
    assert come_back(browser, post(signing, answered(url, "alice", signing))) == "/"
    assert is_signed_in(browser) == "alice@corp.example"
    ours = Client().get(f"/api/v1/auth/sso/{signing}/metadata/").content.decode()
    place, query = url.split("?", 1)
    parts = dict(pair.split("=", 1) for pair in query.split("&"))
    other = dict(pair.split("=", 1) for pair in start(fresh_browser(), signing).split("?", 1)[1].split("&"))
    forged = {
        "another request": {**parts, "SAMLRequest": other["SAMLRequest"]},
        "another state": {**parts, "RelayState": other["RelayState"]},
        "no signature": {name: value for name, value in parts.items() if name not in ("SigAlg", "Signature")},
    }
    for name, changed in forged.items():
        text = "&".join(f"{key}={value}" for key, value in changed.items())
        answer = httpx.get(f"{place}?{text}&{urlencode({'as': 'alice', 'metadata': ours})}", trust_env=False)
        assert answer.status_code == 500, name


def encrypted(posted: dict[str, str], who: str, connection: str, url: str) -> dict[str, str]:
    """What the peer posts when it encrypts for our certificate."""
    found = answered(f"{url}&encrypt=1", who, connection)
    assert b"EncryptedAssertion" in base64.b64decode(found["SAMLResponse"])
    return {**posted, **found}


def test_the_peer_encrypts_and_we_read_it(sealed: str, corp: str) -> None:  # noqa: F811
    browser = fresh_browser()
    posted = encrypted({}, "boss", sealed, start(browser, sealed))
    assert b"persistent-boss" not in base64.b64decode(posted["SAMLResponse"])
    assert come_back(browser, post(sealed, posted)) == "/"
    assert is_signed_in(browser) == "boss@corp.example"


def test_keys_sealed_anew_still_open(owner: Api, sealed: str, settings: Any) -> None:
    before = SsoConnection.objects.get().key
    settings.ENCRYPTION_KEYS = {"2100-01": os.urandom(32), **dict(settings.ENCRYPTION_KEYS)}
    call_command("rotate_keys")
    assert SsoConnection.objects.get().key != before
    browser = fresh_browser()
    assert come_back(browser, post(sealed, encrypted({}, "alice", sealed, start(browser, sealed)))) == "/"


def test_what_is_not_encrypted_is_refused_where_it_must_be(owner: Api, sealed: str) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, sealed), "alice", sealed)
    _is_refused(browser, sealed, posted, base64.b64decode(posted["SAMLResponse"]))
    switch(owner, sealed, sign_requests=True, require_encrypted=False)
    browser = fresh_browser()
    assert come_back(browser, post(sealed, answered(start(browser, sealed), "alice", sealed))) == "/"
    browser = fresh_browser()
    assert come_back(browser, post(sealed, encrypted({}, "alice", sealed, start(browser, sealed)))) == "/", "or both"


def wrapped(root: Any, certificate: str, *, transport: str = OAEP) -> bytes:
    """The assertion of a response, as it is, encrypted for a certificate: everybody can do that."""
    plain = _assertion(root)
    key, nonce = os.urandom(32), os.urandom(12)
    public: Any = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    how = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None) if transport == OAEP else padding.PKCS1v15()
    body = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, etree.tostring(plain), None)).decode()
    digest = '<d:DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/>' if transport == OAEP else ""
    place = etree.fromstring(
        f'<s:EncryptedAssertion xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:x="{XENC}" '
        'xmlns:d="http://www.w3.org/2000/09/xmldsig#"><x:EncryptedData Type="http://www.w3.org/2001/04/xmlenc#Element">'
        '<x:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><d:KeyInfo><x:EncryptedKey>'
        f'<x:EncryptionMethod Algorithm="{transport}">{digest}</x:EncryptionMethod><x:CipherData><x:CipherValue>'
        f"{base64.b64encode(public.encrypt(key, how)).decode()}</x:CipherValue></x:CipherData></x:EncryptedKey>"
        f"</d:KeyInfo><x:CipherData><x:CipherValue>{body}</x:CipherValue></x:CipherData></x:EncryptedData>"
        "</s:EncryptedAssertion>"
    )
    root.replace(plain, place)
    return bytes(etree.tostring(root))


def plain_answer(browser: Api, connection: str) -> tuple[dict[str, str], Any]:
    posted = answered(start(browser, connection), "alice", connection)
    return posted, etree.fromstring(base64.b64decode(posted["SAMLResponse"]))


def test_wrapping_alone_is_fine(sealed: str) -> None:
    """What the tests below change is what is refused, not how they encrypt."""
    browser = fresh_browser()
    posted, root = plain_answer(browser, sealed)
    xml = wrapped(root, SsoConnection.objects.get().certificate)
    assert come_back(browser, post(sealed, {**posted, "SAMLResponse": base64.b64encode(xml).decode()})) == "/"


@pytest.mark.parametrize("name", ["no signature", "another subject", "a comment in the subject"])
def test_encryption_is_no_signature(name: str, sealed: str) -> None:
    browser = fresh_browser()
    posted, root = plain_answer(browser, sealed)
    CHANGES[name](root)
    _is_refused(browser, sealed, posted, wrapped(root, SsoConnection.objects.get().certificate))


def test_for_another_key_or_by_worn_out_means_it_is_refused(sealed: str, tmp_path: Path) -> None:
    browser = fresh_browser()
    posted, root = plain_answer(browser, sealed)
    certificate, _ = self_signed(tmp_path, rsa_key=True)
    _is_refused(browser, sealed, posted, wrapped(root, certificate.read_text()))
    posted, root = plain_answer(browser, sealed)
    old = wrapped(root, SsoConnection.objects.get().certificate, transport=OLD)
    assert told(post(sealed, {**posted, "SAMLResponse": base64.b64encode(old).decode()})) == {
        "sso_error": "answer_refused"
    }
    assert not User.objects.filter(email="alice@corp.example").exists()


def test_an_encrypted_and_a_plain_one_are_one_too_many(sealed: str) -> None:
    browser = fresh_browser()
    posted, root = plain_answer(browser, sealed)
    plain = etree.fromstring(etree.tostring(_assertion(root)))
    both = etree.fromstring(wrapped(root, SsoConnection.objects.get().certificate))
    both.append(plain)
    _is_refused(browser, sealed, posted, etree.tostring(both))


def test_an_encrypted_one_for_a_connection_without_a_key(corp: str, tmp_path: Path) -> None:  # noqa: F811
    browser = fresh_browser()
    posted, root = plain_answer(browser, corp)
    certificate, _ = self_signed(tmp_path, rsa_key=True)
    _is_refused(browser, corp, posted, wrapped(root, certificate.read_text()))


def test_oidc_has_neither(owner: Api, issuer: Any) -> None:
    from tests.fixtures.houses import connect

    made = connect(owner, issuer.origin)
    for name in ("sign_requests", "require_encrypted"):
        assert owner.patch(f"sso/{made}/", {name: True}).data["errors"][0]["field"] == name
        body = {"kind": "oidc", "name": "C", "issuer": issuer.origin, "client_id": "c", name: True}
        assert owner.post("sso/", body).data["errors"][0]["field"] == name


def test_a_request_that_cannot_be_signed_says_so(signing: str) -> None:
    SsoConnection.objects.update(key="v1:gone:AAAA")
    answer = fresh_browser().post("auth/sso/start/", {"connection": signing}, X_AAP_Client="web")
    assert answer.status_code == 409 and answer.data["code"] == "secret_unreadable"
