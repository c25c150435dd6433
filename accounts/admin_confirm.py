"""Before something dangerous in the operator admin: prove once more who you are, and what was typed goes on by itself.

What was posted is shown back in hidden fields of the question, so that nothing of it is lost; the question comes after the
check of the request's origin (CSRF), so that nobody else can put words into an operator's mouth.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin_actor import admin_actor
from accounts.admin_factor import FIELDS, read_answer
from accounts.admin_sign_ins import KEY
from accounts.models import LoginSession, User
from accounts.reauthentication import reauthenticate, reauthenticate_with_factor
from accounts.second_factor.challenges import Asked, SecondFactorRequired
from accounts.second_factor.proofs import RECOVERY, TOTP, has_factor
from accounts.sessions import ReauthenticationRequired, require_fresh
from accounts.sso.enforcement import enforcing
from accounts.sso.operators import ways_to_prove
from core.authz import Actor
from core.errors import DomainError

#: People, rights and credentials, the audit log, erasures, the keys of vendors. Stopping a run or answering its question
#: is an operator's daily work and needs no further proof.
DANGEROUS = re.compile(
    r"^/admin/(accounts|audit|privacy|llm_providers)/|^/admin/agents/\w+grant/|^/admin/password_change/"
)
_PREFIX = "_confirm_"
PASSWORD, CODE = f"{_PREFIX}password", f"{_PREFIX}code"  # names of fields
#: All that belongs to the proof, and not to what was typed first.
PROOF = (PASSWORD, CODE, *(f"{_PREFIX}{name}" for name in FIELDS))
_SIX_DIGITS = re.compile(r"^\s*\d{3}\s?\d{3}\s*$")


def ask_for_proof(request: HttpRequest) -> HttpResponse | None:
    """The question to answer with instead of doing what was asked; None when the request may go on."""
    if request.method != "POST" or not DANGEROUS.match(request.path):
        return None
    user = request.user
    session = LoginSession.objects.filter(pk=request.session.get(KEY)).first()
    if not isinstance(user, User) or session is None:
        return None  # nobody is signed in: the admin itself refuses
    error, asked = "", None
    if f"{_PREFIX}challenge" in request.POST:
        error, asked = _prove_with_factor(request, user, session)
    elif PASSWORD in request.POST:
        error, asked = _prove(request, user, session)
    if not error and asked is None:
        try:
            require_fresh(session.pk)
        except ReauthenticationRequired:
            pass
        else:
            _without_proof(request)
            return None
    return _question(request, user, session, error, asked)


def _prove(request: HttpRequest, user: User, session: LoginSession) -> tuple[str, Asked | None]:
    """(what was wrong with the proof, what is still due); "" and None when it was right."""
    actor, code = admin_actor(request, None, session_id=session.pk), request.POST.get(CODE, "")
    try:
        reauthenticate(actor, user=user, session=session, password=request.POST.get(PASSWORD, ""))
    except SecondFactorRequired as due:
        if not code.strip():
            return "", due.asked
        method = TOTP if _SIX_DIGITS.match(code) else RECOVERY
        said = {"challenge": due.asked.challenge, "method": method, "response": code}
        return _answered(actor, user, session, said, due.asked)
    except DomainError as refused:
        return refused.detail, None
    return "", None


def _prove_with_factor(request: HttpRequest, user: User, session: LoginSession) -> tuple[str, Asked | None]:
    """The second half, when the password came before."""
    said, asked = read_answer(request.POST, prefix=_PREFIX)
    if said is None:
        return "That was not right. Try again.", asked
    return _answered(admin_actor(request, None, session_id=session.pk), user, session, said, asked)


def _answered(
    actor: Actor, user: User, session: LoginSession, said: dict[str, Any], asked: Asked | None
) -> tuple[str, Asked | None]:
    try:
        reauthenticate_with_factor(actor, user=user, session=session, **said)
    except DomainError as refused:
        return refused.detail, asked if refused.code == "wrong_second_factor" else None
    return "", None


def _without_proof(request: HttpRequest) -> None:
    """What goes on is what was typed first."""
    if any(name in request.POST for name in PROOF):
        posted = request.POST.copy()
        for name in PROOF:
            posted.pop(name, None)
        request.POST = posted  # type: ignore[assignment]


def _question(request: HttpRequest, user: User, session: LoginSession, error: str, asked: Asked | None) -> HttpResponse:
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in (*PROOF, "csrfmiddlewaretoken")
        for value in values
    ]
    by_password = user.has_usable_password() and not enforcing(user)
    if asked is None and not user.has_usable_password() and has_factor(user.pk):
        # Nothing comes before the second factor then: it is asked for at once.
        again, asked = _prove(request, user, session)
        error = error or again
    context = {
        **admin.site.each_context(request),
        "title": "Confirm that it is you",
        "kept": kept,
        "error": error,
        "asked": asked,
        "asks_password": by_password,
        "asks_code": by_password and has_factor(user.pk),
        "ways": ways_to_prove(user),
    }
    answer = TemplateResponse(request, "admin/confirm.html", context, status=403)
    answer["Cache-Control"] = "no-store"
    return answer
