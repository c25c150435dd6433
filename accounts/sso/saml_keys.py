"""Our own key pair towards a SAML provider: it signs our requests, and opens what the provider encrypted for us.

One pair a connection, made when it is first needed, sealed at rest; its certificate stands in our metadata.
"""

from __future__ import annotations

import base64
import datetime
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from accounts.models import SsoConnection
from core.cipher import SealedColumn, open_sealed, seal
from core.clock import now

BITS = 3072
#: Providers that look at the end of a certificate at all should not have to look at it often.
YEARS = 10
SIGNED_WITH = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SEALED = SealedColumn("accounts.SsoConnection", "key", lambda row: _bound_to(str(row.pk)))


def keep_pair(row: SsoConnection) -> None:
    """Give a connection its pair where it needs one, and take it away where it needs none any more. Does not save."""
    if not (row.sign_requests or row.require_encrypted):
        row.key = row.certificate = ""
    elif not row.key:
        key, row.certificate = _new_pair()
        model, field, pk = _bound_to(row.pk)
        row.key = seal(key, model=model, field=field, row=pk)


def key_of(row: SsoConnection) -> str:
    """The private key in PEM, to be used at once; "" for a connection without one."""
    if not row.key:
        return ""
    model, field, pk = _bound_to(row.pk)
    mend = "Switch signing and encryption off and on again: that makes a new key, which the provider must be told."
    return open_sealed(row.key, model=model, field=field, row=pk, mend=mend)


def plain_certificate(row: SsoConnection) -> str:
    """The certificate in base64 alone, as XML has it."""
    return "".join(line for line in row.certificate.splitlines() if not line.startswith("-----"))


def signed_query(query: str, key: str) -> str:
    """A query of the HTTP-Redirect binding with its signature: over these very bytes, in this order."""
    whole = f"{query}&SigAlg={quote(SIGNED_WITH, safe='')}"
    private = serialization.load_pem_private_key(key.encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("Our keys are RSA keys.")
    mark = private.sign(whole.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{whole}&Signature={quote(base64.b64encode(mark).decode(), safe='')}"


def _new_pair() -> tuple[str, str]:
    """(private key, certificate), both in PEM. Nobody asks who signed it: the provider is told this very one."""
    key = rsa.generate_private_key(65537, BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "AI Agentic Platform")])
    moment = now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=365 * YEARS))
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    text = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    return text, made.public_bytes(encoding).decode()


def _bound_to(pk: str) -> tuple[str, str, str]:
    return "SsoConnection", "key", pk
