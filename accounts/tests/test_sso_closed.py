"""A way in that is closed while somebody is on it: nobody comes through, and nobody's request breaks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts.models import LoginSession, User
from accounts.tests.test_second_factors import add_app
from tests import scratch
from tests.fixtures.fleet import wait_until
from tests.fixtures.houses import Issuer, approve, connect, fresh_browser, is_signed_in, start, through
from tests.fixtures.people import Api
from tests.fixtures.security_key import totp


@pytest.mark.django_db
@pytest.mark.parametrize("closed", ["switched off", "deleted", "left open"])
def test_who_still_owes_a_second_factor_when_it_is_closed_stays_out(
    closed: str, owner: Api, workspace: Any, issuer: Issuer
) -> None:
    approve(workspace, "corp.example")
    house, first = connect(owner, issuer.origin), fresh_browser()
    assert through(issuer, house, first) == {}
    access = first.post("auth/session/refresh/", {}, X_AAP_Client="web").data["access"]
    uri, _ = add_app(Api(access, "/api/v1/"))
    browser = fresh_browser()
    due = through(issuer, house, browser)
    if closed == "switched off":
        assert owner.patch(f"sso/{house}/", {"enabled": False}).status_code == 200
    elif closed == "deleted":
        assert owner.delete(f"sso/{house}/").status_code == 204
    body = {"challenge": due["challenge"], "method": "totp", "response": totp(uri)}
    answer = browser.post("auth/session/second-factor/", body, X_AAP_Client="web")
    if closed == "left open":
        assert answer.status_code == 200 and is_signed_in(browser) == "new@corp.example"
    else:
        assert answer.status_code == 400 and answer.data["code"] == "connection_off", answer.content
        assert is_signed_in(browser) is None
        assert not LoginSession.objects.filter(how__startswith=f"sso:{house}", ended_at=None).exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_while_it_is_deleted_everybody_on_it_is_told_so(owner: Api, workspace: Any, issuer: Issuer) -> None:
    approve(workspace, "corp.example")
    for number in range(4):
        house = connect(owner, issuer.origin)
        issuer.claims = {"sub": f"s{number}", "email": f"p{number}@corp.example"}
        if number % 2:
            assert through(issuer, house) == {}, "known already"
        place = urlsplit(issuer.answer_to(start(browser := fresh_browser(), house)))
        calls: list[Callable[[], Any]] = [
            lambda browser=browser, place=place: browser.http.get(f"{place.path}?{place.query}"),  # type: ignore[misc]
            *[lambda house=house: set_out(house)] * 2,  # type: ignore[misc]
            lambda house=house: Api(owner.token, owner.base).delete(f"sso/{house}/"),  # type: ignore[misc]
        ]
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = list(pool.map(closing, calls))
        # 503: the database had them wait for each other, and says to try again.
        assert {one.status_code for one in answers} <= {200, 204, 303, 404, 503}, [one.content for one in answers]
        if answers[-1].status_code == 204:
            assert not LoginSession.objects.filter(how__startswith=f"sso:{house}", ended_at=None).exists()
    assert User.objects.filter(email__endswith="@corp.example").count() <= 4


def set_out(house: str) -> Any:
    return fresh_browser().post("auth/sso/start/", {"connection": house}, X_AAP_Client="web")


def closing(call: Callable[[], Any]) -> Any:
    try:
        return call()
    finally:
        connection.close()


SLOW_ENDING = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
CREATE TRIGGER slowly AFTER UPDATE OF ended_at ON accounts_loginsession FOR EACH STATEMENT EXECUTE FUNCTION slowly()
"""


@pytest.mark.skipif(not scratch.POSTGRES, reason="SQLite has one writer at a time")
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_who_comes_through_between_its_last_look_and_its_end_stays_out(
    owner: Api, workspace: Any, issuer: Issuer
) -> None:
    """The sign-ins through it were ended, and the deletion is not there yet: one that is opened now must not outlive it."""
    approve(workspace, "corp.example")
    house = connect(owner, issuer.origin)
    assert through(issuer, house) == {}
    place = urlsplit(issuer.answer_to(start(browser := fresh_browser(), house)))
    with connection.cursor() as cursor:
        cursor.execute(SLOW_ENDING)
    try:
        with ThreadPoolExecutor(1) as pool:
            deleting = pool.submit(closing, lambda: Api(owner.token, owner.base).delete(f"sso/{house}/"))
            wait_until(is_asleep, "nobody deletes it")
            browser.http.get(f"{place.path}?{place.query}")
            assert deleting.result().status_code == 204
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER slowly ON accounts_loginsession; DROP FUNCTION slowly()")
    assert not LoginSession.objects.filter(how__startswith=f"sso:{house}", ended_at=None).exists()


def is_asleep() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])
