"""Signing in through a SAML provider: a peer library as the other side, and everything that a hostile post can try."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Names
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from accounts.models import Membership, SsoConnection, SsoIdentity, User
from audit.models import AuditEntry
from tests.fixtures.doors import Client
from tests.fixtures.houses import approve, come_back, fresh_browser, is_signed_in, start, told
from tests.fixtures.people import Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SAML, DS = f"{{{Names.NS_SAML}}}", f"{{{Names.NS_DS}}}"


@pytest.fixture
def corp(owner: Api, workspace: Any, saml_house: str, may_reach: Callable[..., None]) -> str:
    """A connection to the peer, from its metadata."""
    may_reach(saml_house.removeprefix("http://"))
    metadata = httpx.get(f"{saml_house}/metadata", trust_env=False).text
    body = {
        "kind": "saml",
        "name": "Corp",
        "metadata": metadata,
        "domains": ["corp.example"],
        "default_role": "viewer",
        "mapping": [{"group": "bosses", "role": "admin"}],
    }
    made = owner.post("sso/", body)
    assert made.status_code == 201, made.content
    assert made.data["issuer"] == f"{saml_house}/metadata"
    approve(workspace, "corp.example")
    return str(made.data["id"])


def answered(url: str, who: str, connection: str) -> dict[str, str]:
    """What the peer has the browser post back: `{action, SAMLResponse, RelayState}`."""
    ours = Client().get(f"/api/v1/auth/sso/{connection}/metadata/")
    assert ours["Content-Type"] == "application/samlmetadata+xml"
    more = httpx.QueryParams({"as": who, "metadata": ours.content.decode()})
    answer = httpx.get(f"{url}&{more}", trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json()
    return found


def post(connection: str, posted: dict[str, str]) -> str:
    """As from the provider's page: another site's form, no cookie of ours. Where the browser is sent."""
    form = {name: posted[name] for name in ("SAMLResponse", "RelayState") if name in posted}
    answer = Client().post(f"/api/v1/auth/sso/{connection}/acs/", form)
    assert answer.status_code == 303, answer.content
    return str(answer["Location"])


def test_somebody_new_signs_in_through_the_peer(corp: str, saml_house: str, workspace: Any) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp, next="/agents/"), "boss", corp)
    assert posted["action"].endswith(f"/api/v1/auth/sso/{corp}/acs/")
    halfway = post(corp, posted)
    assert halfway.startswith(f"/api/v1/auth/sso/{corp}/finish/?ticket=")
    assert not User.objects.filter(email="boss@corp.example").exists(), "the browser has not come yet"
    assert come_back(browser, halfway) == "/agents/"
    assert is_signed_in(browser) == "boss@corp.example"
    member = Membership.objects.get(user__email="boss@corp.example")
    assert (member.workspace_id, member.role, member.user.name) == (workspace.pk, "admin", "Boss")
    identity = SsoIdentity.objects.get()
    assert (identity.issuer, identity.subject) == (f"{saml_house}/metadata", "persistent-boss")
    again = fresh_browser()
    assert come_back(again, post(corp, answered(start(again, corp), "boss", corp))) == "/"
    assert User.objects.filter(email="boss@corp.example").count() == 1


def test_the_answer_is_for_the_browser_that_set_out(corp: str) -> None:
    browser, thief = fresh_browser(), fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    halfway = post(corp, posted)
    assert told(come_back(thief, halfway)) == {"sso_error": "other_browser"}
    assert come_back(browser, halfway) == "/"
    assert told(come_back(browser, halfway)) == {"sso_error": "attempt_over"}, "once"
    assert told(post(corp, posted)) == {"sso_error": "attempt_over"}, "replayed"


def test_an_answer_is_taken_once_even_before_the_browser_comes(corp: str) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    halfway = post(corp, posted)
    assert told(post(corp, posted)) == {"sso_error": "attempt_over"}
    assert come_back(browser, halfway) == "/"


def test_nothing_comes_from_the_provider_unasked(corp: str) -> None:
    """No IdP-initiated sign-in: without an attempt of ours, and for another attempt than it was made for."""
    browser, other = fresh_browser(), fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    assert told(post(corp, {"SAMLResponse": posted["SAMLResponse"]})) == {"sso_error": "attempt_over"}
    second = answered(start(other, corp), "alice", corp)
    mixed = {**posted, "RelayState": second["RelayState"]}
    assert told(post(corp, mixed)) == {"sso_error": "answer_refused"}
    assert come_back(other, post(corp, second)) == "/", "rubbish does not spoil somebody's attempt"


def test_a_test_shows_the_attributes(owner: Api, corp: str) -> None:
    begun = owner.post(f"sso/{corp}/test/", {}).data
    location = come_back(owner, post(corp, answered(begun["url"], "boss", corp)))
    assert location == f"/settings/sso/#test={begun['test']}"
    shown = owner.get(f"sso/{corp}/tests/{begun['test']}/").data
    assert shown["ok"] and shown["claims"]["email"] == ["boss@corp.example"] and shown["role"] == "admin"
    assert not User.objects.filter(email="boss@corp.example").exists()
    begun = owner.post(f"sso/{corp}/test/", {}).data
    posted = answered(begun["url"], "boss", corp)
    posted["SAMLResponse"] = base64.b64encode(b"<x/>").decode()
    come_back(owner, post(corp, posted))
    shown = owner.get(f"sso/{corp}/tests/{begun['test']}/").data
    assert shown["done"] and shown["ok"] is False and shown["error"] == "answer_refused" and shown["detail"]


# --- hostile answers -------------------------------------------------------------------------------------------------


def _signature_of(element: Any) -> Any:
    return element.find(f"{DS}Signature")


def _assertion(root: Any) -> Any:
    return root.find(f"{SAML}Assertion")


def _unsigned(root: Any) -> None:
    for element in (root, _assertion(root)):
        mark = _signature_of(element)
        if mark is not None:
            element.remove(mark)


def _changed_subject(root: Any) -> None:
    root.find(f".//{SAML}NameID").text = "persistent-boss"


def _comment_in_subject(root: Any) -> None:
    name = root.find(f".//{SAML}NameID")
    name.text = "persistent-"
    comment = etree.Comment("x")
    comment.tail = "boss"
    name.append(comment)


def _evil_copy(root: Any) -> Any:
    evil = copy.deepcopy(_assertion(root))
    evil.set("ID", "_evil")
    evil.remove(_signature_of(evil))
    evil.find(f".//{SAML}NameID").text = "persistent-boss"
    return evil


def _wrapped_before(root: Any) -> None:
    root.insert(list(root).index(_assertion(root)), _evil_copy(root))


def _wrapped_after(root: Any) -> None:
    root.append(_evil_copy(root))


def _wrapped_inside_the_signature(root: Any) -> None:
    """The signed one moves into an Object of the evil one's signature."""
    good = _assertion(root)
    evil, mark = _evil_copy(root), copy.deepcopy(_signature_of(good))
    root.remove(good)
    inner = copy.deepcopy(good)
    inner.remove(_signature_of(inner))
    etree.SubElement(mark, f"{DS}Object").append(inner)
    evil.insert(1, mark)
    root.append(evil)


def _wrapped_in_extensions(root: Any) -> None:
    good, evil = _assertion(root), _evil_copy(root)
    root.remove(good)
    extensions = etree.SubElement(root, f"{{{Names.NS_SAMLP}}}Extensions")
    extensions.append(good)
    root.append(evil)


def _same_id_twice(root: Any) -> None:
    evil = _evil_copy(root)
    evil.set("ID", _assertion(root).get("ID"))
    root.append(evil)


def _resigned(root: Any, keys: tuple[Path, Path], **how: Any) -> bytes:
    """The assertion signed anew by whoever has the key."""
    _unsigned(root)
    certificate, key = keys
    done = OneLogin_Saml2_Utils.add_sign(
        etree.tostring(_assertion(root)), key.read_text(), certificate.read_text(), **how
    )
    place = _assertion(root)
    root.replace(place, etree.fromstring(done))
    return bytes(etree.tostring(root))


CHANGES = {
    "no signature": _unsigned,
    "another subject": _changed_subject,
    "a comment in the subject": _comment_in_subject,
    "wrapped: the evil one first": _wrapped_before,
    "wrapped: the evil one last": _wrapped_after,
    "wrapped: the good one in the signature": _wrapped_inside_the_signature,
    "wrapped: the good one in extensions": _wrapped_in_extensions,
    "wrapped: one id for two": _same_id_twice,
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_changed_answer_signs_anybody_in(name: str, corp: str) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    CHANGES[name](root)
    _is_refused(browser, corp, posted, etree.tostring(root))


def _is_refused(browser: Api, corp: str, posted: dict[str, str], xml: bytes, code: str = "answer_refused") -> None:
    evil = {**posted, "SAMLResponse": base64.b64encode(xml).decode()}
    assert told(post(corp, evil)) == {"sso_error": code}
    assert is_signed_in(browser) is None and not SsoIdentity.objects.exists()
    refusal = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert refusal.data["why"] == code and refusal.workspace_id


def _set(path: str, name: str, value: str | None) -> Any:
    def change(root: Any) -> None:
        for element in root.iterfind(path):
            if value is None:
                element.attrib.pop(name, None)
            else:
                element.set(name, value)

    return change


def _audience(value: str | None) -> Any:
    def change(root: Any) -> None:
        element = root.find(f".//{SAML}AudienceRestriction")
        if value is None:
            element.getparent().remove(element)
        else:
            element[0].text = value

    return change


def _issuer(root: Any) -> None:
    _assertion(root).find(f"{SAML}Issuer").text = "https://evil.example/metadata"


CONFIRMATION = f".//{SAML}SubjectConfirmationData"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"
# The provider itself signs these, by mistake or for somebody else.
BADLY_MADE = {
    "for nobody in particular": _audience(None),
    "for another audience": _audience("https://another.example/metadata"),
    "for another address": _set(CONFIRMATION, "Recipient", "https://another.example/acs"),
    "for an address that begins like ours": _set(CONFIRMATION, "Recipient", "http://localhost:8000/"),
    "for no address": _set(CONFIRMATION, "Recipient", None),
    "for no request": _set(CONFIRMATION, "InResponseTo", None),
    "for another request": _set(CONFIRMATION, "InResponseTo", "_another"),
    "a response to no request": _set(".", "InResponseTo", None),
    "a response for another address": _set(".", "Destination", "https://another.example/acs"),
    "without an end": _set(CONFIRMATION, "NotOnOrAfter", None),
    "over": _set(CONFIRMATION, "NotOnOrAfter", PAST),
    "conditions over": _set(f".//{SAML}Conditions", "NotOnOrAfter", PAST),
    "conditions to come": _set(f".//{SAML}Conditions", "NotBefore", FUTURE),
    "another issuer": _issuer,
}


@pytest.mark.parametrize("name", BADLY_MADE)
def test_what_is_not_for_us_now_is_refused_however_well_signed(
    name: str, corp: str, saml_keys: tuple[Path, Path]
) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    BADLY_MADE[name](root)
    _is_refused(browser, corp, posted, _resigned(root, saml_keys))


def test_signing_anew_alone_is_fine(corp: str, saml_keys: tuple[Path, Path]) -> None:
    """What the tests around it change is what is refused, not how they sign."""
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    xml = _resigned(etree.fromstring(base64.b64decode(posted["SAMLResponse"])), saml_keys)
    halfway = post(corp, {**posted, "SAMLResponse": base64.b64encode(xml).decode()})
    assert come_back(browser, halfway) == "/"


def test_a_signature_around_an_unsigned_assertion_is_not_enough(corp: str, saml_keys: tuple[Path, Path]) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    _unsigned(root)
    certificate, key = saml_keys
    whole = OneLogin_Saml2_Utils.add_sign(etree.tostring(root), key.read_text(), certificate.read_text())
    _is_refused(browser, corp, posted, whole)


def test_sha1_is_refused(corp: str, saml_keys: tuple[Path, Path]) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    weak = {"sign_algorithm": Names.RSA_SHA1, "digest_algorithm": Names.SHA1}
    _is_refused(browser, corp, posted, _resigned(root, saml_keys, **weak))


def test_a_stranger_key_is_refused(corp: str, tmp_path: Path) -> None:
    from core.egress.tests.certificates import self_signed

    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    _is_refused(browser, corp, posted, _resigned(root, self_signed(tmp_path, rsa_key=True)))


def test_a_name_that_changes_each_time_is_refused(corp: str, saml_keys: tuple[Path, Path]) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    root = etree.fromstring(base64.b64decode(posted["SAMLResponse"]))
    _set(f".//{SAML}NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient")(root)
    _is_refused(browser, corp, posted, _resigned(root, saml_keys), "no_stable_name")


HOSTILE_XML = {
    "an outside entity": b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
    "a bomb": b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>',
    "an outside DTD": b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>',
    "no XML": b"\x00\xff not xml",
    "nothing": b"",
    "deep": b"<a>" * 5_000 + b"</a>" * 5_000,
    "an empty response": b'<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0"/>',
}


@pytest.mark.parametrize("name", HOSTILE_XML)
def test_hostile_xml_is_refused_and_reads_nothing(name: str, owner: Api, corp: str) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    _is_refused(browser, corp, posted, HOSTILE_XML[name])
    text = HOSTILE_XML[name].decode("utf-8", "replace").replace("\x00", "")
    if text.strip():
        answer = owner.post("sso/", {"kind": "saml", "name": "Evil", "metadata": text})
        assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "metadata")
        assert b"root:" not in answer.content
    assert SsoConnection.objects.count() == 1


@pytest.mark.parametrize("value", ["", "%%%", "é", "A" * 900_000], ids=["empty", "signs", "letters", "large"])
def test_what_is_no_answer_at_all_is_refused(value: str, corp: str) -> None:
    browser = fresh_browser()
    posted = answered(start(browser, corp), "alice", corp)
    assert told(post(corp, {**posted, "SAMLResponse": value})) == {"sso_error": "answer_refused"}
    assert Client().post(f"/api/v1/auth/sso/{corp}/acs/", b"{}", content_type="application/json").status_code == 303
    assert Client().get(f"/api/v1/auth/sso/{corp}/acs/").status_code == 405


def test_metadata_comes_from_an_address_through_the_guard(owner: Api, saml_house: str, settings: Any) -> None:
    body = {"kind": "saml", "name": "Corp", "metadata_url": f"{saml_house}/metadata"}
    answer = owner.post("sso/", body)
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "metadata_url"), "an internal address"
    settings.ALLOWED_PRIVATE_HOSTS = (saml_house.removeprefix("http://"),)
    assert owner.post("sso/", body).status_code == 201
    assert owner.post("sso/", {"kind": "saml", "name": "None"}).status_code == 400
    assert owner.post("sso/", {**body, "client_id": "x"}).status_code == 400


def test_another_tenants_provider_cannot_speak_for_ours(
    corp: str, saml_house: str, make_person: Any, make_workspace: Any
) -> None:
    browser = fresh_browser()
    assert come_back(browser, post(corp, answered(start(browser, corp), "alice", corp))) == "/"
    evil = make_person(make_workspace("Evil"), "owner")
    metadata = httpx.get(f"{saml_house}/metadata", trust_env=False).text
    theirs = evil.post("sso/", {"kind": "saml", "name": "E", "metadata": metadata, "domains": ["corp.example"]}).data[
        "id"
    ]
    stranger = fresh_browser()
    posted = answered(start(stranger, theirs), "alice", theirs)
    assert told(post(corp, posted)) == {"sso_error": "attempt_over"}, "posted to the other door"
    assert told(come_back(stranger, post(theirs, posted))) == {"sso_error": "link_first"}
    assert is_signed_in(stranger) is None
