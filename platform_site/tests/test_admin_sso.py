"""The operator admin's door through another house, and a fresh proof there or by a security key."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LoginSession, Membership, ScimUser, SsoAttempt, SsoConnection, SsoIdentity, User
from accounts.tests.test_saml import answered as answered_by_saml
from accounts.tests.test_saml import corp as saml_corp  # noqa: F401
from accounts.tests.test_second_factors import add_app
from audit.models import AuditEntry
from platform_site.tests.operators_house import OPERATOR, USERS, arriving, back, is_in, leads_to, setting_out
from tests.fixtures.doors import Client
from tests.fixtures.houses import Issuer, approve, connect, fresh_browser, is_signed_in, start
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.security_key import totp

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_an_operator_under_an_enforcing_workspace_comes_in_by_sso(operator: Api, house: str, issuer: Issuer) -> None:
    browser = Client()
    assert b"Continue with your organisation" in browser.get("/admin/login/?next=/admin/agents/run/").content
    url = setting_out(browser, email="Whoever@CORP.example", next="/admin/agents/run/")
    assert url.startswith(issuer.origin)
    done = back(browser, issuer, url)
    assert (done.status_code, done["Location"]) == (302, "/admin/agents/run/")
    assert is_in(browser)
    session = LoginSession.objects.get(user=operator.person, client="admin")
    assert session.how == f"sso:{house}" and not session.second_factor
    entry = AuditEntry.objects.filter(kind="session.sign_in", outcome="done", data__client="admin").get()
    assert entry.data["how"] == f"sso:{house}"
    assert is_signed_in(Api(None, "/api/v1/", http=browser)) is None, "the web client is another door"
    for name in ("aap_sso", "aap_admin"):
        cookie = next(one for key, one in browser.cookies.items() if key.startswith(name))
        assert cookie["path"].startswith("/admin/")


def test_the_same_through_saml(make_person: Any, workspace: Any, request: Any, saml_house: str, client: Client) -> None:
    corp = request.getfixturevalue("saml_corp")
    boss = make_person(workspace, "user", email="boss@corp.example").person
    User.objects.filter(pk=boss.pk).update(is_staff=True, is_superuser=True)
    SsoIdentity.objects.create(
        connection_id=corp, user=boss, issuer=f"{saml_house}/metadata", subject="persistent-boss", called=""
    )
    call_command("sso_operators", workspace.slug)
    posted = answered_by_saml(setting_out(client), "boss", corp)
    sent = Client().post(f"/api/v1/auth/sso/{corp}/acs/", {key: posted[key] for key in ("SAMLResponse", "RelayState")})
    assert sent["Location"].startswith("/admin/sso/arrive/?")
    ticket = urlsplit(sent["Location"]).query
    assert Client().get(f"/api/v1/auth/sso/{corp}/finish/?{ticket}")["Location"].startswith("/sign-in/#sso_error")
    assert client.get(f"/admin/sso/finish/?{ticket}").status_code == 302
    assert is_in(client)


def test_a_password_leads_to_the_house_and_links_whoever_was_there_before(
    operator: Api, house: str, issuer: Issuer
) -> None:
    SsoIdentity.objects.all().delete()
    operator.person.set_password(PASSWORD)
    operator.person.save()
    browser = Client()
    assert b"link it under Settings" in back(browser, issuer, setting_out(browser)).content
    page = browser.post("/admin/login/", {"username": OPERATOR["email"], "password": PASSWORD})
    text = page.content.decode()
    assert "Passwords are not accepted" in text and "Continue with Corp" in text
    ticket = html.unescape(re.search(r'name="ticket" value="([^"]+)"', text)[1])  # type: ignore[index]
    url = setting_out(browser, email="", connection=house, ticket=ticket)
    assert back(browser, issuer, url).status_code == 302 and is_in(browser)
    assert SsoIdentity.objects.get().user == operator.person


def test_a_second_factor_is_asked_for_on_the_way(operator: Api, issuer: Issuer, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = True
    browser = Client()
    refused = back(browser, issuer, setting_out(browser))
    assert refused.status_code == 403 and b"Set one up in the web client first" in refused.content
    entry = AuditEntry.objects.get(kind="session.sign_in", outcome="denied")
    assert entry.data["why"] == "second_factor_enrolment_required"
    settings.REQUIRE_SECOND_FACTOR = False
    uri, _ = add_app(operator)
    settings.REQUIRE_SECOND_FACTOR = True
    page = back(browser, issuer, setting_out(browser, next=USERS))
    assert page.status_code == 200 and not is_in(browser)
    text = page.content.decode()
    action = html.unescape(re.search(r'<form action="([^"]+)"', text)[1])  # type: ignore[index]
    challenge = re.search(r'name="challenge" value="([^"]+)"', text)[1]  # type: ignore[index]
    form = {"challenge": challenge, "method": "totp", "next": USERS}
    assert browser.post(action, {**form, "response": "000000"}).status_code == 200 and not is_in(browser)
    done = browser.post(action, {**form, "response": totp(uri)})
    assert (done.status_code, done["Location"]) == (302, USERS)
    assert is_in(browser)
    assert LoginSession.objects.get(client="admin").second_factor


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/",
        "//evil.example/admin/",
        "/admin/../../evil",
        "/admin//evil.example",
        "/admin/\\evil.example",
        "/\\evil.example",
        "/agents/",
        "javascript:alert(1)",
        "/admin/\r\nX: y",
        "/admin/" + "x" * 600,
        "/admin/\x00",
    ],
)
def test_it_leads_nowhere_but_into_the_admin(goal: str, operator: Api, issuer: Issuer) -> None:
    browser = Client()
    done = back(browser, issuer, setting_out(browser, next=goal))
    assert done.status_code == 302
    to = done["Location"]
    assert to == "/admin/" or (to.startswith("/admin/") and "\\" not in to and "\n" not in to)
    assert urlsplit(to).netloc == ""


def test_nobody_else_comes_in(
    operator: Api, house: str, issuer: Issuer, owner: Api, make_person: Any, workspace: Any, make_workspace: Any
) -> None:
    browser = Client()
    plain = make_person(workspace, "owner", email="plain@corp.example").person
    SsoIdentity.objects.create(connection_id=house, user=plain, issuer=issuer.origin, subject="plain", called="")
    for claims in ({"sub": "plain", "email": plain.email}, {"sub": "new", "email": "new@corp.example"}):
        refused = back(browser, issuer, setting_out(browser), **claims)
        assert refused.status_code == 403 and b"may not open the operator admin" in refused.content
    assert not User.objects.filter(email="new@corp.example").exists(), "nobody joins on the way"
    assert AuditEntry.objects.filter(kind="session.sign_in", outcome="denied", data__why="no_operator").exists()
    assert not LoginSession.objects.filter(client="admin").exists()

    other = make_workspace("Other")
    foreign = make_person(other, "owner")
    approve(other, "other.example")
    theirs = connect(foreign, issuer.origin, domains=["other.example"])
    assert setting_out(browser, email="op@other.example") == "", "no operator opened it"
    assert setting_out(browser, email="", connection=theirs) == ""
    call_command("sso_operators", other.slug)
    refused = back(browser, issuer, setting_out(browser, email="op@other.example"), sub="op")
    assert refused.status_code == 403 and not is_in(browser), "it does not know our operator, whatever it says"
    SsoIdentity.objects.create(
        connection_id=theirs, user=operator.person, issuer=issuer.origin, subject="op", called=""
    )
    refused = back(browser, issuer, setting_out(browser, email="op@other.example"))
    assert refused.status_code == 403 and b"not a member" in refused.content
    assert not LoginSession.objects.filter(client="admin").exists()


def test_an_answer_is_good_once_in_its_own_browser_and_at_its_own_door(
    operator: Api, house: str, issuer: Issuer
) -> None:
    browser, thief = Client(), Client()
    place = issuer.answer_to(setting_out(browser))
    issuer.claims = OPERATOR
    there = urlsplit(place)
    sent = browser.get(f"{there.path}?{there.query}")["Location"]
    ticket = urlsplit(sent).query
    assert thief.get(f"/admin/sso/finish/?{ticket}").status_code == 403 and not is_in(thief)
    assert fresh_browser().http.get(f"/api/v1/auth/sso/{house}/finish/?{ticket}")["Location"].startswith("/sign-in/#")
    assert browser.get(f"{there.path}?{there.query}")["Location"] == "/admin/sso/arrive/?error=attempt_over"
    assert browser.get(f"/admin/sso/finish/?{ticket}").status_code == 302
    assert browser.get(f"/admin/sso/finish/?{ticket}").status_code == 403, "replayed"
    assert "attempt_over" in browser.get(f"{there.path}?{there.query}")["Location"]
    for bad in ("", "ticket=", "ticket=x", "ticket=%00", "error=<script>", "error=%00", "error=no_operator"):
        page = Client().get(f"/admin/sso/arrive/?{bad}")
        assert page.status_code in (200, 403) and b"<script>" + b"alert" not in page.content
    web = fresh_browser()
    url = start(web, house)
    assert SsoAttempt.objects.order_by("-created_at")[0].client == "web"
    place = urlsplit(issuer.answer_to(url))
    assert web.http.get(f"{place.path}?{place.query}")["Location"] == "/", "the web client's door is as it was"


def test_what_it_trusts_changes_and_operators_stay_out(
    operator: Api, owner: Api, house: str, issuer: Issuer, workspace: Any
) -> None:
    """Otherwise a workspace's owner could have another house say that they are an operator."""
    browser = Client()
    back(browser, issuer, setting_out(browser))
    assert is_in(browser)
    waiting = Client()
    under_way = issuer.answer_to(setting_out(waiting))
    assert owner.patch(f"sso/{house}/", {"name": "Corporation"}).status_code == 200
    assert is_in(browser), "a name is nothing to trust"
    assert owner.patch(f"sso/{house}/", {"client_id": "another"}).status_code == 200
    assert not is_in(browser)
    assert setting_out(browser) == "" and setting_out(browser, email="", connection=house) == ""
    SsoConnection.objects.update(client_id="client")
    issuer.claims = OPERATOR
    refused = arriving(waiting, urlsplit(under_way))
    assert refused.status_code == 403 and b"Operators may not come in this way" in refused.content
    assert b"Continue with your organisation" not in Client().get("/admin/login/").content


def test_g27_a_house_that_no_operator_opened_leads_nowhere(operator: Api, house: str, issuer: Issuer) -> None:
    assert setting_out(Client(), email="", connection=house).startswith(issuer.origin)
    SsoConnection.objects.update(opens_admin_since=None)
    page = Client().post("/admin/sso/", {"email": "", "connection": house})
    assert page.status_code == 404 and leads_to(page) == ""


def test_g27_who_waits_for_a_first_visit_does_not_make_it_here(operator: Api, house: str, issuer: Issuer) -> None:
    """A directory made the account, and an operator of it was made since: the admin links nobody on the way."""
    SsoIdentity.objects.all().delete()
    LoginSession.objects.all().delete()
    workspace = SsoConnection.objects.get().workspace
    ScimUser.objects.create(
        workspace=workspace, user=operator.person, user_name="op", email=OPERATOR["email"], made=True
    )
    browser = Client()
    refused = back(browser, issuer, setting_out(browser))
    assert refused.status_code == 403 and b"link it under Settings" in refused.content
    assert not SsoIdentity.objects.exists() and not LoginSession.objects.exists()


def test_g27_an_operator_comes_through_the_house_that_asks_for_them(
    operator: Api, house: str, issuer: Issuer, make_workspace: Any, make_person: Any
) -> None:
    """Another workspace's house knows them as well, and an operator opened it."""
    other = make_workspace("Other")
    approve(other, "other.example")
    theirs = connect(make_person(other, "owner"), issuer.origin, domains=["other.example"])
    Membership.objects.create(workspace=other, user=operator.person, role="user")
    SsoIdentity.objects.create(
        connection_id=theirs, user=operator.person, issuer=issuer.origin, subject="op", called=""
    )
    call_command("sso_operators", other.slug)
    browser = Client()
    refused = back(browser, issuer, setting_out(browser, email="op@other.example"))
    assert refused.status_code == 403 and not is_in(browser)
    assert (
        AuditEntry.objects.filter(kind="session.sign_in", outcome="denied").latest("pk").data["why"] == "sso_required"
    )
    assert back(browser, issuer, setting_out(browser)).status_code == 302 and is_in(browser)


def test_operators_open_and_close_it_in_the_admin(house: str, workspace: Any) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    chosen = {"_selected_action": [house]}
    assert browser.post("/admin/accounts/ssoconnection/", {"action": "let_operators_in", **chosen}).status_code == 302
    assert SsoConnection.objects.get().opens_admin
    assert browser.post("/admin/accounts/ssoconnection/", {"action": "keep_operators_out", **chosen}).status_code == 302
    assert not SsoConnection.objects.get().opens_admin
    kinds = AuditEntry.objects.filter(kind__in=("sso.open_admin", "sso.close_admin"), outcome="done")
    assert {(one.workspace_id, one.target_id) for one in kinds} == {(workspace.pk, house)} and kinds.count() == 2
    with pytest.raises(CommandError):
        call_command("sso_operators", "nowhere")
