"""Where browsers come back to from another house. They answer with redirects, never with JSON: a person sits in front.

What happened stands behind the `#` of the page that they are sent to: no server and no log sees it there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.api.cookies import set_refresh_cookie
from accounts.models import LoginSession, SsoAttempt
from accounts.rest.address import client_ip
from accounts.second_factor.challenges import SecondFactorRequired
from accounts.setup import installation
from accounts.sso import attempts, saml
from accounts.sso.assertion import Assertion
from accounts.sso.ending import (
    From,
    link_by,
    reauthenticate_by,
    record_refused_answer,
    show_failed_test,
    show_test,
    sign_in_by,
)
from accounts.sso.errors import REASONS, SsoFailed
from accounts.sso.logout import sign_out_by
from accounts.tokens import mint_tokens
from core.errors import DomainError, MethodRefused, TooManyRequests
from core.ids import ID_PATTERN
from core.rest.problem import problem_response

PATH, ADMIN_PATH = "/api/v1/auth/sso/", "/admin/sso/"
SIGN_IN, SECURITY, SETTINGS = "/sign-in/", "/settings/security/", "/settings/sso/"
_PARAMETERS = ("code", "state", "iss", "error")
Purpose = SsoAttempt.Purpose


def callback(request: HttpRequest, connection_id: str) -> HttpResponse:
    """An OIDC provider sends the browser back."""
    if request.method != "GET":
        return problem_response(MethodRefused(headers={"Allow": "GET"}))
    given = {name: values[0] for name, values in request.GET.lists() if name in _PARAMETERS and len(values) == 1}
    given = {name: value for name, value in given.items() if len(value) <= 4_000 and "\x00" not in value}

    try:
        attempt = attempts.find_attempt(connection_id, given.get("state", ""))
    except SsoFailed as refusal:
        return _sent_on(None, {"sso_error": refusal.code})
    if attempt.client == LoginSession.Client.ADMIN:
        return _kept(request, attempt, lambda: attempts.keep_code_answer(attempt, given))
    return _end(request, attempt, lambda: attempts.come_back_by_code(attempt, given))


def acs(request: HttpRequest, connection_id: str) -> HttpResponse:
    """A SAML provider has the browser post its answer here, from its own site: our cookie does not come along. The answer
    is checked and kept; the browser brings the cookie with the GET that follows.
    """
    if request.method != "POST":
        return problem_response(MethodRefused(headers={"Allow": "POST"}))
    try:
        attempt = attempts.find_attempt(connection_id, request.POST.get("RelayState", "")[:200])
    except SsoFailed as refusal:
        return _sent_on(None, {"sso_error": refusal.code})
    return _kept(request, attempt, lambda: attempts.keep_response(attempt, request.POST.get("SAMLResponse", "")))


def finish(request: HttpRequest, connection_id: str) -> HttpResponse:
    """The second half of a SAML answer, in the browser that set out."""
    if request.method != "GET":
        return problem_response(MethodRefused(headers={"Allow": "GET"}))

    secret = request.GET.get("ticket", "")[:200]
    try:
        attempt = attempts.find_answered(secret, client=LoginSession.Client.WEB, connection_id=connection_id)
    except SsoFailed as refusal:
        return _sent_on(None, {"sso_error": refusal.code})
    return _end(request, attempt, lambda: attempts.kept_answer(attempt))


def logout(request: HttpRequest, connection_id: str) -> HttpResponse:
    """An OIDC provider itself says that somebody signed out there (Back-Channel Logout 1.0)."""
    if request.method != "POST":
        return problem_response(MethodRefused(headers={"Allow": "POST"}))
    try:
        sign_out_by(connection_id, request.POST.get("logout_token", ""), ip=client_ip(request.META))
    except TooManyRequests as refusal:
        return problem_response(refusal)
    except DomainError as refusal:
        said = {"error": "invalid_request", "error_description": refusal.detail}
        return JsonResponse(said, status=400, headers={"Cache-Control": "no-store"})
    return HttpResponse(status=200, headers={"Cache-Control": "no-store"})


def metadata(request: HttpRequest, connection_id: str) -> HttpResponse:
    """What a SAML provider wants to know about us."""
    if request.method != "GET":
        return problem_response(MethodRefused(headers={"Allow": "GET"}))
    if not ID_PATTERN.match(connection_id):
        connection_id = "unknown"
    text = saml.own_metadata(connection_id, settings.PUBLIC_URL)
    return HttpResponse(text, content_type="application/samlmetadata+xml")


def set_attempt_cookie(response: Any, begun: attempts.Begun) -> None:
    """Lax, as the browser comes back from another site; for ten minutes, for these addresses only."""
    response.set_cookie(
        cookie_name(begun.attempt),
        begun.browser,
        max_age=int(attempts.LIFETIME.total_seconds()),
        path=ADMIN_PATH if begun.attempt.client == LoginSession.Client.ADMIN else PATH,
        httponly=True,
        secure=bool(settings.PRODUCTION),
        samesite="Lax",
    )


def _kept(request: HttpRequest, attempt: SsoAttempt, keep: Callable[[], str]) -> HttpResponse:
    """The answer waits for the browser that set out, which brings its cookie with the GET that follows."""
    try:
        secret = keep()
    except SsoFailed as refusal:
        # Nothing is used up: who posts rubbish here must not be able to spoil somebody's sign-in.
        record_refused_answer(attempt, refusal, ip=client_ip(request.META))
        if attempt.purpose != Purpose.TEST:
            return _sent_on(attempt, {"sso_error": refusal.code})
        secret = attempts.keep_failure(attempt, refusal)
    there = f"{PATH}{attempt.connection_id}/finish/"
    if attempt.client == LoginSession.Client.ADMIN:
        there = f"{ADMIN_PATH}arrive/"
    return _redirect(f"{there}?{urlencode({'ticket': secret})}")


def _end(request: HttpRequest, attempt: SsoAttempt, read: Callable[[], Assertion]) -> HttpResponse:
    try:
        attempts.require_browser(attempt, request.COOKIES.get(cookie_name(attempt), ""))
        attempts.use_up(attempt)
        response = _carry_out(attempt, read, request)
    except SecondFactorRequired as due:
        response = _sent_on(attempt, _challenge(due))
    except DomainError as refusal:
        response = _sent_on(attempt, {"sso_error": reason_code(refusal)})
    response.delete_cookie(cookie_name(attempt), path=PATH, samesite="Lax")
    return response


def reason_code(refusal: DomainError) -> str:
    """The code of REASONS that fits a refusal best."""
    if refusal.code in REASONS:
        return refusal.code
    return "account_disabled" if refusal.status == 401 else "sso_failed"


def _carry_out(attempt: SsoAttempt, read: Callable[[], Assertion], request: HttpRequest) -> HttpResponse:
    browser = From(client_ip(request.META), str(request.META.get("HTTP_USER_AGENT", "")))
    try:
        said = read()
    except SsoFailed as refusal:
        if attempt.purpose == Purpose.TEST:
            show_failed_test(attempt, refusal)
            return _redirect(f"{SETTINGS}#{urlencode({'test': attempt.pk})}")
        record_refused_answer(attempt, refusal, ip=browser.ip)
        raise
    if attempt.purpose == Purpose.TEST:
        show_test(attempt, said)
        return _redirect(f"{SETTINGS}#{urlencode({'test': attempt.pk})}")
    if attempt.purpose == Purpose.LINK:
        link_by(attempt, said, browser=browser)
        return _redirect(attempt.next or f"{SECURITY}#sso=linked")
    if attempt.purpose == Purpose.REAUTHENTICATE:
        reauthenticate_by(attempt, said, browser=browser)
        return _redirect(attempt.next or f"{SECURITY}#sso=reauthenticated")
    session = sign_in_by(attempt, said, browser=browser)
    response = _redirect(attempt.next or "/")
    set_refresh_cookie(response, mint_tokens(session).refresh, session)
    return response


def _challenge(due: SecondFactorRequired) -> dict[str, str]:
    """The second factor's challenge as it fits behind a `#`."""
    webauthn = due.extra.get("webauthn")
    packed = base64.urlsafe_b64encode(json.dumps(webauthn).encode()).rstrip(b"=").decode() if webauthn else ""
    return {
        "sso": due.code,
        "challenge": str(due.extra["challenge"]),
        "methods": ",".join(due.extra["methods"]),
        **({"webauthn": packed} if packed else {}),
    }


def _sent_on(attempt: SsoAttempt | None, told: dict[str, str]) -> HttpResponse:
    """To the page that the person came from, with what happened and where they wanted to go."""
    page = SIGN_IN
    if attempt is not None and attempt.client == LoginSession.Client.ADMIN:
        return _redirect(f"{ADMIN_PATH}arrive/?{urlencode({'error': told['sso_error']})}")
    if attempt is not None:
        page = {Purpose.LINK.value: SECURITY, Purpose.REAUTHENTICATE.value: SECURITY, Purpose.TEST.value: SETTINGS}.get(
            attempt.purpose, SIGN_IN
        )
        if attempt.next:
            told = {**told, "next": attempt.next}
    return _redirect(f"{page}#{urlencode(told)}")


def _redirect(address: str) -> HttpResponse:
    return HttpResponse(
        status=303, headers={"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def cookie_name(attempt: SsoAttempt) -> str:
    prefix = "__Secure-" if settings.PRODUCTION else ""  # taken over TLS only
    return f"{prefix}aap_sso_{installation().name_id}_{attempt.pk[-12:]}"
