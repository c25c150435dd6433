"""Where a workspace lets its people in through its own provider only: every door, the way there, and the way out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import LoginSession, SsoConnection, SsoDomain, SsoIdentity, User
from audit.models import AuditEntry
from tests.fixtures.doors import Client
from tests.fixtures.houses import Issuer, approve, come_back, connect, fresh_browser, is_signed_in, start, told
from tests.fixtures.people import PASSWORD, Api
from tests.fixtures.post_office import PostOffice, deliver_due

pytestmark = pytest.mark.django_db
WEB = {"X_AAP_Client": "web"}


@pytest.fixture
def house(owner: Api, workspace: Any, issuer: Issuer) -> str:
    approve(workspace, "corp.example")
    return connect(owner, issuer.origin)


def there_and_back(issuer: Issuer, url: str, browser: Api, **claims: Any) -> str:
    place = issuer.answer_to(url)
    issuer.claims = claims
    return come_back(browser, place)


@pytest.fixture
def enforced(owner: Api, house: str, issuer: Issuer) -> str:
    """As an owner does it: link oneself, test, switch it on."""
    mine = {"sub": "the-owner", "email": "olga@corp.example"}
    linked = there_and_back(issuer, start(owner, house, purpose="link"), owner, **mine)
    assert linked == "/settings/security/#sso=linked"
    begun = owner.post(f"sso/{house}/test/", {}).data
    there_and_back(issuer, begun["url"], owner, **mine)
    assert owner.get(f"sso/{house}/tests/{begun['test']}/").data["counts"]
    assert owner.patch(f"sso/{house}/", {"enforced": True}).status_code == 200
    return house


@pytest.fixture
def ann(make_person: Any, workspace: Any) -> Api:
    """Somebody of the house who was there before."""
    api: Api = make_person(workspace, "user", email="ann@corp.example")
    api.person.set_password(PASSWORD)
    api.person.save()
    return api


def sign_in(email: str, path: str = "auth/token/") -> Any:
    return fresh_browser().post(path, {"email": email, "password": PASSWORD}, **WEB)


@pytest.mark.django_db(transaction=True)  # mails are sent from threads of their own
def test_every_door_for_passwords_says_where_to_go(
    ann: Api, enforced: str, post_office: PostOffice, settings: Any
) -> None:
    for path in ("auth/token/", "auth/session/"):
        answer = sign_in("ann@corp.example", path)
        assert (answer.status_code, answer.data["code"]) == (403, "sso_required")
        assert answer.data["connections"] == [{"id": enforced, "name": "Corp", "kind": "oidc"}]
    wrong = fresh_browser().post("auth/token/", {"email": "ann@corp.example", "password": "not-it"})
    assert (wrong.status_code, wrong.data["code"]) == (401, "wrong_credentials"), "only who knows the password is told"
    User.objects.filter(pk=ann.person.pk).update(is_staff=True, is_superuser=True)
    page = Client().post("/admin/login/", {"username": "ann@corp.example", "password": PASSWORD})
    assert page.status_code == 200 and "sign in through Corp" in page.content.decode()
    assert not LoginSession.objects.filter(user=ann.person, ended_at=None).exists()
    fresh_browser().post("auth/password/reset/", {"email": "ann@corp.example"})
    deliver_due()
    assert len(post_office.letters) == 1
    text = post_office.text_to("ann@corp.example")
    assert "through Corp" in text and "/sign-in/#email=ann%40corp.example" in text and "linked first" in text
    assert "token=" not in text and "reset-password" not in text, "no link for a password that opens nothing"
    assert AuditEntry.objects.get(kind="password.reset_request").data == {"answer": "sso_required"}


@pytest.mark.django_db(transaction=True)  # mails are sent from threads of their own
def test_who_asks_for_a_new_password_learns_nothing_about_the_house(
    ann: Api, enforced: str, post_office: PostOffice, make_person: Any, workspace: Any
) -> None:
    """The answer, and what is done before it, are the same for a person of the house, a guest and nobody."""
    make_person(workspace, "user", email="guest@else.example")
    answers = [
        fresh_browser().post("auth/password/reset/", {"email": email})
        for email in ("ann@corp.example", "guest@else.example", "nobody@corp.example")
    ]
    assert len({(one.status_code, one.content) for one in answers}) == 1 and answers[0].status_code == 202
    assert not post_office.letters, "who it is, is looked up afterwards"
    deliver_due()
    assert sorted(one["To"] for one in post_office.letters) == ["ann@corp.example", "guest@else.example"]
    assert "#token=" in post_office.text_to("guest@else.example")


def test_the_sign_in_page_is_told_whether_there_is_any_house(owner: Api, house: str) -> None:
    def offered() -> bool:
        answer = fresh_browser().get("setup/")
        assert set(answer.data) == {"required", "single_sign_on"}
        return bool(answer.data["single_sign_on"])

    assert offered()
    assert owner.patch(f"sso/{house}/", {"enabled": False}).status_code == 200
    assert not offered(), "switched off"
    assert owner.patch(f"sso/{house}/", {"enabled": True}).status_code == 200
    SsoDomain.objects.update(approved_at=None)
    assert not offered(), "its domain is nobody's yet"


@pytest.mark.django_db(transaction=True)  # mails are sent from threads of their own
def test_a_link_for_a_new_password_from_before_is_refused(ann: Api, enforced: str, post_office: PostOffice) -> None:
    SsoConnection.objects.update(enforced=False)
    fresh_browser().post("auth/password/reset/", {"email": "ann@corp.example"})
    deliver_due()
    token = post_office.token_to("ann@corp.example")
    SsoConnection.objects.update(enforced=True)
    answer = fresh_browser().post("auth/password/reset/confirm/", {"token": token, "password": "a-staple-of-horses"})
    assert (answer.status_code, answer.data["code"]) == (403, "sso_required")
    assert User.objects.get(pk=ann.person.pk).check_password(PASSWORD)


def test_who_was_there_before_is_linked_by_password_and_provider_together(
    ann: Api, enforced: str, issuer: Issuer
) -> None:
    ticket = sign_in("ann@corp.example").data["ticket"]
    browser = fresh_browser()
    plain = there_and_back(issuer, start(browser, enforced), browser, sub="ann", email="ann@corp.example")
    assert told(plain) == {"sso_error": "link_first"}, "not without the password"
    other = there_and_back(issuer, start(browser, enforced, ticket=ticket), browser, sub="x", email="x@corp.example")
    assert other == "/" and SsoIdentity.objects.get(subject="x").user.email == "x@corp.example", "somebody else: new"
    browser = fresh_browser()
    url = start(browser, enforced, ticket=ticket)
    assert there_and_back(issuer, url, browser, sub="ann", email="ann@corp.example") == "/"
    assert is_signed_in(browser) == "ann@corp.example"
    assert sign_in("ann@corp.example").data["ticket"] is None, "linked: the provider's word is enough"
    for bad in (ticket[:-2] + "xx", "x", "%"):
        answer = browser.post("auth/sso/start/", {"connection": enforced, "ticket": bad}, **WEB)
        assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "ticket")


def test_guests_and_people_elsewhere_keep_their_passwords(
    enforced: str, make_person: Any, workspace: Any, make_workspace: Any
) -> None:
    for space, email in ((workspace, "guest@else.example"), (make_workspace("Two"), "two@corp.example")):
        person = make_person(space, "user", email=email).person
        person.set_password(PASSWORD)
        person.save()
        assert sign_in(email).status_code == 200
    User.objects.filter(email="guest@else.example").update(email="guest@sub.corp.example")
    assert sign_in("guest@sub.corp.example").status_code == 200


def test_other_sign_ins_end_when_it_is_switched_on(ann: Api, make_person: Any, workspace: Any, request: Any) -> None:
    guest = make_person(workspace, "user", email="guest@else.example")
    owner: Api = request.getfixturevalue("owner")
    assert ann.get("/api/v1/me/").status_code == 200
    request.getfixturevalue("enforced")
    assert ann.get("/api/v1/me/").status_code == 401
    assert guest.get("/api/v1/me/").status_code == 200 and owner.get("/api/v1/me/").status_code == 200


def test_it_takes_a_link_and_a_test_of_ones_own(
    owner: Api, house: str, issuer: Issuer, make_person: Any, workspace: Any
) -> None:
    def switch_on(who: Api = owner) -> Any:
        return who.patch(f"sso/{house}/", {"enforced": True})

    assert switch_on().data["code"] == "sso_not_tested"
    begun = owner.post(f"sso/{house}/test/", {}).data
    there_and_back(issuer, begun["url"], owner, sub="the-owner")
    assert switch_on().data["code"] == "sso_not_tested", "a test, but no link"
    there_and_back(issuer, start(owner, house, purpose="link"), owner, sub="the-owner")
    assert switch_on().data["code"] == "sso_not_tested", "a link, but the test was somebody's without an account"
    begun = owner.post(f"sso/{house}/test/", {}).data
    there_and_back(issuer, begun["url"], owner, sub="the-owner")
    second = make_person(workspace, "owner")
    assert switch_on(second).data["code"] == "sso_not_tested", "somebody else's"
    assert owner.patch(f"sso/{house}/", {"client_id": "another"}).status_code == 200
    assert switch_on().data["code"] == "sso_not_tested", "what is trusted has changed since"
    assert not SsoConnection.objects.get().enforced


def test_incident_2_43_nobody_lets_themselves_out(
    owner: Api, ann: Api, enforced: str, issuer: Issuer, post_office: PostOffice
) -> None:
    browser = fresh_browser()
    ticket = sign_in("ann@corp.example").data["ticket"]
    there_and_back(issuer, start(browser, enforced, ticket=ticket), browser, sub="ann", email="ann@corp.example")
    token = browser.post("auth/session/refresh/", {}, **WEB).data["access"]
    me = Api(token, owner.base)
    fields = ("enforced", "sso", "sso_enforced", "require_sso", "connections", "is_staff", "has_password")
    for path in ("/api/v1/me/", ""):
        for name in fields:
            assert me.patch(path, {name: False}).status_code in (400, 403)
    assert me.patch(f"sso/{enforced}/", {"enforced": False}).status_code == 403
    assert me.delete(f"sso/{enforced}/").status_code == 403
    moved = me.post("/api/v1/me/email/", {"email": "ann@else.example"})
    assert (moved.status_code, moved.data["code"]) == (409, "sso_enforced")
    (mine,) = me.get("/api/v1/me/identities/").data["results"]
    assert me.delete(f"/api/v1/me/identities/{mine['id']}/").data["code"] == "sso_enforced"
    asked = me.post("/api/v1/me/reauthenticate/", {"password": PASSWORD})
    assert (asked.status_code, asked.data["code"]) == (403, "sso_required")
    for body in ({"enabled": False}, {"domains": []}):
        assert owner.patch(f"sso/{enforced}/", body).data["code"] == "sso_enforced"
    assert owner.delete(f"sso/{enforced}/").data["code"] == "sso_enforced"


def test_proving_oneself_again_through_the_provider(owner: Api, enforced: str, issuer: Issuer) -> None:
    LoginSession.objects.update(proved_at="2020-01-01T00:00:00Z")
    assert owner.patch(f"sso/{enforced}/", {"name": "N"}).data["code"] == "reauthentication_required"
    refused = owner.post("/api/v1/auth/sso/start/", {"connection": enforced, "purpose": "link"}, **WEB)
    assert refused.data["code"] == "reauthentication_required"

    def again(**claims: Any) -> str:
        return there_and_back(issuer, start(owner, enforced, purpose="reauthenticate"), owner, **claims)

    assert told(again(sub="somebody-else")) == {"sso_error": "other_person"}
    assert told(again(sub="the-owner", auth_time=int(time.time()) - 3_600)) == {"sso_error": "not_fresh"}
    assert told(again(sub="the-owner", auth_time=None)) == {"sso_error": "not_fresh"}
    assert owner.patch(f"sso/{enforced}/", {"name": "N"}).data["code"] == "reauthentication_required"
    assert again(sub="the-owner") == "/settings/security/#sso=reauthenticated"
    assert (issuer.asked[-1]["prompt"], issuer.asked[-1]["max_age"]) == ("login", "0")
    assert owner.patch(f"sso/{enforced}/", {"name": "N"}).status_code == 200


def test_linking_is_for_whoever_set_out(
    owner: Api, house: str, issuer: Issuer, make_person: Any, workspace: Any, make_workspace: Any
) -> None:
    bob, stranger = make_person(workspace, "user"), make_person(make_workspace("Other"), "owner")
    assert there_and_back(issuer, start(bob, house, purpose="link"), bob, sub="bob").endswith("#sso=linked")
    taken = there_and_back(issuer, start(owner, house, purpose="link"), owner, sub="bob")
    assert taken == "/settings/security/#sso_error=identity_taken"
    outside = there_and_back(issuer, start(stranger, house, purpose="link"), stranger, sub="s")
    assert told(outside) == {"sso_error": "not_a_member"}
    place = issuer.answer_to(start(bob, house, purpose="link"))
    LoginSession.objects.filter(user=bob.person).update(ended_at="2026-01-01T00:00:00Z")
    assert told(come_back(bob, place)) == {"sso_error": "session_over"}
    nobody = fresh_browser().post("auth/sso/start/", {"connection": house, "purpose": "link"}, **WEB)
    assert nobody.status_code == 401
    browser = fresh_browser()
    assert there_and_back(issuer, start(browser, house), browser, sub="bob") == "/"
    assert is_signed_in(browser) == bob.person.email


def test_an_identity_goes_unless_it_is_the_only_way_in(owner: Api, house: str, issuer: Issuer) -> None:
    browser = fresh_browser()
    assert there_and_back(issuer, start(browser, house), browser, sub="new", email="new@corp.example") == "/"
    me = Api(browser.post("auth/session/refresh/", {}, **WEB).data["access"], "/api/v1/")
    (mine,) = me.get("me/identities/").data["results"]
    assert (mine["connection"], mine["email"]) == (house, "new@corp.example")
    assert me.delete(f"me/identities/{mine['id']}/").data["code"] == "last_way_in"
    assert owner.delete(f"/api/v1/me/identities/{mine['id']}/").status_code == 404
    user = User.objects.get(email="new@corp.example")
    user.set_password(PASSWORD)
    user.save()
    assert me.delete(f"me/identities/{mine['id']}/").status_code == 204
    assert told(there_and_back(issuer, start(browser, house), browser, sub="new", email="new@corp.example")) == {
        "sso_error": "link_first"
    }


def test_nobody_sets_up_more_than_they_hold(
    owner: Api, house: str, issuer: Issuer, make_person: Any, workspace: Any
) -> None:
    held = sorted({"workspace.view", "sso.view", "sso.edit", "member.view"})
    role = owner.post("roles/", {"name": "Identity", "permissions": held}).data["id"]
    clerk = make_person(workspace, "viewer")
    member = next(one for one in owner.get("members/").data["results"] if one["user"]["id"] == clerk.person.pk)
    assert owner.patch(f"members/{member['id']}/", {"role": role}).status_code == 200
    body = {"kind": "oidc", "name": "Mine", "issuer": issuer.origin, "client_id": "client"}
    for more in ({"default_role": "owner"}, {"mapping": [{"group": "g", "role": "admin"}]}):
        assert clerk.post("sso/", {**body, **more}).data["code"] == "beyond_your_own"
    assert clerk.patch(f"sso/{house}/", {"name": "Mine"}).data["code"] == "beyond_your_own", "it gives viewers"
    lowered = clerk.patch(f"sso/{house}/", {"default_role": role})
    assert lowered.data["code"] == "beyond_your_own", "what it gave before counts too"
    made = clerk.post("sso/", {**body, "default_role": role})
    assert made.status_code == 201
    there_and_back(issuer, start(owner, made.data["id"], purpose="link"), owner, sub="the-owner")
    for change in ({"issuer": issuer.origin}, {"client_id": "evil"}, {"name": "x"}):
        answer = clerk.patch(f"sso/{made.data['id']}/", change)
        assert answer.data["code"] == "beyond_your_own", "it knows an owner: whoever controls it could become them"
    assert clerk.delete(f"sso/{made.data['id']}/").data["code"] == "beyond_your_own"
    foreign = [{"group": "g", "role": "viewer", "groups": ["grp_00000000000000000000000000"]}]
    assert owner.patch(f"sso/{house}/", {"mapping": foreign}).data["errors"][0]["field"] == "mapping"
    assert owner.patch(f"sso/{house}/", {"default_role": "king"}).data["errors"][0]["field"] == "default_role"


def test_a_connection_that_goes_takes_its_sign_ins_along(owner: Api, house: str, issuer: Issuer) -> None:
    browser = fresh_browser()
    there_and_back(issuer, start(browser, house), browser, sub="new", email="new@corp.example")
    assert owner.patch(f"sso/{house}/", {"enabled": False}).status_code == 200
    assert is_signed_in(browser) is None
    assert owner.delete(f"sso/{house}/").status_code == 204
    assert not SsoIdentity.objects.exists()


def test_a_second_factor_is_asked_for_behind_the_provider_too(owner: Api, house: str, issuer: Issuer) -> None:
    from allauth.mfa.models import Authenticator

    browser = fresh_browser()
    there_and_back(issuer, start(browser, house), browser, sub="new", email="new@corp.example")
    user = User.objects.get(email="new@corp.example")
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    browser = fresh_browser()
    location = there_and_back(issuer, start(browser, house, next="/runs/"), browser, sub="new")
    shown = told(location)
    assert location.startswith("/sign-in/#") and is_signed_in(browser) is None
    assert (shown["sso"], shown["methods"], shown["next"]) == ("second_factor_required", "totp", "/runs/")
    wrong = {"challenge": shown["challenge"], "method": "totp", "response": "000000"}
    assert browser.post("auth/session/second-factor/", wrong, **WEB).status_code in (401, 409)


def test_break_glass_lets_passwords_in_again(ann: Api, enforced: str, workspace: Any, capsys: Any) -> None:
    with pytest.raises(CommandError):
        call_command("sso_release", "nowhere")
    call_command("sso_release", workspace.slug)
    assert "Corp: passwords are accepted again." in capsys.readouterr().out
    assert sign_in("ann@corp.example").status_code == 200
    entry = AuditEntry.objects.get(kind="sso.release")
    assert (entry.actor_kind, entry.workspace_id, entry.target_id) == ("system", workspace.pk, enforced)
    assert entry.data["os_user"]
    call_command("sso_release", workspace.pk)
    assert "Nothing was enforced" in capsys.readouterr().out


def test_operators_approve_domains_for_one_workspace_only(
    owner: Api, house: str, make_person: Any, make_workspace: Any
) -> None:
    from accounts.models import SsoDomain

    operator = Client()
    operator.force_login(User.objects.create_superuser("op@example.com", PASSWORD))
    theirs = SsoDomain.objects.create(workspace=make_workspace("Two"), domain="corp.example")
    body = {"action": "approve", "_selected_action": [theirs.pk]}
    page = operator.post("/admin/accounts/ssodomain/", body, follow=True)
    assert "is approved for another workspace already" in page.content.decode()
    mine = SsoDomain.objects.exclude(pk=theirs.pk).get()
    operator.post("/admin/accounts/ssodomain/", {"action": "withdraw", "_selected_action": [mine.pk]})
    assert owner.get(f"sso/{house}/").data["domains"] == [{"domain": "corp.example", "approved": False}]
    operator.post("/admin/accounts/ssodomain/", body)
    theirs.refresh_from_db()
    assert theirs.approved_at is not None
    assert (
        AuditEntry.objects.filter(kind__in=("sso.approve_domain", "sso.withdraw_domain"), outcome="done").count() == 3
    )
