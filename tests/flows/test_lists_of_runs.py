"""Whose runs a person is shown, and that a workspace may hold a hundred thousand others without their waiting for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Conversation, Run
from tests.fixtures.people import Api

pytestmark = pytest.mark.django_db

OTHERS = 20_000


@pytest.fixture
def ann(make_person: Callable[..., Api], workspace: Any) -> Api:
    return make_person(workspace, "user")


@pytest.fixture
def bob(make_person: Callable[..., Api], workspace: Any) -> Api:
    return make_person(workspace, "user")


def ask(api: Api, agent: dict[str, Any]) -> Run:
    answer = api.post("runs/", {"agent": agent["id"], "input": {"text": "Hi"}})
    assert answer.status_code == 202, answer.content
    run = Run.objects.get(pk=answer.data["id"])
    Run.objects.filter(pk=run.pk).update(status="failed")
    return run


def listed(api: Api) -> list[str]:
    return [row["id"] for row in api.get("runs/").data["results"]]


@pytest.mark.parametrize("written_by", ["this version", "one that did not know owners"])
def test_what_others_run_in_somebodys_conversation_is_theirs_to_see(
    ann: Api, bob: Api, agent: dict[str, Any], written_by: str
) -> None:
    first = ask(ann, agent)
    where = f"conversations/{first.conversation_id}/"
    assert ann.post(f"{where}grants/", {"grantee": bob.person.pk, "level": "run"}).status_code == 201
    assert bob.post(f"{where}messages/", {"text": "And you?"}).status_code == 202
    second = Run.objects.get(started_by=bob.person)
    assert {run.owner_id for run in (first, second)} == {ann.person.pk}
    if written_by != "this version":
        Run.objects.update(owner=None)
    assert [listed(ann), listed(bob)] == [[second.pk, first.pk]] * 2
    assert ann.delete(f"{where}grants/{bob.person.pk}/").status_code == 204
    assert [listed(ann), listed(bob)] == [[second.pk, first.pk], [second.pk]], (
        "what one started oneself stays one's own"
    )
    assert ann.delete(where).status_code == 204
    assert [listed(ann), listed(bob)] == [[first.pk], [second.pk]]


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def test_few_among_many_are_found_without_looking_at_the_others(
    owner: Api, ann: Api, bob: Api, agent: dict[str, Any]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite does not tell how many rows it looked at")
    ask(owner, agent)
    with connection.cursor() as cursor:
        # The same conversation and run again and again, by the database's own hand.
        for model in (Conversation, Run):
            names = [field.column for field in model._meta.concrete_fields]
            columns = ", ".join(f'"{name}"' for name in names)
            copied = ", ".join(
                f"overlay(\"{name}\" placing lpad(n::text, 26, '0') from 5)"
                if name in ("id", "conversation_id")
                else f'"{name}"'
                for name in names
            )
            table = model._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} ({columns}) SELECT {copied} FROM {table}, generate_series(1, {OTHERS}) n"
            )
    own, shared = ask(ann, agent), ask(bob, agent)
    grant = {"grantee": ann.person.pk, "level": "view"}
    assert bob.post(f"conversations/{shared.conversation_id}/grants/", grant).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as asked:
        assert sorted(listed(ann)) == sorted([own.pk, shared.pk])
    (statement,) = [one["sql"] for one in asked.captured_queries if 'FROM "agents_run"' in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement)
        (told,) = cursor.fetchone()
    plan = told[0]["Plan"] if not isinstance(told, str) else json.loads(told)[0]["Plan"]
    of_runs = [node for node in _nodes(plan) if node.get("Relation Name") in ("agents_run", "agents_conversation")]
    assert of_runs
    looked_at = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] for node in of_runs
    )
    assert looked_at < OTHERS / 50, [node["Node Type"] for node in _nodes(plan)]
