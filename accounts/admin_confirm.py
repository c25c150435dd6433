"""Before something dangerous in the operator admin: prove once more who you are, and what was typed goes on by itself.

What was posted is shown back in hidden fields of the question, so that nothing of it is lost; the question comes after the
check of the request's origin (CSRF), so that nobody else can put words into an operator's mouth.
"""

from __future__ import annotations

import re
from dataclasses import replace

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin_actor import admin_actor
from accounts.admin_sign_ins import KEY
from accounts.models import LoginSession, User
from accounts.reauthentication import reauthenticate, reauthenticate_with_factor
from accounts.second_factor.challenges import SecondFactorRequired
from accounts.second_factor.proofs import RECOVERY, TOTP, has_factor
from accounts.sessions import ReauthenticationRequired, require_fresh
from core.errors import DomainError

#: People, rights and credentials, the audit log, erasures, the keys of vendors. Stopping a run or answering its question
#: is an operator's daily work and needs no further proof.
DANGEROUS = re.compile(r"^/admin/(accounts|audit|privacy|llm_providers)/|^/admin/password_change/")
PASSWORD, CODE = "_confirm_password", "_confirm_code"  # names of fields
_SIX_DIGITS = re.compile(r"^\s*\d{3}\s?\d{3}\s*$")


def ask_for_proof(request: HttpRequest) -> HttpResponse | None:
    """The question to answer with instead of doing what was asked; None when the request may go on."""
    if request.method != "POST" or not DANGEROUS.match(request.path):
        return None
    user = request.user
    session = LoginSession.objects.filter(pk=request.session.get(KEY)).first()
    if not isinstance(user, User) or session is None:
        return None  # nobody is signed in: the admin itself refuses
    error = ""
    if PASSWORD in request.POST:
        error = _prove(request, user, session)
    if not error:
        try:
            require_fresh(session.pk)
        except ReauthenticationRequired:
            pass
        else:
            _without_proof(request)
            return None
    return _question(request, user, error)


def _prove(request: HttpRequest, user: User, session: LoginSession) -> str:
    """What was wrong with the proof; "" when it was right."""
    actor, code = replace(admin_actor(request, None), session_id=session.pk), request.POST.get(CODE, "")
    try:
        try:
            reauthenticate(actor, user=user, session=session, password=request.POST.get(PASSWORD, ""))
        except SecondFactorRequired as due:
            method = TOTP if _SIX_DIGITS.match(code) else RECOVERY
            reauthenticate_with_factor(
                actor,
                user=user,
                session=session,
                challenge=str(due.extra["challenge"]),
                method=method,
                response=code,
            )
    except DomainError as refused:
        return refused.detail
    return ""


def _without_proof(request: HttpRequest) -> None:
    """What goes on is what was typed first."""
    if PASSWORD in request.POST:
        posted = request.POST.copy()
        for name in (PASSWORD, CODE):
            posted.pop(name, None)
        request.POST = posted  # type: ignore[assignment]


def _question(request: HttpRequest, user: User, error: str) -> HttpResponse:
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in (PASSWORD, CODE, "csrfmiddlewaretoken")
        for value in values
    ]
    context = {
        **admin.site.each_context(request),
        "title": "Confirm that it is you",
        "kept": kept,
        "error": error,
        "asks_code": has_factor(user.pk),
    }
    answer = TemplateResponse(request, "admin/confirm.html", context, status=403)
    answer["Cache-Control"] = "no-store"
    return answer
