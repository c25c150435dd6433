"""The operator admin's door through another house: setting out from its sign-in page, coming back, and a fresh proof.

The admin's cookies are strict: they do not come along when a browser arrives from another site. So whoever comes back lands
on a page that goes on by itself (`arrive`), and only what follows from there signs in or proves.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.admin_actor import admin_actor
from accounts.admin_factor import read_answer
from accounts.admin_login import OperatorSignIn
from accounts.admin_sign_ins import KEY
from accounts.api.sso_doors import ADMIN_PATH, cookie_name, reason_code, set_attempt_cookie
from accounts.models import LoginSession, SsoAttempt, User
from accounts.reauthentication import reauthenticate_with_factor
from accounts.rest.address import client_ip
from accounts.second_factor.challenges import SecondFactorRequired
from accounts.sso import attempts
from accounts.sso.ending import From, reauthenticate_by
from accounts.sso.errors import REASONS, SsoFailed
from accounts.sso.operators import admit_operator, ways_in, ways_to_prove
from core.errors import DomainError, NotFound, ValidationFailed
from core.text_policy import BadText, refuse_bad
from limits.admission import admit, place
from limits.rules import SIGN_ON

HOME, LOGIN = "/admin/", "/admin/login/"
Purpose, ADMIN = SsoAttempt.Purpose, LoginSession.Client.ADMIN


@require_http_methods(["GET", "POST"])
def set_out(request: HttpRequest) -> HttpResponse:
    """Ask for the address, then go to the house that speaks for its domain. People are not looked at."""
    asked = {name: request.POST.get(name, "")[:500] for name in ("email", "connection", "ticket")}
    goal = own_goal(request.POST.get("next") or request.GET.get("next", ""))
    context: dict[str, Any] = {"title": "Continue with your organisation", "next": goal, **asked}
    if request.method == "GET" or not (asked["email"] or asked["connection"]):
        return _page(request, context)
    try:
        for text in asked.values():
            refuse_bad(text)
        admit((SIGN_ON, place(client_ip(request.META))))
        if not asked["connection"]:
            ways = ways_in(asked["email"])
            if len(ways) != 1:
                none = "Operators do not come in this way with this address. Sign in with your password."
                return _page(request, {**context, "ways": ways, "error": "" if ways else none})
            asked["connection"] = ways[0].pk
        begun = attempts.begin(
            asked["connection"], purpose=Purpose.SIGN_IN, client=ADMIN, next_path=goal, ticket=asked["ticket"]
        )
    except BadText:
        return _page(request, {**context, "email": "", "error": REASONS["sso_failed"]}, status=400)
    except DomainError as refusal:
        said = REASONS["not_for_operators"] if isinstance(refusal, NotFound) else refusal.detail
        return _page(request, {**context, "error": said}, status=refusal.status)
    return _going_out(request, begun)


@require_POST
def prove(request: HttpRequest) -> HttpResponse:
    """Whoever is signed in goes to prove themselves anew there; the page that asked for it stays open beside."""
    user, session = _signed_in(request)
    if user is None or session is None:
        return _told(request, "session_over")
    wanted = request.POST.get("connection", "")
    if wanted not in {one.pk for one in ways_to_prove(user)}:
        return _told(request, "not_for_operators")
    try:
        admit((SIGN_ON, place(client_ip(request.META))))
        begun = attempts.begin(wanted, purpose=Purpose.REAUTHENTICATE, client=ADMIN, user=user, session=session)
    except DomainError as refusal:
        return _told(request, reason_code(refusal))
    return _going_out(request, begun)


@require_GET
def arrive(request: HttpRequest) -> HttpResponse:
    """From another site, so without our cookies: nothing happens here but going on."""
    if "ticket" not in request.GET:
        return _told(request, request.GET.get("error", ""))
    return _going_on(request, f"{ADMIN_PATH}finish/?{urlencode({'ticket': request.GET['ticket'][:200]})}")


@require_GET
def finish(request: HttpRequest) -> HttpResponse:
    """The answer that waits is taken by the browser that set out, once."""
    try:
        attempt = attempts.find_answered(request.GET.get("ticket", "")[:200], client=ADMIN)
        attempts.require_browser(attempt, request.COOKIES.get(cookie_name(attempt), ""))
    except SsoFailed as refusal:
        return _told(request, refusal.code)
    try:
        attempts.use_up(attempt)
        response = _carry_out(request, attempt)
    except DomainError as refusal:
        response = _told(request, reason_code(refusal), proving=attempt.purpose == Purpose.REAUTHENTICATE)
    response.delete_cookie(cookie_name(attempt), path=ADMIN_PATH, samesite="Lax")
    return response


@require_POST
def factor(request: HttpRequest) -> HttpResponse:
    """The second factor of a fresh proof, for those who have one."""
    user, session = _signed_in(request)
    if user is None or session is None:
        return _told(request, "session_over", proving=True)
    said, asked = read_answer(request.POST)
    error = "That was not right. Try again."
    if said is not None:
        try:
            actor = admin_actor(request, None, session_id=session.pk)
            reauthenticate_with_factor(actor, user=user, session=session, **said)
            return _page(request, {"title": "Confirmed", "done": True})
        except DomainError as refusal:
            error = refusal.detail
            if refusal.code != "wrong_second_factor":
                asked = None
    return _page(request, {"title": "Your second factor", "asked": asked, "error": error, "proving": True}, status=403)


urlpatterns = [
    path("", set_out, name="admin_sso"),
    path("prove/", prove, name="admin_sso_prove"),
    path("arrive/", arrive),
    path("finish/", finish),
    path("factor/", factor, name="admin_sso_factor"),
]


def own_goal(value: str) -> str:
    """Where in the admin to go on; its start for every other address, wherever it would lead."""
    try:
        return attempts.own_path(refuse_bad(value), client=ADMIN)[:500] if len(value) <= 500 else ""
    except (ValidationFailed, BadText):
        return ""


def _carry_out(request: HttpRequest, attempt: SsoAttempt) -> HttpResponse:
    browser = From(client_ip(request.META), str(request.META.get("HTTP_USER_AGENT", "")))
    said = attempts.kept_answer(attempt)
    if attempt.purpose == Purpose.REAUTHENTICATE:
        try:
            reauthenticate_by(attempt, said, browser=browser)
        except SecondFactorRequired as due:
            return _page(request, {"title": "Your second factor", "asked": due.asked, "proving": True})
        return _page(request, {"title": "Confirmed", "done": True})
    try:
        user, how = admit_operator(attempt, said, ip=browser.ip)
    except SecondFactorRequired as due:
        form = OperatorSignIn(request)
        form.asked = due.asked
        goal = attempt.next or HOME
        shown = {"form": form, "next": goal, "app_path": f"{LOGIN}?{urlencode({'next': goal})}", "title": "Log in"}
        return TemplateResponse(request, "admin/login.html", {**admin.site.each_context(request), **shown})
    request.sign_in_proof = (how, False)  # type: ignore[attr-defined]
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect(attempt.next or HOME)


def _signed_in(request: HttpRequest) -> tuple[User | None, LoginSession | None]:
    user = request.user if isinstance(request.user, User) else None
    return user, LoginSession.objects.filter(pk=request.session.get(KEY)).first() if user is not None else None


def _going_out(request: HttpRequest, begun: attempts.Begun) -> HttpResponse:
    """By a page, not a redirect: the admin's policy lets forms lead nowhere else, and browsers hold redirects to it too."""
    response = _going_on(request, begun.url)
    set_attempt_cookie(response, begun)
    return response


def _going_on(request: HttpRequest, url: str) -> HttpResponse:
    response = _page(request, {"title": "Going on", "url": url})
    response["Referrer-Policy"] = "no-referrer"
    patch_vary_headers(response, ["Cookie"])
    return response


def _told(request: HttpRequest, code: str, *, proving: bool = False) -> HttpResponse:
    said = REASONS.get(code, REASONS["sso_failed"])
    return _page(request, {"title": "That did not work", "error": said, "over": True, "proving": proving}, status=403)


def _page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    shown = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, "admin/sso.html", shown, status=status)
