"""Leases while clocks are moved. On PostgreSQL the server's clock counts, whatever this machine's says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from agents.models import Run
from agents.runtime.lease import LEASE, claim_run, due_runs, release_run
from core.clock import now

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(owner: Any, agent: dict[str, Any]) -> str:
    return str(owner.post("runs/", {"agent": agent["id"], "input": {"text": "Hello"}}).data["id"])


def epoch(run: str) -> int:
    return Run.objects.get(pk=run).lease_epoch


def test_one_holder_at_a_time(run: str) -> None:
    assert due_runs(10) == [run]
    assert claim_run(run) and not claim_run(run)
    assert due_runs(10) == [] and epoch(run) == 1
    release_run(run, epoch=1)
    assert due_runs(10) == [run] and claim_run(run) and epoch(run) == 2


def test_a_lease_runs_out(run: str) -> None:
    assert claim_run(run)
    Run.objects.update(lease_until=now() - timedelta(seconds=1))
    assert due_runs(10) == [run] and claim_run(run) and epoch(run) == 2


def test_a_lease_further_ahead_than_one_can_be_counts_as_over(run: str) -> None:
    """The clock was moved back, by an hour: nobody waits for an hour."""
    assert claim_run(run)
    Run.objects.update(lease_until=now() + timedelta(hours=1))
    assert due_runs(10) == [run] and claim_run(run) and epoch(run) == 2


@pytest.mark.parametrize("hours", [-26, 26])
def test_this_machines_clock_is_moved_between_two_holders(run: str, hours: int) -> None:
    moved = now() + timedelta(hours=hours)
    with time_machine.travel(moved, tick=True):
        assert claim_run(run)
    held_until = Run.objects.get(pk=run).lease_until
    assert held_until is not None
    if connection.vendor == "sqlite":  # one machine, one clock: what it said then is over, or never was
        assert abs(held_until - moved - LEASE) < timedelta(seconds=5)
        assert claim_run(run)
    else:
        assert abs(held_until - now() - LEASE) < timedelta(seconds=5)
        assert due_runs(10) == [] and not claim_run(run)
