"""The way to an OpenID provider and back: where it may lead, what is asked of a provider, and providers that are away."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import SsoConnection
from tests.fixtures.houses import (
    Issuer,
    come_back,
    connect,
    fresh_browser,
    is_signed_in,
    opened,
    start,
    through,
    told,
)
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "where", ["//evil.example", "/\\evil.example", "https://evil.example", "agents", "/a\nb", "/api/v1/", "/admin/"]
)
def test_nobody_is_sent_to_another_site_afterwards(where: str, house: str) -> None:
    answer = fresh_browser().post("auth/sso/start/", {"connection": house, "next": where}, X_AAP_Client="web")
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "next")


def test_setting_out_is_for_the_web_client_and_for_connections_that_are_on(owner: Api, house: str) -> None:
    assert fresh_browser().post("auth/sso/start/", {"connection": house}).status_code == 403
    assert owner.patch(f"sso/{house}/", {"enabled": False}).status_code == 200
    for pk in (house, "sso_00000000000000000000000000", "", "%"):
        answer = fresh_browser().post("auth/sso/start/", {"connection": pk}, X_AAP_Client="web")
        assert answer.status_code in (400, 404)
    assert fresh_browser().post("auth/sso/discover/", {"email": "a@corp.example"}).data == {"connections": []}


def test_discovery_is_the_same_for_everybody(house: str, make_person: Any, workspace: Any) -> None:
    make_person(workspace, "user", email="known@corp.example")
    answers = [
        fresh_browser().post("auth/sso/discover/", {"email": email}).content
        for email in ("known@corp.example", "unknown@corp.example")
    ]
    assert answers[0] == answers[1]
    for email in ("", "corp.example", "a@sub.corp.example", "a@b", "%@%"):
        assert fresh_browser().post("auth/sso/discover/", {"email": email}).data.get("connections", []) == (
            [{"id": house, "name": "Corp", "kind": "oidc", "enforced": False}] if email == "corp.example" else []
        )


def test_issuers_are_fetched_through_the_guard(owner: Api, issuer: Issuer, settings: Any) -> None:
    body = {"kind": "oidc", "name": "N", "client_id": "c", "domains": []}
    for address in ("http://169.254.169.254", "http://127.0.0.1:1", "https://localhost", "file:///etc/passwd", "x"):
        answer = owner.post("sso/", {**body, "issuer": address})
        assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "issuer"), address
    issuer.redirect_to = "http://169.254.169.254/"
    assert owner.post("sso/", {**body, "issuer": issuer.origin}).status_code == 400, "redirects are not followed"
    issuer.redirect_to = ""
    answer = owner.post("sso/", {**body, "issuer": issuer.origin + "/"})
    assert answer.status_code == 400 and "speaks for the issuer" in answer.data["detail"]
    settings.ALLOWED_PRIVATE_HOSTS = ()
    assert owner.post("sso/", {**body, "issuer": issuer.origin}).status_code == 400
    assert not SsoConnection.objects.exists()


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///x", "http://x.example/", "https://u:p@x.example/", "//x", 7]
)
def test_incident_2_57_only_plain_endpoints_are_taken(address: Any, owner: Api, issuer: Issuer) -> None:
    document = issuer.document()
    issuer.document = lambda: {**document, "authorization_endpoint": address}  # type: ignore[method-assign]
    answer = owner.post("sso/", {"kind": "oidc", "name": "N", "client_id": "c", "issuer": issuer.origin})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "issuer")


def test_a_provider_that_is_away_is_said_to_be(house: str, issuer: Issuer, settings: Any) -> None:
    browser = fresh_browser()
    place = issuer.answer_to(start(browser, house))
    settings.ALLOWED_PRIVATE_HOSTS = ()
    assert told(come_back(browser, place)) == {"sso_error": "provider_unreachable"}


def test_two_issuers_share_no_subjects(owner: Api, house: str, issuer: Issuer, settings: Any) -> None:
    with opened(Issuer()) as second:
        settings.ALLOWED_PRIVATE_HOSTS = tuple(one.origin.removeprefix("http://") for one in (issuer, second))
        assert through(issuer, house) == {}
        other = connect(owner, second.origin, name="Second")
        second.claims = {"email": "two@corp.example"}
        browser = fresh_browser()
        assert through(second, other, browser) == {}
        assert is_signed_in(browser) == "two@corp.example"
