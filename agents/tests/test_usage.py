"""Sums of tokens and cost: always what the runs say now, also where those of days that are over are kept."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.cache import cache

from agents.models import Run
from agents.selectors.usage import WORTH_KEEPING
from core.clock import now
from core.ids import new_id
from core.money import money_json
from tests.fixtures.people import Api, new_agent, new_model

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """And so far from midnight that all of a test is of one day."""
    cache.clear()
    with time_machine.travel(midnight() + timedelta(hours=12), tick=True):
        yield


def copies(
    owner: Api,
    agents: Iterable[str],
    number: int = 2 * WORTH_KEEPING,
    *,
    days: int = 50,
    seed: int = 7,
    waiting: float = 0.02,
) -> list[Run]:
    """Runs of the last days, some of which still wait; like ones that the product itself began."""
    drawn = random.Random(seed)
    began = []
    for agent in agents:
        answer = owner.post("runs/", {"agent": agent, "input": {"text": "Hello"}})
        assert answer.status_code == 202, answer.content
        began.append(Run.objects.get(pk=answer.data["id"]))
    rows = []
    for _ in range(number):
        like = drawn.choice(began)
        cost = drawn.choice([None, Decimal("0.5"), Decimal("1.25")])
        rows.append(
            Run(
                **{
                    field: getattr(like, field)
                    for field in ("workspace_id", "agent_id", "version_id", "conversation_id")
                },
                id=new_id("run"),
                started_by_id=like.started_by_id,
                status=drawn.choice(
                    ["succeeded", "failed", "cancelled", *(["waiting"] if drawn.random() < waiting else [])]
                ),
                input_tokens=drawn.randrange(1_000),
                output_tokens=drawn.randrange(1_000),
                cost_amount=cost,
                cost_currency="USD" if cost is not None else "",
            )
        )
    Run.objects.bulk_create(rows)
    for ago in range(days):  # the time of a run's making is not for its maker to say
        ids = [row.pk for row in rows[ago::days]]
        moment = midnight() - timedelta(days=ago) + timedelta(minutes=drawn.randrange(1_400) if ago else 0)
        Run.objects.filter(pk__in=ids).update(created_at=moment)
    return list(Run.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))


def midnight() -> datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0)


def truth(runs: Iterable[Run], days: int) -> dict[str, Any]:
    """The same sums, one run after the other."""
    first = midnight() - timedelta(days=days - 1)
    every = list(runs)
    recent = [run for run in every if run.created_at >= first]

    def told(some: Iterable[Run]) -> dict[str, Any]:
        some = list(some)
        amounts = [run.cost_amount for run in some if run.cost_amount is not None]
        return {
            "tokens": sum(run.input_tokens + run.output_tokens for run in some),
            "cost": money_json(sum(amounts, Decimal(0)) if amounts else None, "USD"),
            "runs": len(some),
        }

    return {
        "today": told(run for run in every if run.created_at >= midnight()),
        "month": told(run for run in every if run.created_at >= midnight().replace(day=1)),
        "by_day": {
            day: told(run for run in recent if run.created_at.date().isoformat() == day)
            for day in {run.created_at.date().isoformat() for run in recent}
        },
        "by_agent": {
            agent: told(run for run in recent if run.agent_id == agent) for agent in {run.agent_id for run in recent}
        },
    }


def asked(api: Api, days: int) -> dict[str, Any]:
    answer = api.get(f"usage/?days={days}")
    assert answer.status_code == 200, answer.content
    data = answer.data
    assert [row["runs"] for row in data["by_agent"]] == sorted((row["runs"] for row in data["by_agent"]), reverse=True)
    assert sum(row["runs"] for row in data["by_model"]) == sum(row["runs"] for row in data["by_day"])
    return {
        "today": data["today"],
        "month": data["month"],
        "by_day": {row.pop("day"): row for row in data["by_day"]},
        "by_agent": {row.pop("agent")["id"]: row for row in data["by_agent"]},
    }


def test_sums_that_are_kept_are_those_of_now(owner: Api, demo_model: str, make_person: Any, workspace: Any) -> None:
    """Asked after every kind of change, twice each: worked out, and known."""
    agents = [new_agent(owner, demo_model)["id"] for _ in range(2)]
    runs = copies(owner, agents)
    admin = make_person(workspace, "admin")
    past = [run for run in runs if run.created_at < midnight() - timedelta(days=1)]
    late = [run for run in past if run.status == "waiting" and run.created_at > midnight() - timedelta(days=20)]
    gone = [run for run in past if run.status == "succeeded" and run.created_at > midnight() - timedelta(days=6)]
    assert len(late) > 1 and len(gone) > 1

    def check(what: str) -> None:
        rows = list(Run.objects.all())
        for days in (7, 30):
            expected = truth(rows, days)
            for api in (owner, admin):
                assert asked(api, days) == expected, (what, days)

    check("at first")
    Run.objects.filter(pk=late[0].pk).update(input_tokens=100_000)
    check("a run of the past that goes on has used more")
    Run.objects.filter(pk=late[0].pk).update(status="succeeded", output_tokens=5_000, ended_at=now())
    check("it ended")
    Run.objects.filter(pk=gone[0].pk).delete()
    check("a run of the past was deleted")
    owner.post("runs/", {"agent": agents[0], "input": {"text": "Another"}})
    check("a run was begun")
    Run.objects.filter(pk=late[1].pk).delete()
    check("one that still went on was deleted")


def test_what_is_kept_is_for_those_who_may_see_it_all(
    owner: Api, demo_model: str, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    """It lies there already when they ask, and in the same moment they lose the right to it."""
    agent = new_agent(owner, demo_model)["id"]
    copies(owner, [agent])
    assert asked(owner, 30) == truth(Run.objects.all(), 30)
    stranger, user = make_person(make_workspace("South"), "owner"), make_person(workspace, "user")
    admin = make_person(workspace, "admin")
    nothing = {"tokens": 0, "cost": None, "runs": 0}
    assert asked(stranger, 30) == asked(user, 30) == {"today": nothing, "month": nothing, "by_day": {}, "by_agent": {}}
    assert asked(admin, 30) == truth(Run.objects.all(), 30)
    member = next(
        row["id"] for row in owner.get("members/").data["results"] if row["user"]["email"] == admin.person.email
    )
    assert owner.patch(f"members/{member}/", {"role": "user"}).status_code == 200
    assert asked(admin, 30)["by_agent"] == {}


def test_equally_many_runs_are_not_the_same_runs(
    owner: Api, demo_model: str, make_person: Any, make_workspace: Any, workspace: Any
) -> None:
    """Of two people, and of two workspaces."""
    elsewhere = make_person(make_workspace("South"), "owner")
    here, there = new_agent(owner, demo_model)["id"], new_agent(elsewhere, new_model(elsewhere))["id"]
    people = [make_person(workspace, "user"), make_person(workspace, "user")]
    for seed, (api, agent) in enumerate([(people[0], here), (people[1], here), (elsewhere, there)]):
        number = 2 * WORTH_KEEPING + 480 if api is elsewhere else WORTH_KEEPING + 240
        copies(api, [agent], number, days=20, seed=seed, waiting=0)
    for api in (owner, elsewhere):
        rows = Run.objects.filter(agent_id=here if api is owner else there)
        assert asked(api, 30)["by_day"] == truth(rows, 30)["by_day"]
    for api in people:
        assert asked(api, 30)["by_day"] == truth(Run.objects.filter(started_by=api.person.pk), 30)["by_day"]


def test_names_are_read_now(owner: Api, demo_model: str) -> None:
    agent = new_agent(owner, demo_model)
    copies(owner, [agent["id"]])
    assert [row["agent"]["name"] for row in owner.get("usage/").data["by_agent"]] == ["Helper"]
    etag = owner.get(f"agents/{agent['id']}/")["ETag"]
    assert owner.patch(f"agents/{agent['id']}/", {"name": "After"}, If_Match=etag).status_code == 200
    assert [row["agent"]["name"] for row in owner.get("usage/").data["by_agent"]] == ["After"]
