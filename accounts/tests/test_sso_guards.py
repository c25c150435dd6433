"""Each thing that stands between another house's word and an account, tried where nothing else would say no as well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import (
    LoginSession,
    Membership,
    ScimUser,
    SsoAttempt,
    SsoConnection,
    SsoDomain,
    SsoIdentity,
    User,
)
from accounts.sso import attempts
from accounts.sso.assertion import Assertion
from accounts.sso.ending import recognise
from accounts.sso.errors import SsoFailed
from audit.models import AuditEntry
from core.clock import now
from tests.fixtures.houses import Issuer, come_back, connect, fresh_browser, is_signed_in, link, start, through, told
from tests.fixtures.people import PASSWORD, Api

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
WEB = {"X_AAP_Client": "web"}


def why_refused() -> Any:
    return AuditEntry.objects.filter(kind="session.sign_in", outcome="denied").latest("pk").data["why"]


# --- on the way ------------------------------------------------------------------------------------------------------


def test_g27_an_attempt_is_used_up_by_whoever_is_faster(house: str, issuer: Issuer) -> None:
    place = issuer.answer_to(start(fresh_browser(), house))
    state = place.partition("state=")[2].partition("&")[0]
    first, second = (attempts.find_attempt(house, state) for _ in range(2))
    attempts.use_up(first)
    with pytest.raises(SsoFailed, match="took too long"):
        attempts.use_up(second)
    with pytest.raises(SsoFailed):
        attempts.find_attempt(house, state)


def test_g27_no_answer_is_kept_for_an_attempt_that_is_over(house: str, owner: Api, issuer: Issuer) -> None:
    place = issuer.answer_to(start(fresh_browser(), house))
    given = dict(pair.split("=") for pair in place.partition("?")[2].split("&"))
    attempt = attempts.find_attempt(house, given["state"])
    attempts.use_up(attempt)
    with pytest.raises(SsoFailed):
        attempts.keep_code_answer(attempt, {"code": "c0de", "iss": issuer.origin})
    begun = owner.post(f"sso/{house}/test/", {}).data
    assert come_back(owner, issuer.answer_to(begun["url"])).endswith(begun["test"])
    before = SsoAttempt.objects.values("answer", "finish_digest").get(pk=begun["test"])
    attempts.keep_failure(SsoAttempt.objects.get(pk=begun["test"]), SsoFailed("answer_refused", "late"))
    assert SsoAttempt.objects.values("answer", "finish_digest").get(pk=begun["test"]) == before


def test_g27_a_connection_that_is_closed_while_somebody_is_there_asks_nobody(
    owner: Api, house: str, issuer: Issuer
) -> None:
    browser = fresh_browser()
    place = issuer.answer_to(start(browser, house))
    SsoConnection.objects.update(enabled=False)
    assert told(come_back(browser, place)) == {"sso_error": "connection_off"}
    assert "authorization" not in issuer.asked[-1], "the code was sent to nobody"
    begun = owner.post(f"sso/{house}/test/", {}).data
    assert come_back(owner, issuer.answer_to(begun["url"])).endswith(begun["test"]), "but it can be tried out"


def test_g27_a_test_is_shown_to_whoever_made_it(
    owner: Api, house: str, issuer: Issuer, make_person: Any, workspace: Any
) -> None:
    begun = owner.post(f"sso/{house}/test/", {}).data
    come_back(owner, issuer.answer_to(begun["url"]))
    path = f"sso/{house}/tests/{begun['test']}/"
    assert owner.get(path).status_code == 200
    assert make_person(workspace, "owner").get(path).status_code == 404
    assert owner.get(f"sso/{house}/tests/sso_00000000000000000000000000/").status_code == 404


def test_g27_a_ticket_is_nothing_once_the_account_is_closed(house: str, make_person: Any, workspace: Any) -> None:
    ann = make_person(workspace, "user", email="ann@corp.example").person
    ann.set_password(PASSWORD)
    ann.save()
    SsoConnection.objects.update(enforced=True)
    body = {"email": ann.email, "password": PASSWORD}
    ticket = fresh_browser().post("auth/token/", body).data["ticket"]
    asked = {"connection": house, "ticket": ticket}
    assert fresh_browser().post("auth/sso/start/", asked, **WEB).status_code == 200
    User.objects.filter(pk=ann.pk).update(is_active=False)
    refused = fresh_browser().post("auth/sso/start/", asked, **WEB)
    assert (refused.status_code, refused.data["errors"][0]["field"]) == (400, "ticket")


@pytest.mark.parametrize("closed", [False, True])
def test_g27_an_account_that_is_closed_on_the_way_is_linked_to_nothing(
    closed: bool, house: str, issuer: Issuer, make_person: Any, workspace: Any
) -> None:
    """After the password, before the other house's word."""
    ann = make_person(workspace, "user", email="ann@corp.example").person
    ann.set_password(PASSWORD)
    ann.save()
    SsoConnection.objects.update(enforced=True)
    ticket = fresh_browser().post("auth/token/", {"email": ann.email, "password": PASSWORD}).data["ticket"]
    browser = fresh_browser()
    place = issuer.answer_to(start(browser, house, ticket=ticket))
    issuer.claims = {"sub": "ann", "email": ann.email}
    User.objects.filter(pk=ann.pk).update(is_active=not closed)
    assert told(come_back(browser, place)) == ({"sso_error": "account_disabled"} if closed else {})
    assert SsoIdentity.objects.filter(user=ann).exists() == (not closed)


# --- whom it knows ---------------------------------------------------------------------------------------------------


def test_g27_nothing_of_a_closed_account_changes(owner: Api, house: str, issuer: Issuer) -> None:
    assert owner.patch(f"sso/{house}/", {"mapping": [{"group": "bosses", "role": "admin"}]}).status_code == 200
    assert through(issuer, house) == {}
    User.objects.filter(email="new@corp.example").update(is_active=False)
    issuer.claims = {"groups": ["bosses"]}
    assert through(issuer, house) == {"sso_error": "account_disabled"}
    assert Membership.objects.get(user__email="new@corp.example").role == "viewer"
    assert why_refused() == "account_disabled"


def test_g27_who_is_known_but_is_no_member_here_stays_out(
    house: str, issuer: Issuer, make_person: Any, make_workspace: Any
) -> None:
    stranger = make_person(make_workspace("Elsewhere"), "owner").person
    link(house, stranger, issuer, "subject-1")
    browser = fresh_browser()
    assert through(issuer, house, browser) == {"sso_error": "not_a_member"}
    assert why_refused() == "not_a_member" and is_signed_in(browser) is None


def test_g27_a_role_that_came_from_a_group_is_not_kept_when_nothing_gives_one(
    owner: Api, house: str, issuer: Issuer
) -> None:
    mapped = {"mapping": [{"group": "staff", "role": "builder"}], "default_role": ""}
    assert owner.patch(f"sso/{house}/", mapped).status_code == 200
    issuer.claims = {"groups": ["staff"]}
    assert through(issuer, house) == {}
    issuer.claims = {"groups": ["others"]}
    assert through(issuer, house) == {"sso_error": "no_role"}
    issuer.claims = {"groups": ["others"], "sub": "second", "email": "second@corp.example"}
    assert through(issuer, house) == {"sso_error": "no_role"} and why_refused() == "no_role"
    assert not User.objects.filter(email="second@corp.example").exists()


def test_g27_an_address_that_has_an_account_is_told_so_before_its_role_is_looked_for(
    owner: Api, house: str, issuer: Issuer, make_person: Any, make_workspace: Any
) -> None:
    assert owner.patch(f"sso/{house}/", {"default_role": ""}).status_code == 200
    make_person(make_workspace("Elsewhere"), "owner", email="new@corp.example")
    assert through(issuer, house) == {"sso_error": "link_first"}


@pytest.mark.django_db(transaction=True)  # what is missing shows at the end of a transaction
def test_g27_a_connection_that_is_deleted_on_the_way_is_on_record(house: str, issuer: Issuer) -> None:
    """Somebody known comes back at the moment at which it goes."""
    browser = fresh_browser()
    start(browser, house)
    attempt = SsoAttempt.objects.select_related("connection").get()
    said = Assertion(issuer.origin, "s", "s@corp.example", True, "S", (), False, None, {})
    SsoConnection.objects.all().delete()
    with pytest.raises(SsoFailed) as refused:
        recognise(attempt, said, ip="127.0.0.1")
    assert (refused.value.code, why_refused()) == ("connection_off", "connection_off")


@pytest.mark.parametrize(
    ("what", "comes_in"),
    [
        ("waiting", True),
        ("closed", False),
        ("another workspace's", False),
        ("signed in before", False),
        ("known to another house", False),
        ("no member", False),
    ],
)
def test_g27_an_account_that_a_directory_made_waits_for_its_first_visit_only(
    what: str, comes_in: bool, house: str, issuer: Issuer, make_workspace: Any, owner: Api, workspace: Any
) -> None:
    other = make_workspace("Other")
    waiting = User.objects.create(email="new@corp.example", name="New")
    waiting.set_unusable_password()
    waiting.save()
    if what != "no member":
        Membership.objects.create(workspace=workspace, user=waiting, role="user")
    space = other if what == "another workspace's" else workspace
    if what == "no member":
        Membership.objects.create(workspace=other, user=waiting, role="user")
    ScimUser.objects.create(workspace=space, user=waiting, user_name="new", email=waiting.email, made=True)
    if what == "closed":
        User.objects.filter(pk=waiting.pk).update(is_active=False)
    elif what == "signed in before":
        LoginSession.objects.create(
            user=waiting, client="web", refresh_id="r", last_used_at=now(), proved_at=now(), expires_at=now(), ip=None
        )
    elif what == "known to another house":
        link(connect(owner, issuer.origin, name="Second"), waiting, issuer, "there")
    if not comes_in:  # somebody else of whom all that is true takes nothing away from it
        assert through(issuer, house) == {"sso_error": "link_first"}
        assert not SsoIdentity.objects.filter(connection_id=house).exists()
        return
    decoy = User.objects.create(email="decoy@corp.example")
    link(house, decoy, issuer, "decoy")
    LoginSession.objects.create(
        user=decoy, client="web", refresh_id="d", last_used_at=now(), proved_at=now(), expires_at=now(), ip=None
    )
    assert through(issuer, house) == {}
    assert SsoIdentity.objects.get(connection_id=house, subject="subject-1").user == waiting


# --- whom it asks for ------------------------------------------------------------------------------------------------


def test_g27_another_workspaces_house_does_not_do(
    owner: Api, house: str, issuer: Issuer, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    """Ann is in two workspaces; this one asks her to come through its own house."""
    ann = make_person(workspace, "user", email="ann@corp.example")
    other = make_workspace("Other")
    theirs = connect(make_person(other, "owner"), issuer.origin, domains=[])
    Membership.objects.create(workspace=other, user=ann.person, role="user")
    link(theirs, ann.person, issuer, "ann")
    link(house, ann.person, issuer, "ann")
    SsoConnection.objects.filter(pk=house).update(enforced=True)
    issuer.claims = {"sub": "ann", "email": ann.person.email}
    browser = fresh_browser()
    assert through(issuer, theirs, browser) == {"sso_error": "sso_required"}
    assert is_signed_in(browser) is None and why_refused() == "sso_required"
    assert through(issuer, house, browser) == {} and is_signed_in(browser) == ann.person.email


def test_g27_another_workspaces_house_asks_nobody_here(
    house: str, make_person: Any, make_workspace: Any, workspace: Any, owner: Api, issuer: Issuer
) -> None:
    """The same domain is written down in both; it is approved for one, and only its members are asked."""
    other = make_workspace("Other")
    person = make_person(other, "user", email="ann@corp.example").person
    person.set_password(PASSWORD)
    person.save()
    theirs = connect(make_person(other, "owner"), issuer.origin)
    SsoConnection.objects.update(enforced=True)
    body = {"email": person.email, "password": PASSWORD}
    assert fresh_browser().post("auth/token/", body).status_code == 200
    asked = fresh_browser().post("auth/sso/discover/", {"email": person.email}).data["connections"]
    assert [one["id"] for one in asked] == [house]
    shown = make_person(other, "owner").get(f"sso/{theirs}/").data["domains"]
    assert shown == [{"domain": "corp.example", "approved": False}]
    assert SsoDomain.objects.filter(domain="corp.example").count() == 2


def test_g27_switching_it_on_ends_what_came_another_way_here_and_nothing_else(
    owner: Api, house: str, issuer: Issuer, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    other = make_workspace("Other")
    elsewhere, here = (
        make_person(space, "user", email=f"{name}@corp.example")
        for space, name in ((other, "elsewhere"), (workspace, "here"))
    )
    theirs = connect(make_person(other, "owner"), issuer.origin)
    browsers = {}
    for pk, person in ((house, make_person(workspace, "user")), (theirs, here)):
        link(pk, person.person, issuer, person.person.pk)
    Membership.objects.create(workspace=other, user=here.person, role="user")
    issuer.claims = {"sub": here.person.pk, "email": here.person.email}
    browsers["through theirs"] = fresh_browser()
    assert through(issuer, theirs, browsers["through theirs"]) == {}
    ended = LoginSession.objects.filter(user=here.person).earliest("created_at")
    LoginSession.objects.filter(pk=ended.pk).update(ended_at=now() - timedelta(days=1))
    long_ago = LoginSession.objects.get(pk=ended.pk).ended_at
    link(house, owner.person, issuer, "the-owner")
    issuer.claims = {"sub": "the-owner"}
    begun = owner.post(f"sso/{house}/test/", {}).data
    come_back(owner, issuer.answer_to(begun["url"]))
    assert owner.patch(f"sso/{house}/", {"enforced": True}).status_code == 200
    assert is_signed_in(browsers["through theirs"]) is None, "another workspace's house is no way in here"
    assert elsewhere.get("/api/v1/me/").status_code == 200
    assert LoginSession.objects.get(pk=ended.pk).ended_at == long_ago
    done = AuditEntry.objects.filter(kind="sso.update", outcome="done").latest("pk")
    assert done.data["sessions_ended"] == 1


@pytest.mark.parametrize("what", ["link", "test"])
def test_g27_somebody_elses_link_or_test_does_not_count(
    what: str, owner: Api, house: str, issuer: Issuer, make_person: Any, workspace: Any
) -> None:
    second = make_person(workspace, "owner")
    link(house, owner.person, issuer, "the-owner")
    issuer.claims = {"sub": "the-owner"}
    if what == "link":  # hers is the test, and his the link
        begun = second.post(f"sso/{house}/test/", {}).data
        come_back(second, issuer.answer_to(begun["url"]))
        SsoAttempt.objects.update(passed_at=now() + timedelta(seconds=1))
    else:
        link(house, second.person, issuer, "the-second")
        begun = owner.post(f"sso/{house}/test/", {}).data
        come_back(owner, issuer.answer_to(begun["url"]))
    answer = second.patch(f"sso/{house}/", {"enforced": True})
    assert (answer.status_code, answer.data["code"]) == (409, "sso_not_tested")
