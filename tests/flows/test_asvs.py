"""Requirements of OWASP ASVS 5.0.0 that no other test tries, through the doors a user has. docs/asvs.md lists them all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from platform_site.tests.test_headers import PATHS
from tests.fixtures import front
from tests.fixtures.doors import Client
from tests.fixtures.people import PASSWORD, Api
from tests.flows.test_bad_input import rows
from tests.flows.test_incidents import INSIDE, fill


def browser() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    "path",
    [
        "/.git/config",
        "/.git/HEAD",
        "/.env",
        "/.venv/pyvenv.cfg",
        "/manage.py",
        "/requirements.txt",
        "/data/platform.sqlite3",
        "/platform_site/settings/base.py",
        "/static/",
        "/static/admin/",
        "/_next/",
        "/_next/static/",
        "/static/../manage.py",
        "/static/%2e%2e/manage.py",
        "/_next/..%2f..%2fpackage.json",
        "/server-status",
        "/debug/",
        "/__debug__/",
        "/silk/",
    ],
)
def test_asvs_13_4_1_13_4_3_13_4_5_only_what_is_meant_is_served(db: None, path: str) -> None:
    # A proxy takes no path that leaves the root.
    assert browser().get(path).status_code == (404 if front.door is None or "..%2f.." not in path else 400)


def test_asvs_13_4_4_trace_is_refused(owner: Api) -> None:
    for path in ("/", "/healthz", "/api/v1/me/", "/admin/login/", "/static/error.css", f"{owner.base}agents/"):
        answer = owner.call("TRACE", path, None, X_Canary="canary-7319")
        assert answer.status_code in (403, 404, 405), path
        assert b"canary-7319" not in answer.content


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "//evil.test/..",
        "/\\evil.test",
        "/%5cevil.test",
        "///evil.test/agents",
        "/agents?next=//evil.test",
    ],
)
def test_asvs_3_7_2_no_answer_leads_elsewhere(db: None, path: str) -> None:
    """Neither a page's own way to its last slash nor a sign-in that was told where to go on."""
    from accounts.models import User

    location = browser().get(path).headers.get("Location", "/")
    assert location.startswith("/") and not location.startswith(("//", "/\\"))
    User.objects.create_superuser("op@example.com", PASSWORD)
    for target in (f"https:{path}", path, "javascript:alert(1)", "data:text/html,x"):
        signed_in = browser().post(
            "/admin/login/", {"username": "op@example.com", "password": PASSWORD, "next": target}
        )
        location = signed_in.headers.get("Location", "/admin/")
        assert location.startswith("/") and not location.startswith(("//", "/\\")), (target, location)


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("/")])
def test_asvs_4_1_1_4_1_2_answers_say_what_they_are(db: None, path: str) -> None:
    """And are given as they were asked for: nothing sends a program from http to https and hides its mistake."""
    answer = browser().get(path)
    if answer.content:
        kind = answer["Content-Type"]
        text = kind.startswith("text/") and not kind.startswith("text/plain; version")
        assert "charset=utf-8" in kind.lower() if text else "/" in kind, kind
        if "json" in kind:
            assert answer.content[:1] in (b"{", b"[")
    assert not answer.headers.get("Location", "").startswith("https:")


def test_asvs_3_5_3_reading_changes_nothing(owner: Api, agent: dict[str, Any]) -> None:
    run = owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}).data
    ids = {"agent_id": agent["id"], "run_id": run["id"], "conversation_id": run["conversation"]}
    before = rows()
    for route, found in INSIDE:
        path = route
        for name, value in ids.items():
            path = path.replace(f"<str:{name}>", value)
        if "GET" in found:
            assert owner.get(owner.base + fill(path, "x")).status_code in (200, 403, 404), route
            assert owner.call("HEAD", owner.base + fill(path, "x")).status_code < 500, route
    assert rows() == before


def test_asvs_14_3_2_what_is_secret_stays_in_no_cache(owner: Api, nobody: Api, agent: dict[str, Any]) -> None:
    signed_in = nobody.post("auth/token/", {"email": "nobody@example.com", "password": "wrong-password"})
    answers = [
        signed_in,
        owner.post("api-tokens/", {"name": "t", "scopes": ["agent.view"]}),
        owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}}),
        owner.get("agents/agt_nothing/"),
        owner.get("audit/"),
        owner.get("members/"),
        owner.get("/api/v1/me/"),
    ]
    personal = [
        "members/", "invitations/", "audit/", "api-tokens/",
        f"agents/{agent['id']}/grants/", f"agents/{agent['id']}/access/",
        "/api/v1/me/", "/api/v1/me/sessions/", "/api/v1/me/second-factors/", "/api/v1/me/identities/",
    ]  # fmt: skip
    for path in personal:
        answer = owner.get(path)
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store"), path
        again = owner.get(path, If_None_Match=answer["ETag"])
        assert again["Cache-Control"] == "no-store", path
    for answer in [*answers, nobody.get("setup/")]:
        kept = answer["Cache-Control"]
        assert kept == "no-store" or (kept == "private, no-cache" and answer["ETag"]), (
            answer.request["PATH_INFO"],
            kept,
        )


def test_asvs_3_3_1_the_refresh_cookie_is_for_tls_only_in_production(make_person: Any, settings: Any) -> None:
    person = make_person(email="ann@example.com").person
    person.set_password(PASSWORD)
    person.save()
    settings.PRODUCTION = True
    web = Client(headers={"X-AAP-Client": "web"})
    body = {"email": "ann@example.com", "password": PASSWORD}
    (cookie,) = web.post("/api/v1/auth/session/", body, content_type="application/json").cookies.values()
    assert cookie.key.startswith("__Secure-aap_refresh_") and cookie["secure"] and cookie["httponly"]
    assert web.post("/api/v1/auth/session/refresh/", {}, content_type="application/json").status_code == 200
    gone = web.delete("/api/v1/auth/session/").cookies[cookie.key]
    assert (gone.value, gone["secure"], gone["path"]) == ("", True, cookie["path"])


def test_asvs_7_3_1_7_3_2_a_sign_in_ends_unused_and_after_long_use(make_person: Any, nobody: Api) -> None:
    from accounts.models import LoginSession

    person = make_person(email="ann@example.com").person
    person.set_password(PASSWORD)
    person.save()
    pair = nobody.post("auth/token/", {"email": "ann@example.com", "password": PASSWORD}).data
    session = LoginSession.objects.filter(user=person).latest("created_at")
    LoginSession.objects.filter(pk=session.pk).update(created_at=now() - timedelta(days=89, hours=23))
    pair = nobody.post("auth/token/refresh/", {"refresh": pair["refresh"]}).data
    session.refresh_from_db()
    assert session.expires_at - now() < timedelta(hours=1, minutes=1), "ninety days are the most"
    LoginSession.objects.filter(pk=session.pk).update(expires_at=now() - timedelta(seconds=1))
    assert nobody.post("auth/token/refresh/", {"refresh": pair["refresh"]}).status_code == 401
    assert Api(pair["access"], "/api/v1/").get("me/").status_code == 401


ENDS = [
    "1",
    "12",
    "123",
    "1234",
    "12345",
    "!",
    "!!",
    "01",
    "99",
    "2024",
    "2025",
    "2026",
    "2026!",
    "#1",
    "@123",
    ".1.",
    "007",
]


def test_asvs_6_2_4_6_2_12_what_is_tried_first_is_refused(owner: Api) -> None:
    """Of what fits our rules, more than the three thousand that are tried first; a sample of them through the door."""
    from django.contrib.auth.password_validation import get_default_password_validators
    from django.core.exceptions import ValidationError

    from accounts.passwords import GuessedFirstValidator

    (validator,) = (one for one in get_default_password_validators() if isinstance(one, GuessedFirstValidator))
    listed = sorted(word for word in validator.passwords if len(word) >= 10)
    words = ["monkey", "dragon", "princess", "football", "sunshine", "iloveyou", "michael", "superman", "starwars"]
    made = [word + end for word in (*words, *listed[::10]) for end in ENDS] + [word * 2 for word in words]
    guesses = {word for word in (*listed, *made) if len(word) >= 10}
    assert len(guesses) > 4_500
    for guess in guesses:
        with pytest.raises(ValidationError):
            validator.validate(guess)
    for guess in [
        "Sunshine2026!",
        "12Football34",
        "dragondragon",
        "MONKEY!!!!!",
        "qwerty123456",
        *sorted(guesses)[::1500],
    ]:
        sent = owner.post("/api/v1/me/password/", {"current_password": "", "new_password": guess})
        assert sent.status_code in (400, 401), guess
    for good in ("dragon riders eat plums", "monkey8351940271", "8046193557201", "sunflower-tractor"):
        validator.validate(good)
