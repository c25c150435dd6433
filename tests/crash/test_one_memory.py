"""Two web servers have one memory: what one of them writes is true at the other at once, whatever either has kept. Redis,
where it is kept, may be flushed, killed or frozen while people go on."""

from __future__ import annotations

import re
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.fixtures.fleet import Fleet, running_fleet, wait_until
from tests.fixtures.product import EMAIL, PASSWORD, Product, Refused

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(240)]

RUNS = 3_000
ANY = {"If-Match": "*"}
#: Runs of the last three weeks, like one that was begun at a door.
COPY = """
INSERT INTO agents_run ({columns})
SELECT {values} FROM agents_run r, generate_series(1, {number}) g WHERE r.id = %s
"""
OWN = {
    "id": "'run_' || lpad(g::text, 26, '0')",
    "status": "CASE g WHEN 8 THEN 'waiting' ELSE 'succeeded' END",
    "created_at": "now() - interval '1 day' - random() * interval '20 days'",
    "input_tokens": "g",
    "output_tokens": "1",
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("memory"), webs=2, workers=0, AAP_RATE_LIMITS="2") as fleet:
        web = fleet.webs[0]
        fleet.agent = web.demo_agent()  # type: ignore[attr-defined]
        run = web.call("POST", "runs/", {"agent": fleet.agent, "input": {"text": "Hello"}})["id"]  # type: ignore[attr-defined]
        with psycopg.connect(fleet.postgres.address) as database:
            names = [row[0] for row in database.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'agents_run'"
            )]  # fmt: skip
            values = [OWN.get(name, f'r."{name}"') for name in names]
            columns = ", ".join(f'"{name}"' for name in names)
            database.execute(COPY.format(columns=columns, values=", ".join(values), number=RUNS), [run])  # type: ignore[arg-type]
        yield fleet


def sums(web: Product) -> tuple[int, int]:
    """Runs and tokens of the last thirty days, as this server says."""
    rows = web.call("GET", "usage/?days=30")["by_day"]
    return sum(row["runs"] for row in rows), sum(row["tokens"] for row in rows)


def truth(fleet: Fleet) -> tuple[int, int]:
    with psycopg.connect(fleet.postgres.address) as database:
        row = database.execute("SELECT count(*), sum(input_tokens + output_tokens) FROM agents_run").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def change(fleet: Fleet, statement: str) -> None:
    with psycopg.connect(fleet.postgres.address) as database:
        assert database.execute(statement).rowcount == 1, statement  # type: ignore[arg-type]


def cache_outcomes(web: Product) -> Counter[str]:
    """How often this server found what it looked for."""
    with urllib.request.urlopen(f"{web.url}/metrics") as answer:
        found = re.findall(r'aap_cache_total\{kind="usage",outcome="(\w+)"\} (\d+)', answer.read().decode())
    return Counter({outcome: int(float(count)) for outcome, count in found})


def test_sums_that_one_server_kept_are_the_others_and_never_old(fleet: Fleet) -> None:
    one, other = fleet.webs
    fleet.redis.flush()
    before = cache_outcomes(one), cache_outcomes(other)
    assert sums(one) == sums(other) == truth(fleet)
    after = cache_outcomes(one), cache_outcomes(other)
    assert after[0] - before[0] == Counter(worked_out=1) and after[1] - before[1] == Counter(known=1)
    change(fleet, f"DELETE FROM agents_run WHERE id = 'run_{7:026}'")
    assert sums(other) == sums(one) == truth(fleet)
    change(fleet, f"UPDATE agents_run SET input_tokens = 700000 WHERE id = 'run_{8:026}'")
    assert sums(other) == sums(one) == truth(fleet), "a run of the past that goes on"
    change(fleet, f"UPDATE agents_run SET status = 'succeeded', output_tokens = 9000 WHERE id = 'run_{8:026}'")
    assert sums(one) == sums(other) == truth(fleet), "and ends"
    fleet.redis.flush()
    assert sums(other) == sums(one) == truth(fleet)


def test_what_one_server_writes_holds_at_the_other_at_once(fleet: Fleet) -> None:
    """Rights, roles, tokens, sign-ins and names: each was used at the other just before."""
    one, other = fleet.webs
    role = one.call("POST", "roles/", {"name": "Reader", "permissions": ["agent.view", "run.view"]})["id"]
    account = one.call("POST", "service-accounts/", {"name": "Ticket system", "role": role})["id"]
    made = one.call(
        "POST", f"service-accounts/{account}/api-tokens/", {"name": "T", "scopes": ["agent.view", "run.view"]}
    )
    machine = Product(data=other.data, port=other.port, token=made["token"], space=other.space)
    for _ in range(10):
        one.call("PATCH", f"roles/{role}/", {"permissions": ["run.view"]}, ANY)
        assert status(machine, "agents/") == 403 and status(machine, "runs/") == 200
        one.call("PATCH", f"roles/{role}/", {"permissions": ["agent.view"]}, ANY)
        assert status(machine, "agents/") == 200 and status(machine, "runs/") == 403
    one.call("DELETE", f"api-tokens/{made['id']}/")
    assert status(machine, "agents/") == 401
    provider = other.call("GET", "providers/")["results"][0]["id"]
    one.call("PATCH", f"providers/{provider}/", {"name": "Renamed"}, ANY)
    assert other.call("GET", f"providers/{provider}/")["name"] == "Renamed"
    session = Product(data=one.data, port=one.port, space=one.space).sign_in()
    elsewhere = Product(data=other.data, port=other.port, token=session.token, space=one.space)
    assert status(elsewhere, "agents/") == 200
    session.call("POST", "/api/v1/auth/logout/", {})
    assert status(elsewhere, "agents/") == 401


@pytest.mark.full
def test_guesses_at_either_server_count_as_one(fleet: Fleet) -> None:
    """Though Redis is flushed in between."""
    refusals = []
    for number in range(60):
        refusals.append(guess(fleet.webs[number % 2]))
        if number == 3:
            fleet.redis.flush()
        if refusals[-1] == 429:
            break
    assert 20 <= refusals.count(401) < 25, "ten for a name, times AAP_RATE_LIMITS; and some flow back"


@pytest.mark.parametrize("away", ["killed", pytest.param("frozen", marks=pytest.mark.full)])
def test_people_go_on_without_redis(fleet: Fleet, away: str) -> None:
    """GOALS G6: no 5xx and no long wait, at either server; the sums are right; and it is used again when it is back."""
    statuses: list[int] = []
    slowest = 0.0
    over = time.monotonic() + 3

    def work(number: int) -> None:
        nonlocal slowest
        web = fleet.webs[number % 2]
        while time.monotonic() < over and len(statuses) < 250:  # a person has a rate
            for path in ("usage/?days=30", "agents/", "runs/", "/api/v1/me/"):
                began = time.monotonic()
                statuses.append(status(web, path))
                slowest = max(slowest, time.monotonic() - began)

    process = fleet.redis.process
    assert process is not None
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, number) for number in range(4)]
        wait_until(lambda: len(statuses) > 20, "nobody was answered")
        if away == "killed":
            fleet.redis.stop()
        else:
            process.send_signal(signal.SIGSTOP)
        try:
            for one in working:
                one.result(60)
            assert set(statuses) == {200} and slowest < 3, slowest
            assert all(sums(web) == truth(fleet) for web in fleet.webs)
        finally:
            fleet.redis.start() if away == "killed" else process.send_signal(signal.SIGCONT)
    known = [cache_outcomes(web)["known"] for web in fleet.webs]
    wait_until(
        lambda: (
            all(sums(web) == truth(fleet) for web in fleet.webs)
            and all(cache_outcomes(web)["known"] > before for web, before in zip(fleet.webs, known, strict=True))
        ),
        "what is kept is not used again",
    )
    print(f"\nG6: Redis {away}: {len(statuses)} requests, the slowest took {slowest:.1f} s")


def status(web: Product, path: str) -> int:
    try:
        web.call("GET", path)
    except Refused as refusal:
        return refusal.status
    return 200


def guess(web: Product) -> int:
    body = {"email": EMAIL, "password": PASSWORD + "x"}
    try:
        web.call("POST", "/api/v1/auth/token/", body)
    except Refused as refusal:
        return refusal.status
    return 200
