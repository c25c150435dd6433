"""SAML 2.0, as a service provider: the Web Browser SSO profile with a signed assertion in answer to our own request.

python3-saml reads the XML (no DTDs, no entities), checks signatures, times and the schema. What it lets pass when it is
merely absent (audience, recipient, InResponseTo) is demanded here. lxml and xmlsec are loaded on first use.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from accounts.models import SsoConnection
from accounts.sso.assertion import Assertion, read_email, read_groups, read_name, read_subject
from accounts.sso.errors import SsoFailed, refused
from accounts.sso.fetching import fetch
from accounts.sso.oidc import plain_address
from accounts.sso.saml_keys import key_of, plain_certificate, signed_query

if TYPE_CHECKING:
    from onelogin.saml2.response import OneLogin_Saml2_Response
    from onelogin.saml2.settings import OneLogin_Saml2_Settings

MAX_XML = 512 * 1024
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
#: Where products keep the address and the name, under the names that they use for them.
_EMAIL = (
    "email",
    "mail",
    "emailaddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:oid:1.2.840.113549.1.9.1",
)
_NAME = (
    "name",
    "displayname",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
)


def read_metadata(text: str) -> tuple[str, dict[str, Any]]:
    """(entity id, endpoints) of an identity provider's metadata; SsoFailed with `why` when it cannot be used."""
    from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

    if len(text) > MAX_XML:
        raise refused("The metadata is too large.")
    try:
        found = OneLogin_Saml2_IdPMetadataParser.parse(text, required_sso_binding=_REDIRECT)["idp"]
        entity, address = found["entityId"], found["singleSignOnService"]["url"]
    except Exception as error:  # the parser raises whatever the XML makes it stumble over
        raise refused(
            f"The metadata cannot be read: it must name an identity provider ({type(error).__name__})."
        ) from None
    given = found.get("x509certMulti", {}).get("signing") or [found.get("x509cert")]
    certificates = [_certificate(one) for one in given if one][:10]
    if not certificates:
        raise refused("The metadata holds no certificate to check signatures with.")
    if not isinstance(entity, str) or not 0 < len(entity) <= 500 or not isinstance(address, str):
        raise refused("The metadata names no entity id, or no address for HTTP-Redirect.")
    return entity, {"sso_url": plain_address(address, "sign-in address"), "certificates": certificates}


def fetch_metadata(address: str) -> str:
    """The metadata at an address; SsoFailed `provider_unreachable`."""
    status, body = fetch(address, headers={"Accept": "application/samlmetadata+xml, application/xml, text/xml"})
    if status != 200:
        raise SsoFailed("provider_unreachable", f"{address} answered {status}.")
    return body.decode("utf-8", "replace")


def request_url(connection: SsoConnection, *, base: str, state: str, again: bool) -> tuple[str, str]:
    """(where the browser goes, the id of the request that the answer must name)."""
    from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request

    request = OneLogin_Saml2_Authn_Request(_settings(connection, base), force_authn=again)
    address = str(connection.endpoints["sso_url"])
    query = urlencode({"SAMLRequest": request.get_request(), "RelayState": state})
    if connection.sign_requests:
        query = signed_query(query, key_of(connection))
    return f"{address}{'&' if urlsplit(address).query else '?'}{query}", str(request.get_id())


def read_response(connection: SsoConnection, answer: str, *, base: str, request_id: str) -> Assertion:
    """Who came back, proven; SsoFailed otherwise."""
    from onelogin.saml2.response import OneLogin_Saml2_Response

    if len(answer) > MAX_XML * 4 // 3:
        raise refused("The answer is too large.")
    place = urlsplit(acs_url(base, connection.pk))
    asked = {"http_host": place.netloc, "https": "on" if place.scheme == "https" else "off", "script_name": place.path}
    try:
        base64.b64decode(answer, validate=False)
        response = OneLogin_Saml2_Response(_settings(connection, base, opens=bool(connection.key)), answer)
        _refuse_other_status(response)
        _refuse_weak_encryption(response)
        response.is_valid(asked, request_id, raise_exceptions=True)
        return _assertion(connection, response, base, request_id)
    except SsoFailed:
        raise
    except Exception as error:  # whatever hostile XML brings about in the libraries is a refusal
        raise refused(f"{type(error).__name__}: {error}"[:300]) from None


def acs_url(base: str, connection_id: str) -> str:
    return f"{base}/api/v1/auth/sso/{connection_id}/acs/"


def entity_id(base: str, connection_id: str) -> str:
    return f"{base}/api/v1/auth/sso/{connection_id}/metadata/"


def own_metadata(connection_id: str, base: str) -> str:
    """What the identity provider wants to know about us. It holds nothing secret, and there is one for every id."""
    from xml.sax.saxutils import quoteattr

    row = SsoConnection.objects.filter(pk=connection_id).first()
    certificate = plain_certificate(row) if row is not None else ""
    signs = "true" if row is not None and row.sign_requests else "false"
    keys = "".join(
        f'    <md:KeyDescriptor use="{use}"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\n"
        for use in ("signing", "encryption")
        if certificate
    )
    return (
        '<?xml version="1.0"?>\n'
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
        f"entityID={quoteattr(entity_id(base, connection_id))}>\n"
        f'  <md:SPSSODescriptor AuthnRequestsSigned="{signs}" WantAssertionsSigned="true" '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">\n'
        f"{keys}"
        "    <md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>\n"
        f'    <md:AssertionConsumerService Binding="{_POST}" Location={quoteattr(acs_url(base, connection_id))} '
        'index="1"/>\n'
        "  </md:SPSSODescriptor>\n"
        "</md:EntityDescriptor>\n"
    )


def _settings(connection: SsoConnection, base: str, *, opens: bool = False) -> OneLogin_Saml2_Settings:
    """`opens`: with our key, for an answer that may be encrypted."""
    from onelogin.saml2.settings import OneLogin_Saml2_Settings

    certificates = list(connection.endpoints["certificates"])
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "debug": False,
            "sp": {
                "entityId": entity_id(base, connection.pk),
                "assertionConsumerService": {"url": acs_url(base, connection.pk), "binding": _POST},
                "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
                **({"privateKey": key_of(connection), "x509cert": connection.certificate} if opens else {}),
            },
            "idp": {
                "entityId": connection.issuer,
                "singleSignOnService": {"url": connection.endpoints["sso_url"], "binding": _REDIRECT},
                "x509cert": certificates[0],
                "x509certMulti": {"signing": certificates, "encryption": []},
            },
            "security": {
                "wantAssertionsSigned": True,
                "wantAssertionsEncrypted": connection.require_encrypted and opens,
                "wantMessagesSigned": False,
                "wantNameId": True,
                "wantAttributeStatement": False,
                "rejectDeprecatedAlgorithm": True,
                "requestedAuthnContext": False,
                "allowSingleLabelDomains": True,
                "allowRepeatAttributeName": True,
                "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "digestAlgorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
            },
        }
    )


def _refuse_other_status(response: OneLogin_Saml2_Response) -> None:
    code = response.document.find("{*}Status/{*}StatusCode")
    if code is not None and code.get("Value") != _SUCCESS:
        raise SsoFailed("provider_refused", str(code.get("Value"))[:100])


def _refuse_weak_encryption(response: OneLogin_Saml2_Response) -> None:
    """RSA with the old padding gives the key away to whoever may ask often enough; 3DES is worn out."""
    for method in response.document.iterfind(".//{http://www.w3.org/2001/04/xmlenc#}EncryptionMethod"):
        if str(method.get("Algorithm")).endswith(("#rsa-1_5", "#tripledes-cbc")):
            raise refused("The assertion is encrypted in a way that is not safe any more: use RSA-OAEP and AES.")


def _assertion(connection: SsoConnection, response: OneLogin_Saml2_Response, base: str, request_id: str) -> Assertion:
    """From a response whose signature holds. What follows is read from the signed assertion alone."""
    if response.get_in_response_to() != request_id:
        raise refused("The response answers no request of ours.")
    destination = response.document.get("Destination")
    if destination is not None and destination != acs_url(base, connection.pk):
        raise refused("The response is for another address.")
    if entity_id(base, connection.pk) not in response.get_audiences():
        raise refused("The assertion names us in no audience.")
    confirmed = response._query_assertion("/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData")
    if not any(
        one.get("InResponseTo") == request_id
        and one.get("Recipient") == acs_url(base, connection.pk)
        and one.get("NotOnOrAfter")
        for one in confirmed
    ):
        raise refused("The assertion's subject is not confirmed for this request and this address.")
    subject = response.get_nameid_data()
    if subject.get("Format") == _TRANSIENT:
        raise SsoFailed("no_stable_name", "The NameID is transient. Choose a persistent one at your provider.")
    attributes: dict[str, list[Any]] = {**response.get_friendlyname_attributes(), **response.get_attributes()}
    lowered = {name.lower(): values for name, values in attributes.items()}
    email = next((found for name in _EMAIL if (found := read_email(_first(lowered, name)))), "")
    if not email and subject.get("Format") == _EMAIL_FORMAT:
        email = read_email(subject["Value"])
    name = next((found for name in _NAME if (found := read_name(_first(lowered, name)))), "")
    return Assertion(
        issuer=connection.issuer,
        subject=read_subject(subject["Value"]),
        email=email,
        # SAML has no word for it. The provider of a workspace speaks for the domains that an operator approved for it;
        # others are refused wherever an address counts.
        email_verified=bool(email),
        name=name,
        groups=read_groups(attributes.get(connection.groups_claim, [])),
        authenticated_at=_authenticated_at(response),
        claims={"NameID": subject["Value"], "NameIDFormat": subject.get("Format"), **attributes},
    )


def _first(attributes: Mapping[str, list[Any]], name: str) -> Any:
    values = attributes.get(name)
    return values[0] if values else None


def _authenticated_at(response: OneLogin_Saml2_Response) -> float | None:
    from onelogin.saml2.utils import OneLogin_Saml2_Utils

    for statement in response._query_assertion("/saml:AuthnStatement"):
        instant = statement.get("AuthnInstant")
        if instant:
            return float(OneLogin_Saml2_Utils.parse_SAML_to_time(instant))
    return None


def _certificate(text: str) -> str:
    """A certificate in base64 without white space, if it is one."""
    from cryptography.x509 import load_der_x509_certificate

    plain = "".join(text.split())
    try:
        load_der_x509_certificate(base64.b64decode(plain, validate=True))
    except (ValueError, binascii.Error):
        raise refused("A certificate in the metadata cannot be read.") from None
    return plain
