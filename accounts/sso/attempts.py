"""Going to another house and coming back: once, within ten minutes, in the browser that set out.

An attempt is a row. What ties the answer to it travels three ways: `state` through the other house, a cookie in the
browser, nonce and verifier (or the id of the SAML request) sealed in the row.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import LoginSession, SsoAttempt, SsoConnection, User
from accounts.secret_links import digest_of, new_secret
from accounts.sso import oidc, saml
from accounts.sso.assertion import Assertion
from accounts.sso.connections import secret_of
from accounts.sso.enforcement import person_with
from accounts.sso.errors import SsoFailed
from audit.action import Action, action
from core.authz import Permission
from core.cipher import SealedColumn, SecretUnreadable, open_sealed, seal
from core.clock import now
from core.errors import NotFound, ValidationFailed

LIFETIME = timedelta(minutes=10)
#: For how long the outcome of a test can be looked at.
TEST_KEPT = timedelta(hours=1)
SEALED = tuple(
    SealedColumn("accounts.SsoAttempt", name, lambda row, name=name: _bound_to(str(row.pk), name))  # type: ignore[misc]
    for name in ("secrets", "answer")
)
Purpose, Client = SsoAttempt.Purpose, LoginSession.Client
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*\Z")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the secret that it keeps in a cookie named after the attempt."""

    attempt: SsoAttempt
    url: str
    browser: str


def own_path(value: str, *, client: str = Client.WEB) -> str:
    """A path of the web client (or of the operator admin), to go on to afterwards; ValidationFailed for every other."""
    elsewhere = value.startswith(("/api", "/admin", "/scim")) if client == Client.WEB else value[:7] != "/admin/"
    if value and (elsewhere or not _OWN_PATH.match(value)):
        raise ValidationFailed.on("next", "not_own", "This must be a path of this product, such as /agents/.")
    return value


def begin(
    connection_id: str,
    *,
    purpose: str,
    client: str = Client.WEB,
    next_path: str = "",
    user: User | None = None,
    session: LoginSession | None = None,
    ticket: str = "",
) -> Begun:
    """Set out. `ticket` is what a refused password brought along.

    NotFound for a connection that is not there, is switched off, or does not lead where it is asked to.
    """
    connection = SsoConnection.objects.filter(pk=connection_id).first()
    if connection is None or not (connection.enabled or purpose == Purpose.TEST):
        raise NotFound()
    if client == Client.ADMIN and not connection.opens_admin:
        raise NotFound()
    if ticket:
        user = person_with(ticket)
        if user is None:
            raise ValidationFailed.on("ticket", "ticket_over", "This took too long. Enter your password again.")
    state, state_digest = new_secret()
    browser, browser_digest = new_secret()
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    again = purpose == Purpose.REAUTHENTICATE
    if connection.kind == SsoConnection.Kind.OIDC:
        kept = {"nonce": nonce, "verifier": verifier}
        url = oidc.authorization_url(
            connection,
            redirect_uri=callback_url(connection.pk),
            state=state,
            nonce=nonce,
            verifier=verifier,
            again=again,
            hint=user.email if user is not None and again else "",
        )
    else:
        url, request_id = saml.request_url(connection, base=settings.PUBLIC_URL, state=state, again=again)
        kept = {"request_id": request_id}
    moment = now()
    SsoAttempt.objects.filter(expires_at__lt=moment - TEST_KEPT).delete()
    row = SsoAttempt(
        connection=connection,
        purpose=purpose,
        client=client,
        state_digest=state_digest,
        browser_digest=browser_digest,
        next=own_path(next_path, client=client),
        user=user,
        session=session,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )
    row.secrets = _sealed(row, "secrets", json.dumps(kept))
    try:
        row.save(force_insert=True)
    except IntegrityError:  # somebody deleted the connection at this moment
        raise NotFound() from None
    return Begun(row, url, browser)


@action("sso.test", requires=Permission.SSO_EDIT, on="connection")
def begin_test(act: Action, *, connection: SsoConnection, user: User, session: LoginSession) -> Begun:
    """A connection to an identity provider was tried out; nobody is signed in by it."""
    return begin(connection.pk, purpose=Purpose.TEST, user=user, session=session)


def find_attempt(connection_id: str, state: str) -> SsoAttempt:
    """The attempt that comes back, not used up yet; SsoFailed `attempt_over`."""
    rows = SsoAttempt.objects.select_related("connection", "user", "session").filter(connection_id=connection_id)
    row = rows.filter(state_digest=digest_of(state), used_at=None, expires_at__gt=now()).first() if state else None
    if row is None:
        raise SsoFailed("attempt_over")
    if not (row.connection.enabled or row.purpose == Purpose.TEST):
        raise SsoFailed("connection_off")
    return row


def require_browser(attempt: SsoAttempt, cookie: str) -> None:
    """SsoFailed `other_browser` unless this browser set out: nobody is signed in by a link that somebody else prepared."""
    if not cookie or not secrets.compare_digest(digest_of(cookie), attempt.browser_digest):
        raise SsoFailed("other_browser")


def use_up(attempt: SsoAttempt) -> None:
    """From here on nobody comes back with it. SsoFailed `attempt_over` if somebody was faster."""
    if not SsoAttempt.objects.filter(pk=attempt.pk, used_at=None).update(used_at=now()):
        raise SsoFailed("attempt_over")


def come_back_by_code(attempt: SsoAttempt, answer: dict[str, str]) -> Assertion:
    """OIDC: what the issuer says, for an attempt that was used up just now."""
    kept = _secrets(attempt)
    try:
        secret = secret_of(attempt.connection)
    except SecretUnreadable as error:
        raise SsoFailed("sso_failed", error.detail) from None
    return oidc.read_callback(
        attempt.connection,
        answer,
        redirect_uri=callback_url(attempt.connection_id),
        nonce=kept["nonce"],
        verifier=kept["verifier"],
        secret=secret,
    )


def keep_response(attempt: SsoAttempt, response: str) -> str:
    """SAML: the answer comes in a form from another site, without our cookie. It is checked, and kept for the browser that
    comes with the returned secret and the cookie. The attempt can be answered no more.
    """
    kept = _secrets(attempt)
    said = saml.read_response(attempt.connection, response, base=settings.PUBLIC_URL, request_id=kept["request_id"])
    return _keep(attempt, said)


def keep_code_answer(attempt: SsoAttempt, answer: dict[str, str]) -> str:
    """OIDC, into the operator admin: its cookies are for its own addresses, so the answer waits there in the same way."""
    return _keep(attempt, come_back_by_code(attempt, answer))


def _keep(attempt: SsoAttempt, said: Assertion) -> str:
    secret, digest = new_secret()
    with transaction.atomic():
        done = SsoAttempt.objects.filter(pk=attempt.pk, used_at=None, finish_digest=None).update(
            finish_digest=digest, answer=_sealed(attempt, "answer", said.as_text())
        )
    if not done:
        raise SsoFailed("attempt_over")
    return secret


def keep_failure(attempt: SsoAttempt, refusal: SsoFailed) -> str:
    """SAML: a test's bad end, to be shown by the same way as a good one."""
    secret, digest = new_secret()
    text = json.dumps({"refused": refusal.code, "why": refusal.why})
    SsoAttempt.objects.filter(pk=attempt.pk, used_at=None).update(
        finish_digest=digest, answer=_sealed(attempt, "answer", text)
    )
    return secret


def find_answered(secret: str, *, client: str, **where: str) -> SsoAttempt:
    """The attempt whose answer waits under this secret, for this client."""
    rows = SsoAttempt.objects.select_related("connection", "user", "session").filter(client=client, **where)
    row = rows.filter(finish_digest=digest_of(secret), used_at=None, expires_at__gt=now()).first() if secret else None
    if row is None:
        raise SsoFailed("attempt_over")
    if not (row.connection.enabled or row.purpose == Purpose.TEST):
        raise SsoFailed("connection_off")
    return row


def kept_answer(attempt: SsoAttempt) -> Assertion:
    """What was kept of a SAML answer; it is gone afterwards."""
    model, field, pk = _bound_to(attempt.pk, "answer")
    stored = json.loads(open_sealed(attempt.answer, model=model, field=field, row=pk))
    SsoAttempt.objects.filter(pk=attempt.pk).update(answer="")
    if "refused" in stored:
        raise SsoFailed(stored["refused"], stored["why"])
    return Assertion.from_stored(stored)


def keep_outcome(attempt: SsoAttempt, outcome: dict[str, object], *, passed: bool) -> None:
    """Of a test: what whoever started it may look at for an hour."""
    moment = now()
    SsoAttempt.objects.filter(pk=attempt.pk).update(
        answer=_sealed(attempt, "answer", json.dumps(outcome, default=str)),
        passed_at=moment if passed else None,
        expires_at=moment + TEST_KEPT,
    )


def outcome_of(attempt: SsoAttempt) -> dict[str, object] | None:
    """What came of a test; None as long as nobody came back."""
    if not attempt.answer or attempt.used_at is None or attempt.expires_at <= now():
        return None
    model, field, pk = _bound_to(attempt.pk, "answer")
    found: dict[str, object] = json.loads(open_sealed(attempt.answer, model=model, field=field, row=pk))
    return found


def callback_url(connection_id: str) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/auth/sso/{connection_id}/callback/"


def _secrets(attempt: SsoAttempt) -> dict[str, str]:
    model, field, pk = _bound_to(attempt.pk, "secrets")
    kept: dict[str, str] = json.loads(open_sealed(attempt.secrets, model=model, field=field, row=pk))
    return kept


def _sealed(attempt: SsoAttempt, field: str, text: str) -> str:
    model, name, pk = _bound_to(attempt.pk, field)
    return seal(text, model=model, field=name, row=pk)


def _bound_to(pk: str, field: str) -> tuple[str, str, str]:
    return "SsoAttempt", field, pk
