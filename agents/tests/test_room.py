"""How much may go on or wait: for a person, a workspace, the whole installation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.models import Run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tight(settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    settings.MAX_OPEN_RUNS, settings.MAX_OPEN_RUNS_OF_WORKSPACE, settings.MAX_QUEUED_RUNS = 2, 40, 200


def start(api: Any, agent: dict[str, Any]) -> Any:
    return api.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}})


def test_of_a_person(owner: Any, agent: dict[str, Any], make_person: Callable[..., Any], workspace: Any) -> None:
    assert [start(owner, agent).status_code for _ in range(3)] == [202, 202, 429]
    refused = start(owner, agent)
    assert refused.data["code"] == "too_many_open_runs" and refused["Retry-After"] == "5"
    assert start(make_person(workspace, "builder"), agent).status_code == 202, "others have their own"
    stopped = Run.objects.filter(started_by=owner.person).first()
    assert stopped is not None
    Run.objects.filter(pk=stopped.pk).update(status=Run.Status.CANCELLED)
    assert start(owner, agent).status_code == 202


def test_of_a_workspace(owner: Any, agent: dict[str, Any], make_person: Callable[..., Any], workspace: Any) -> None:
    for _ in range(20):
        person = make_person(workspace, "builder")
        assert [start(person, agent).status_code for _ in range(2)] == [202, 202]
    refused = start(owner, agent)
    assert (refused.status_code, refused.data["code"]) == (429, "too_many_open_runs_of_workspace")
    assert refused["Retry-After"] == "5"
    assert Run.objects.filter(workspace=workspace).count() == 40


def test_of_all(owner: Any, agent: dict[str, Any], make_workspace: Callable[..., Any]) -> None:
    assert start(owner, agent).status_code == 202
    first = Run.objects.get()
    # Elsewhere, more than this installation gets through.
    other = make_workspace()
    Run.objects.bulk_create(
        Run(
            workspace=other, agent_id=first.agent_id, version_id=first.version_id,
            conversation_id=first.conversation_id, started_by_id=first.started_by_id, status=Run.Status.QUEUED,
        )
        for _ in range(199)
    )  # fmt: skip
    refused = start(owner, agent)
    assert (refused.status_code, refused.data["code"], refused["Retry-After"]) == (503, "queue_full", "10")
    Run.objects.filter(workspace=other).update(status=Run.Status.SUCCEEDED)
    assert start(owner, agent).status_code == 202
