"""Figures of the runs that this process carries, for Prometheus. Counted after the commit, from the events themselves.

Labels take few values: no ids, no names that people choose. What every process would say alike (the queue) is asked of the
database when somebody looks, and then not again for some seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from django.db.models import Count, Min
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.engine import events as ev
from agents.models import Decision, Run
from core.clock import now

RUNS_STARTED = Counter("aap_runs_started_total", "Runs taken up by this process, by attempt.", ["attempt"])
RUNS_ENDED = Counter("aap_runs_ended_total", "Runs ended by this process, by how.", ["status", "code"])
RUNS_IN_FLIGHT = Gauge("aap_runs_in_flight", "Runs that this process carries on now.")
RUN_SECONDS = Histogram(
    "aap_run_seconds",
    "From a run's start by a person or program to its end, waiting for people included.",
    ["status"],
    buckets=(0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600),
)
QUEUE_SECONDS = Histogram(
    "aap_queue_seconds",
    "From a run's start by a person or program until a process took it up for the first time.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
STEP_SECONDS = Histogram(
    "aap_step_seconds",
    "Steps: a model call and what belongs to it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
STEPS_RESTARTED = Counter("aap_steps_restarted_total", "Steps that began anew after a death or a lost lease.")
TOKENS = Counter("aap_tokens_total", "Tokens of model calls as the vendors count them.", ["direction"])
TOOL_CALLS = Counter(
    "aap_tool_calls_total", "Tool calls by outcome; unknown: nobody knows whether it took effect.", ["outcome"]
)
TOOL_SECONDS = Histogram(
    "aap_tool_seconds", "Tool calls of this process.", buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
)
DECISIONS_ASKED = Counter("aap_decisions_asked_total", "What runs put to people, by kind.", ["kind"])
DECISIONS_RESOLVED = Counter("aap_decisions_resolved_total", "What people decided, by how.", ["resolution"])
FIRST_TOKEN = Histogram(
    "aap_first_token_seconds",
    "From the request to the vendor to its first piece of text.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
OPEN_SOCKETS = Gauge("aap_open_sockets", "Open sockets of this process.")
SOCKETS_OPENED = Counter("aap_sockets_opened_total", "Sockets opened at this process.")
SOCKETS_CLOSED = Counter("aap_sockets_closed_total", "Sockets that this process closed, by code.", ["code"])

#: What a tool call, a run and a decision can end with, so that a rate is 0 before the first and not missing.
for _outcome in ("ok", "error", "denied", "cancelled", "unknown"):
    TOOL_CALLS.labels(_outcome)
for _status in ("succeeded", "cancelled"):
    RUNS_ENDED.labels(_status, "")
for _kind in Decision.Kind.values:
    DECISIONS_ASKED.labels(_kind)


def count_events(events: Sequence[ev.Event], run: Run) -> None:
    """Add what these committed events of the run say."""
    for event in events:
        match event:
            case ev.RunStarted():
                RUNS_STARTED.labels("first").inc()
                QUEUE_SECONDS.observe(_since(run))
            case ev.RunResumed():
                RUNS_STARTED.labels("again").inc()
            case ev.RunSucceeded():
                _ended(run, "succeeded")
            case ev.RunFailed():
                _ended(run, "failed", event.code)
            case ev.RunCancelled():
                _ended(run, "cancelled")
            case ev.UsageRecorded():
                TOKENS.labels("input").inc(event.input_tokens)
                TOKENS.labels("output").inc(event.output_tokens)
            case ev.ToolCompleted():
                TOOL_CALLS.labels(event.outcome).inc()
            case ev.ToolUnknown():
                TOOL_CALLS.labels("unknown").inc()
            case ev.DecisionRequested():
                DECISIONS_ASKED.labels(event.kind).inc()
            case ev.DecisionResolved():
                DECISIONS_RESOLVED.labels(event.resolution).inc()
            case ev.StepRestarted():
                STEPS_RESTARTED.inc()
            case ev.StepCompleted():
                if event.first_token_ms is not None:
                    FIRST_TOKEN.observe(event.first_token_ms / 1000)
                if event.duration_ms is not None:
                    STEP_SECONDS.observe(event.duration_ms / 1000)


def _ended(run: Run, status: str, code: str = "") -> None:
    RUNS_ENDED.labels(status, code).inc()
    RUN_SECONDS.labels(status).observe(_since(run))


def _since(run: Run) -> float:
    return max(0.0, (now() - run.created_at).total_seconds())


class QueueCollector(Collector):
    """What waits in the database. Every process says the same: take the greatest, not the sum."""

    SECONDS = 5.0

    def __init__(self) -> None:
        self._known: list[Metric] = []
        self._until = 0.0

    def describe(self) -> list[Metric]:
        return []  # so that registering asks no database

    def collect(self) -> Iterator[Metric]:
        if time.monotonic() >= self._until:
            self._known = list(self._look())
            self._until = time.monotonic() + self.SECONDS
        yield from self._known

    def _look(self) -> Iterator[Metric]:
        from agents.runtime.lease import claimable

        waiting = claimable().order_by().aggregate(oldest=Min("created_at"), count=Count("pk"))
        age = (now() - waiting["oldest"]).total_seconds() if waiting["oldest"] is not None else 0.0
        yield GaugeMetricFamily(
            "aap_queue_age_seconds",
            "For how long the oldest run waits that somebody should carry on now.",
            max(0.0, age),
        )
        yield GaugeMetricFamily("aap_queue_runs", "Runs that somebody should carry on now.", waiting["count"])
        open_runs = GaugeMetricFamily("aap_open_runs", "Runs that have not ended, by state.", labels=["status"])
        counts = dict(Run.objects.filter(status__in=Run.OPEN).values_list("status").annotate(Count("pk")))
        for status in Run.OPEN:
            open_runs.add_metric([status], counts.get(status, 0))
        yield open_runs
        asked = Decision.objects.filter(status=Decision.Status.OPEN).aggregate(
            oldest=Min("created_at"), count=Count("pk")
        )
        age = (now() - asked["oldest"]).total_seconds() if asked["oldest"] is not None else 0.0
        yield GaugeMetricFamily("aap_decisions_open", "Decisions that wait for a person.", asked["count"])
        yield GaugeMetricFamily("aap_decisions_open_age_seconds", "For how long the oldest waits.", max(0.0, age))
