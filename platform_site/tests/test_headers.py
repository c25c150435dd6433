"""The headers that tell browsers what not to do, on every kind of answer; and none that lets other sites in."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured

from platform_site.env import BadEnvironment
from tests.architecture.test_routes import ROUTES
from tests.fixtures import front
from tests.fixtures.doors import Client
from tests.fixtures.people import Api

PATHS = [
    "/",
    "/agents/agt_x/",
    "/nothing-here.txt",
    "/static/nothing.css",
    "/_next/nothing.js",
    "/admin/",
    "/admin/login/",
    "/admin/nothing/",
    "/api/v1/setup/",
    "/api/v1/me/",
    "/api/v1/nothing/",
    "/api/docs/",
    "/api/docs/errors/",
    "/api/schema/",
    "/healthz",
    "/readyz",
    "/metrics",
    "http://evil.test/api/v1/me/",
]


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in (part.split() for part in policy.split(";")) if words}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["localhost", "evil.test"])
def test_asvs_3_4_headers_of_every_answer(db: None, path: str, host: str) -> None:
    answer = Client(raise_request_exception=False).get(path, headers={"Host": host, "Origin": "https://evil.test"})
    assert answer.status_code < 500
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Request-ID"]
    assert answer.get("Server", "") == front.server and "X-Powered-By" not in answer.headers
    policy = directives(answer["Content-Security-Policy"])
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    assert "'none'" in policy["default-src"] or policy["object-src"] == ["'none'"]
    assert "'unsafe-inline'" not in policy.get("script-src", policy["default-src"])
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "camera=()" in answer["Permissions-Policy"]
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    if path.startswith("/admin/") and host == "localhost":
        assert answer["Cache-Control"] == "no-store"


def test_the_admin_answers_only_to_the_networks_that_the_operator_named(db: None, settings: Any) -> None:
    browser = Client(raise_request_exception=False)
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    settings.ADMIN_NETWORKS = ["192.0.2.0/24"]
    inside, outside = {"REMOTE_ADDR": "192.0.2.9"}, {"REMOTE_ADDR": "198.51.100.9"}
    assert browser.get("/admin/login/", **inside).status_code == 200  # type: ignore[arg-type]
    assert browser.get("/admin/login/", **outside).status_code == 404  # type: ignore[arg-type]
    assert browser.get("/api/v1/setup/", **outside).status_code == 200  # type: ignore[arg-type]
    for peer, forwarded, status in (
        ("10.0.0.1", "192.0.2.9", 200),
        ("10.0.0.1", "192.0.2.9, 198.51.100.9", 404),
        ("198.51.100.9", "192.0.2.9", 404),
    ):
        answer = browser.get("/admin/login/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
        assert answer.status_code == status, (peer, forwarded)
    assert browser.get("/admin/login/", REMOTE_ADDR="").status_code == 404, "from nobody knows where"
    settings.ADMIN_NETWORKS = []
    assert browser.get("/admin/login/", **outside).status_code == 200  # type: ignore[arg-type]


def test_only_a_named_proxy_says_that_a_request_came_over_tls(db: None, settings: Any) -> None:
    """The admin's sign-in asks for the page's own origin, so what is believed of the scheme shows there; sockets are asked
    alike in agents/tests/test_socket_frames.py."""
    settings.TRUSTED_PROXIES, settings.SECURE_HSTS_SECONDS = ["10.0.0.0/8", "2001:db8::/64"], 60
    for peer, said, over_tls in (
        ("10.0.0.1", "https", True),
        ("::ffff:10.0.0.1", "https", True),
        ("2001:db8::7", "https", True),
        ("10.0.0.1", "http", False),
        ("10.0.0.1", None, False),
        ("10.0.0.1", "https,http", False),
        ("10.0.0.1", "https, https", False),
        ("10.0.0.1", "HTTPS ", False),
        ("198.51.100.9", "https", False),
        ("2001:db9::7", "https", False),
        ("", "https", False),
        ("not an address", "https", False),
    ):
        headers = {"Host": "localhost", **({"X-Forwarded-Proto": said} if said is not None else {})}
        browser = Client(raise_request_exception=False, enforce_csrf_checks=True, REMOTE_ADDR=peer)
        page = browser.get("/admin/login/", headers=headers)
        assert ("Strict-Transport-Security" in page.headers) is over_tls, (peer, said)
        typed = {"username": "x", "password": "y", "csrfmiddlewaretoken": page.context["csrf_token"]}
        for origin, fits in (("https://localhost", over_tls), ("http://localhost", not over_tls)):
            answer = browser.post(
                "/admin/login/", typed, headers={**headers, "Origin": origin, "Referer": f"{origin}/"}
            )
            assert (answer.status_code == 403) is not fits, (peer, said, origin, answer.status_code)


def test_a_network_that_is_none_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_site import env

    monkeypatch.setenv("AAP_ADMIN_NETWORKS", "10.0.0.0/8, everywhere")
    with pytest.raises(BadEnvironment, match="AAP_ADMIN_NETWORKS must list networks"):
        env.read_networks("AAP_ADMIN_NETWORKS")


def test_incident_2_3_no_other_site_may_read_any_route(db: None, nobody: Api) -> None:
    """Preflight and the request itself, on every route of the API, the cookie's included."""
    paths = {"/" + route.replace("<int:number>", "1").replace("<str:", "").replace(">", "") for route, _ in ROUTES}
    assert len(paths) > 30
    origin = {"Origin": "https://evil.test", "Cookie": "sessionid=x"}
    for path in sorted(paths):
        for method, extra in (
            ("OPTIONS", {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}),
            ("GET", {}),
            ("POST", {}),
        ):
            answer = nobody.call(method, path, None, **origin, **extra)
            found = [name for name in answer.headers if name.lower().startswith("access-control-")]
            assert not found, (method, path, found)


def test_the_cookies_refresh_needs_our_header(nobody: Api) -> None:
    for path in ("/api/v1/auth/session/", "/api/v1/auth/session/refresh/"):
        assert nobody.post(path, {}).status_code in (400, 403)
    assert nobody.post("/api/v1/auth/session/refresh/", {}).status_code == 403


def test_the_admins_cookies_stay_in_the_admin(db: None) -> None:
    from accounts.models import User

    User.objects.create_superuser("op@example.com", "a-long-password-1")
    browser = Client()
    page = browser.get("/admin/login/")
    csrf = page.cookies[configured.CSRF_COOKIE_NAME]
    assert (csrf["path"], csrf["samesite"], csrf["httponly"]) == ("/admin/", "Strict", True)
    done = browser.post("/admin/login/?next=/admin/", {"username": "op@example.com", "password": "a-long-password-1"})
    assert done.status_code == 302
    session = done.cookies[configured.SESSION_COOKIE_NAME]
    assert (session["path"], session["samesite"], session["httponly"]) == ("/admin/", "Strict", True)
    # The admin's session is no credential for the API.
    assert browser.get("/api/v1/me/").status_code == 401


def test_metrics_are_for_this_machine_under_its_own_names(db: None, settings: Any) -> None:
    """A page whose name resolves to 127.0.0.1 must not read them."""
    settings.METRICS_TOKEN = "a-token-for-prometheus"
    browser = Client(raise_request_exception=False)
    far = {"REMOTE_ADDR": "203.0.113.7"}
    bearer = {"Authorization": "Bearer a-token-for-prometheus"}
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/metrics", headers={"Host": "rebound.test"}).status_code == 404
    assert browser.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 404
    assert browser.get("/metrics", **far).status_code == 404  # type: ignore[arg-type]
    assert browser.get("/metrics", headers={"Authorization": "Bearer wrong"}, **far).status_code == 404  # type: ignore[arg-type]
    assert browser.get("/metrics", headers={"Host": "web:8000", **bearer}, **far).status_code == 200  # type: ignore[arg-type]


def test_a_setting_that_is_no_number_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_site import env

    monkeypatch.setenv("PORT", "many")
    with pytest.raises(BadEnvironment, match="PORT must be a whole number from 0 to 65535"):
        env.read_int("PORT", 8000, low=0, high=65535)
