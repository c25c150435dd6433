"""OpenID Connect, as a client: the code flow with PKCE. Turns what comes back into an Assertion; knows no people.

PyJWT checks signatures and times; which algorithms and keys it may use is said here. Everything is fetched through
core.egress.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from accounts.models import SsoConnection
from accounts.sso.assertion import Assertion, read_email, read_groups, read_name, read_subject
from accounts.sso.errors import SsoFailed, refused
from accounts.sso.fetching import fetch_json
from core.egress import EgressRefused, parse_url
from core.egress.guard import judge_target

#: Signatures with a public key only. A shared secret (HS…) would let everybody who knows the client secret, or takes a
#: public key for one, write tokens; "none" lets everybody.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SKEW_SECONDS = 60
#: A logout token is sent when it is made.
FRESH_SECONDS = 300
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_KEYS_SECONDS, _REFETCH_SECONDS, _MOST_KEYS = 300.0, 10.0, 200


def discover(issuer: str) -> dict[str, Any]:
    """The endpoints that an issuer publishes; SsoFailed with `why` when they cannot be had or used."""
    address = issuer.rstrip("/") + "/.well-known/openid-configuration"
    document = fetch_json(address)
    if document.get("issuer") != issuer:
        raise refused(f"{address} speaks for the issuer {str(document.get('issuer'))[:200]!r}, not for {issuer!r}.")
    found: dict[str, Any] = {name: _endpoint(document, name) for name in _ENDPOINTS}
    for name in _ENDPOINTS[1:]:
        refuse_out_of_reach(found[name], name)
    if document.get("userinfo_endpoint"):
        found["userinfo_endpoint"] = _endpoint(document, "userinfo_endpoint")
        refuse_out_of_reach(found["userinfo_endpoint"], "userinfo_endpoint")
    methods = document.get("token_endpoint_auth_methods_supported")
    found["auth_methods"] = [one for one in methods if isinstance(one, str)][:10] if isinstance(methods, list) else []
    found["names_itself"] = document.get("authorization_response_iss_parameter_supported") is True
    return found


def authorization_url(
    connection: SsoConnection,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
    again: bool,
    hint: str = "",
) -> str:
    """Where the browser goes. `again`: the person must prove themselves there now, whatever session they have."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": connection.client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email profile",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"prompt": "login", "max_age": "0"} if again else {}),
        **({"login_hint": hint} if hint else {}),
    }
    base = str(connection.endpoints["authorization_endpoint"])
    return f"{base}{'&' if urlsplit(base).query else '?'}{urlencode(asked)}"


def read_callback(
    connection: SsoConnection,
    answer: Mapping[str, str],
    *,
    redirect_uri: str,
    nonce: str,
    verifier: str,
    secret: str,
) -> Assertion:
    """Who came back, proven; SsoFailed otherwise. `answer` are the parameters of the redirect, its state checked before."""
    named = answer.get("iss")
    if (named is not None or connection.endpoints.get("names_itself")) and named != connection.issuer:
        raise refused("The answer comes from another issuer than the one that was asked.")
    if answer.get("error"):
        raise SsoFailed("provider_refused", answer["error"][:100])
    if not answer.get("code"):
        raise refused("The answer holds no code.")
    tokens = _redeem(connection, answer["code"], redirect_uri, verifier, secret)
    claims = read_id_token(connection, tokens.get("id_token"), nonce=nonce)
    more = _userinfo(connection, claims, tokens.get("access_token"))
    # The token is signed; what is asked for with it only fills in what it leaves out.
    return _assertion(connection, {**more, **claims})


def read_id_token(connection: SsoConnection, token: Any, *, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that this issuer signed for us, for this attempt, a moment ago."""
    claims = _verified(connection, token, "ID token", ("exp", "iat", "iss", "sub", "aud"))
    audience = claims["aud"]
    if claims.get("azp", connection.client_id) != connection.client_id or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise refused("The ID token was made for another client.")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode("utf-8", "replace"), nonce.encode()):
        raise refused("The ID token belongs to another attempt.")
    return claims


def read_logout_token(connection: SsoConnection, token: Any) -> dict[str, Any]:
    """The claims of a logout token that this issuer signed for us a moment ago, about a subject.

    An ID token is none, though the same key signs it: it says nothing of a logout, and holds a nonce.
    """
    import jwt

    claims = _verified(connection, token, "logout token", ("exp", "iat", "iss", "aud", "jti", "events"))
    kind = str(jwt.get_unverified_header(token).get("typ", "")).lower().removeprefix("application/")
    events = claims["events"]
    if kind not in ("", "jwt", "logout+jwt") or "nonce" in claims:
        raise refused("This is no logout token.")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise refused("The logout token speaks of no logout.")
    issued = claims["iat"]
    if isinstance(issued, bool) or not isinstance(issued, int | float) or abs(time.time() - issued) > FRESH_SECONDS:
        raise refused("The logout token was not made a moment ago.")
    if not isinstance(claims["jti"], str) or not claims["jti"]:
        raise refused("The logout token has no name.")
    return {**claims, "sub": read_subject(claims.get("sub"))}


def _verified(connection: SsoConnection, token: Any, name: str, required: Sequence[str]) -> dict[str, Any]:
    """The claims of a token that this issuer signed for us and that is good now; `name` is for the refusals."""
    import jwt

    if not isinstance(token, str) or not token or len(token) > 100_000:
        raise refused(f"There is no {name}.")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise refused(f"The {name} is signed with {str(algorithm)[:20]!r}, which is not accepted.")
        key = _key(str(connection.endpoints["jwks_uri"]), header.get("kid"), algorithm)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=connection.client_id,
            issuer=connection.issuer,
            leeway=SKEW_SECONDS,
            options={"require": list(required)},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise refused(f"The {name}: {error}"[:300]) from None
    return claims


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, or the one that the dots of the name lead to (`realm_access.roles`)."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _assertion(connection: SsoConnection, claims: Mapping[str, Any]) -> Assertion:
    moment = claims.get("auth_time")
    # Entra says `xms_edov` where others say `email_verified`.
    vouched = [claims.get("email_verified"), claims.get("xms_edov")]
    return Assertion(
        issuer=connection.issuer,
        subject=read_subject(claims.get("sub")),
        email=read_email(claims.get("email")),
        email_verified=any(one is True or one in ("true", "1") or (type(one) is int and one == 1) for one in vouched)
        and claims.get("email_verified") is not False,
        name=read_name(claims.get("name")),
        groups=read_groups(find_claim(claims, connection.groups_claim)),
        groups_left_out=_leaves_groups_out(claims, connection.groups_claim),
        authenticated_at=float(moment) if isinstance(moment, int | float) and not isinstance(moment, bool) else None,
        claims=dict(claims),
    )


def _leaves_groups_out(claims: Mapping[str, Any], path: str) -> bool:
    """Entra names no groups where there are too many for a token: it says where to ask for them instead. We do not ask: the
    address would be the token's choice, and needs rights of its own.
    """
    if find_claim(claims, path) is not None:
        return False
    elsewhere = claims.get("_claim_names")
    return claims.get("hasgroups") in (True, "true", "True") or (isinstance(elsewhere, dict) and path in elsewhere)


def _redeem(connection: SsoConnection, code: str, redirect_uri: str, verifier: str, secret: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": connection.client_id,
        "code_verifier": verifier,
    }
    headers = {}
    methods = connection.endpoints.get("auth_methods") or ["client_secret_basic"]
    if secret and "client_secret_basic" in methods:
        pair = f"{quote(connection.client_id, safe='')}:{quote(secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif secret:
        form["client_secret"] = secret
    return fetch_json(str(connection.endpoints["token_endpoint"]), form=form, headers=headers)


def _userinfo(connection: SsoConnection, claims: Mapping[str, Any], access: Any) -> dict[str, Any]:
    """More about the same person, where the token leaves out the address or the groups."""
    address = connection.endpoints.get("userinfo_endpoint")
    enough = claims.get("email") and find_claim(claims, connection.groups_claim) is not None
    if enough or not address or not isinstance(access, str) or not access.isascii() or not access.isprintable():
        return {}
    more = fetch_json(str(address), headers={"Authorization": f"Bearer {access}"})
    if more.get("sub") != claims["sub"]:
        raise refused("The userinfo endpoint spoke of somebody else.")
    return more


# The issuers' public keys: {jwks_uri: (when, {kid: key as JSON})}. A kid that is not there is looked for once more.
_keys: dict[str, tuple[float, list[dict[str, Any]]]] = {}
_lock = threading.Lock()


def _key(address: str, kid: Any, algorithm: str) -> Any:
    import jwt

    for refetch in (False, True):
        fitting = [one for one in _published(address, refetch=refetch) if _fits(one, kid, algorithm)]
        if len(fitting) == 1 or (fitting and kid is not None):
            return jwt.PyJWK(fitting[0], algorithm=algorithm)
    raise refused("The token is signed with a key that its issuer does not publish.")


def _published(address: str, *, refetch: bool) -> list[dict[str, Any]]:
    known, moment = _keys.get(address), time.monotonic()
    if known is not None and moment - known[0] < (_REFETCH_SECONDS if refetch else _KEYS_SECONDS):
        return known[1]
    found = fetch_json(address).get("keys")
    keys = [one for one in found if isinstance(one, dict)][:_MOST_KEYS] if isinstance(found, list) else []
    with _lock:
        if len(_keys) > 500:
            _keys.clear()
        _keys[address] = moment, keys
    return keys


def _fits(key: Mapping[str, Any], kid: Any, algorithm: str) -> bool:
    family = {"R": "RSA", "P": "RSA", "E": "EC"}[algorithm[0]] if algorithm != "EdDSA" else "OKP"
    return (
        key.get("kty") == family
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    """An endpoint of the document, if it is a plain web address (never `javascript:`, `file:` and the like)."""
    value = document.get(name)
    if not isinstance(value, str):
        raise refused(f"The discovery document names no {name}.")
    return plain_address(value, name)


def refuse_out_of_reach(value: str, name: str) -> None:
    """A refusal for what this house itself would not connect to."""
    try:
        judge_target(parse_url(value.partition("?")[0]))
    except EgressRefused as error:
        raise refused(f"The {name}: {error.detail}") from None


def plain_address(value: str, name: str) -> str:
    """A web address that a browser may be sent to, over TLS unless the operator listed it; it may carry a query."""
    base, _, query = value.partition("?")
    try:
        target = parse_url(base)
        if target.scheme == "http":
            judge_target(target)
    except EgressRefused as error:
        raise refused(f"The {name}: {error.detail}") from None
    if not query.isascii() or not query.isprintable() or " " in query or "#" in query:
        raise refused(f"The {name} holds characters that an address cannot have.")
    return value
