"""Figures of the runs that this process carries, for Prometheus. Counted after the commit, from the events themselves."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from agents.engine import events as ev

RUNS_STARTED = Counter("aap_runs_started_total", "Runs taken up by this process, by attempt.", ["attempt"])
RUNS_ENDED = Counter("aap_runs_ended_total", "Runs ended by this process, by how.", ["status", "code"])
TOKENS = Counter("aap_tokens_total", "Tokens of model calls as the vendors count them.", ["direction"])
TOOL_CALLS = Counter("aap_tool_calls_total", "Tool calls by outcome.", ["outcome"])
FIRST_TOKEN = Histogram(
    "aap_first_token_seconds",
    "From the request to the vendor to its first piece of text.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
OPEN_SOCKETS = Gauge("aap_open_sockets", "Open sockets of this process.")


def count_events(events: Sequence[ev.Event]) -> None:
    """Add what these committed events say."""
    for event in events:
        match event:
            case ev.RunStarted():
                RUNS_STARTED.labels("first").inc()
            case ev.RunResumed():
                RUNS_STARTED.labels("again").inc()
            case ev.RunSucceeded():
                RUNS_ENDED.labels("succeeded", "").inc()
            case ev.RunFailed():
                RUNS_ENDED.labels("failed", event.code).inc()
            case ev.RunCancelled():
                RUNS_ENDED.labels("cancelled", "").inc()
            case ev.UsageRecorded():
                TOKENS.labels("input").inc(event.input_tokens)
                TOKENS.labels("output").inc(event.output_tokens)
            case ev.ToolCompleted():
                TOOL_CALLS.labels(event.outcome).inc()
            case ev.StepCompleted(first_token_ms=int() as milliseconds):
                FIRST_TOKEN.observe(milliseconds / 1000)
