"""The limiter counts exactly, whoever asks at once and wherever the buckets are kept; and what clients are told."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from core.errors import TooManyRequests
from core.ids import new_id
from limits import stores
from limits.admission import admit, give_back, place
from limits.rules import ALL_RULES, GUESS_NAME, PERSON, ROUTE_CLASSES, WORKSPACE, Rule
from tests.fixtures.fleet import Redis
from tests.fixtures.people import Api

SLOW = Rule("test-slow", 10 / 3600, 10)
LEASED = Rule("test-leased", 60 / 3600, 60, lease=7)


@pytest.fixture(params=["rows", "redis"])
def kept(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[None]:
    """Where the buckets are: in rows of this database, or in a Redis."""
    settings.RATE_LIMITS = "1"
    if request.param == "rows":
        yield
        return
    redis = Redis(tmp_path).start()
    before = stores._shared
    # A machine that stops it for a moment is not what is tried: whom it does not answer the database counts anew.
    stores.use_redis(redis.url, f"test:{new_id('ins')}:", seconds=30)
    try:
        yield
    finally:
        stores._shared = before
        redis.stop()


def hammer(rule: Rule, who: str, times: int = 100, threads: int = 20) -> int:
    """How many of `times` attempts on `threads` threads at once are let through."""

    def attempt(_: int) -> bool:
        try:
            admit((rule, who))
        except TooManyRequests:
            return False
        finally:
            if connection.vendor != "sqlite":
                connection.close()
        return True

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(attempt, range(times)))


@pytest.mark.parametrize("rule", [SLOW, LEASED], ids=["each counted", "by leases"])
def test_a_hundred_at_once_get_as_many_as_there_are(kept: None, rule: Rule) -> None:
    through = hammer(rule, new_id("usr"))
    # What a thread has leased and not yet shown to the others is refused to them: fewer for a moment, never more.
    assert rule.burst - (rule.lease if rule.lease > 1 else 0) <= through <= rule.burst
    first, second = new_id("usr"), new_id("usr")
    assert hammer(rule, first, times=rule.burst // 2) == rule.burst // 2
    assert hammer(rule, second, times=rule.burst // 2) == rule.burst // 2, "one person's bucket is not another's"


def test_it_flows_back_by_the_stores_own_clock(kept: None) -> None:
    quick = Rule("test-quick", 20.0, 2)
    who = new_id("usr")
    let_through = hammer(quick, who, times=400, threads=4)
    assert 2 <= let_through < 400  # on a machine that counts more than twenty a second
    while not hammer(quick, who, times=1, threads=1):
        time.sleep(0.05)  # what is waited for flows back
    assert hammer(Rule("test-never", 1e-6, 3), who) == 3


def test_what_did_not_count_is_given_back(kept: None) -> None:
    who = new_id("usr")
    for _ in range(30):
        admit((SLOW, who))
        give_back(SLOW, who)
    assert hammer(SLOW, who) == 10


def test_whoever_is_refused_is_told_when_to_come_back(kept: None) -> None:
    who = new_id("usr")
    standing = admit((SLOW, who))
    assert standing is not None
    assert standing.headers["RateLimit-Remaining"] == "9"
    assert standing.headers["RateLimit-Policy"] == '"test-slow";q=10;w=3600'
    hammer(SLOW, who)
    with pytest.raises(TooManyRequests) as refused:
        admit((SLOW, who))
    headers = refused.value.headers
    assert 300 <= int(headers["Retry-After"]) <= 361
    assert headers["RateLimit-Remaining"] == "0"
    assert 3500 <= int(headers["RateLimit-Reset"]) <= 3600


def test_redis_gone_means_the_database_counts(transactional_db: None, tmp_path: Path, settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    redis = Redis(tmp_path).start()
    before, who = stores._shared, new_id("usr")
    stores.use_redis(redis.url, "test:", seconds=30)
    try:
        assert hammer(SLOW, who) == 10
        redis.stop()
        assert hammer(SLOW, who) == 10, "it begins anew, and is exact again"
    finally:
        stores._shared = before


def test_guessing_is_counted_in_the_database_whatever_redis_does(kept: None) -> None:
    assert stores.store_for(GUESS_NAME) is stores._rows
    assert stores.store_for(PERSON) is stores._shared


@pytest.mark.parametrize(
    ("ip", "where"),
    [("10.1.2.3", "10.1.2.3"), ("2001:db8:1:2:3::1", "2001:db8:1:2::"), ("2001:db8:1:2:ffff::9", "2001:db8:1:2::")],
)
def test_one_household_of_ipv6_is_one_place(ip: str, where: str) -> None:
    assert place(ip) == where


# --- Over HTTP --------------------------------------------------------------------------------------------------------


def until_refused(ask: Callable[[], Any]) -> list[Any]:
    """The answers up to the first 429: a slow machine gets more before it, as some flow back meanwhile."""
    answers = []
    for _ in range(1_000):
        answers.append(ask())
        if answers[-1].status_code == 429:
            return answers
    raise AssertionError("nobody was refused")


def test_answers_carry_the_limits_and_a_429_says_when(owner: Api) -> None:
    with override_settings(RATE_LIMITS="0.1"):
        *good, refused = until_refused(lambda: owner.get("agents/"))
    assert len(good) >= 10 and {answer.status_code for answer in good} == {200}
    assert int(good[0]["RateLimit-Limit"]) == 10
    left = [int(answer["RateLimit-Remaining"]) for answer in good]
    assert left[0] > left[-1]
    assert refused.data["code"] == "too_many_requests"
    assert int(refused["Retry-After"]) >= 1
    assert refused["RateLimit-Remaining"] == "0"


def test_one_persons_share_is_not_anothers(owner: Api, make_person: Any, workspace: Any) -> None:
    other = make_person(workspace, "user")
    with override_settings(RATE_LIMITS="0.1"):
        until_refused(lambda: owner.get("agents/"))
        assert other.get("agents/").status_code == 200
        assert other.get("agents/").status_code == 200


def test_strangers_cannot_use_up_a_workspaces_share(owner: Api, make_person: Any, make_workspace: Any) -> None:
    stranger = make_person(make_workspace("Elsewhere"), "owner")
    with override_settings(RATE_LIMITS="1"):
        for _ in range(40):
            assert stranger.get(f"{owner.base}agents/").status_code == 404
        row = stores._rows._ask(stores._LOOK, f"{WORKSPACE.name}:{owner.get('').data['id']}")
        assert row is not None
        assert row <= 2 * WORKSPACE.lease / WORKSPACE.per_second


def test_a_route_that_asks_vendors_has_a_limit_of_its_own(owner: Api, demo_model: str) -> None:
    provider = owner.get("providers/").data["results"][0]["id"]
    with override_settings(RATE_LIMITS="0.1"):
        statuses = [owner.post(f"providers/{provider}/test/", {}).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_a_repeated_request_is_counted_though_it_is_only_replayed(owner: Api, agent: dict[str, Any]) -> None:
    with override_settings(RATE_LIMITS="0.05"):
        body = {"agent": agent["id"]}
        *good, _ = until_refused(lambda: owner.post("conversations/", body, Idempotency_Key="the-same-key"))
    assert len(good) >= 5 and {answer.status_code for answer in good} == {201}
    assert {answer.data["id"] for answer in good} == {good[0].data["id"]}


def test_an_address_has_a_share_whoever_asks(db: None, nobody: Api) -> None:
    with override_settings(RATE_LIMITS="0.01"):
        *good, _ = until_refused(lambda: nobody.http.get("/api/v1/setup/", REMOTE_ADDR="192.0.2.7"))
        elsewhere = nobody.http.get("/api/v1/setup/", REMOTE_ADDR="192.0.2.8").status_code
    assert len(good) >= 10 and {answer.status_code for answer in good} == {200}
    assert elsewhere == 200


def test_behind_a_proxy_the_client_is_counted_not_the_proxy(db: None, nobody: Api) -> None:
    def ask(client: str) -> Any:
        return nobody.http.get(
            "/api/v1/setup/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": f"203.0.113.9, {client}"}
        )

    with override_settings(RATE_LIMITS="0.01", TRUSTED_PROXIES=["10.0.0.0/8"]):
        until_refused(lambda: ask("198.51.100.1"))
        assert ask("198.51.100.2").status_code == 200
    numbers = itertools.count()
    with override_settings(RATE_LIMITS="0.01", TRUSTED_PROXIES=[]):  # an untrusted header makes no new buckets
        until_refused(lambda: ask(f"198.51.{next(numbers) // 250}.{next(numbers) % 250}"))


def test_the_table_in_the_documents_is_the_real_one() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text()
    for rule in ALL_RULES:
        rate = f"{rule.per_second:g}" if rule.per_second >= 1 else f"1 in {1 / rule.per_second:g} s"
        assert f"| `{rule.name}` | {rule.burst:,} | {rate} |" in text, rule
    assert all(name == rule.name for name, rule in ROUTE_CLASSES.items())
