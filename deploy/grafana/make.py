#!/usr/bin/env python3
"""Writes the dashboards beside it, from the panels named here: `python3 deploy/grafana/make.py`.

Grafana's JSON is long and says little; this is what a person reads and changes. A test keeps both alike, and asks the
product whether it has each figure.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT = 24, 8

Panel = dict[str, Any]


def graph(
    title: str, unit: str, *series: tuple[str, str], about: str = "", width: int = 12, stack: bool = False
) -> Panel:
    """Lines over time; `series` are (PromQL, legend)."""
    return {
        "type": "timeseries",
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": [
            {"refId": chr(65 + number), "expr": query, "legendFormat": legend, "datasource": SOURCE}
            for number, (query, legend) in enumerate(series)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "min": 0,
                "custom": {
                    "lineWidth": 2,
                    "fillOpacity": 15 if stack else 0,
                    "showPoints": "never",
                    "spanNulls": False,
                    "stacking": {"mode": "normal" if stack else "none"},
                },
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "gridPos": {"w": width, "h": HEIGHT},
    }


def number(title: str, unit: str, query: str, *, about: str = "", amber: float | None = None, red: float | None = None,
           low: bool = False) -> Panel:  # fmt: skip
    """One figure of now. `low`: small is bad, so amber and red are passed downwards."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if low:
        steps = [{"color": "red", "value": None}, {"color": "orange", "value": red}, {"color": "green", "value": amber}]
    else:
        steps += [{"color": colour, "value": at} for colour, at in (("orange", amber), ("red", red)) if at is not None]
    return {
        "type": "stat",
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": [{"refId": "A", "expr": query, "datasource": SOURCE, "instant": True}],
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
        "gridPos": {"w": 6, "h": 4},
    }


def quantiles(metric: str, by: str = "") -> list[tuple[str, str]]:
    parts = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        (f"histogram_quantile({q}, sum by ({parts}) (rate({metric}_bucket[5m])))", f"p{round(q * 100)}{legend}")
        for q in ((0.5, 0.95) if by else (0.5, 0.95, 0.99))
    ]


def dashboard(uid: str, title: str, *panels: Panel) -> dict[str, Any]:
    """Panels from left to right, top to bottom."""
    x = y = tallest = 0
    placed = []
    for ident, panel in enumerate(panels, start=1):
        box = panel["gridPos"]
        if x + box["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        placed.append({**panel, "id": ident, "gridPos": {**box, "x": x, "y": y}})
        x, tallest = x + box["w"], max(tallest, box["h"])
    return {
        "uid": uid,
        "title": title,
        "tags": ["agent-platform"],
        "schemaVersion": 41,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "links": [
            {"type": "dashboards", "tags": ["agent-platform"], "title": "All", "asDropdown": True, "keepTime": True}
        ],
        "panels": placed,
    }


GOOD = 'sum(rate(django_http_responses_total_by_status_total{status!~"5.."}[5m]))'
ALL = "sum(rate(django_http_responses_total_by_status_total[5m]))"

DASHBOARDS = [
    dashboard(
        "aap-overview",
        "Overview",
        number("Web servers", "none", 'sum(up{job="web"})', red=1, amber=2, low=True),
        number("Workers", "none", 'sum(up{job="worker"})', red=1, amber=2, low=True),
        number("Oldest run in the queue", "s", "max(aap_queue_age_seconds)", amber=5, red=30),
        number("Audit log unsealed for", "s", "max(aap_audit_unsealed_seconds)", amber=5, red=30),
        number("Runs in flight", "none", "sum(aap_runs_in_flight)"),
        number("Open sockets", "none", "sum(aap_open_sockets)"),
        number("Decisions that wait", "none", "max(aap_decisions_open)"),
        number("Requests answered well", "percentunit", f"{GOOD} / {ALL}", red=0.98, amber=0.999, low=True),
        graph("Requests", "reqps", ("sum by (status) (rate(django_http_responses_total_by_status_total[5m]))", "{{status}}"), stack=True),
        graph("Time to answer", "s", *quantiles("django_http_requests_latency_including_middlewares_seconds")),
        graph("Runs ended", "ops", ("sum by (status) (rate(aap_runs_ended_total[5m]))", "{{status}}"), stack=True),
        graph("First word", "s", *quantiles("aap_first_token_seconds"), about="From the request to the vendor to its first text."),
    ),
    dashboard(
        "aap-runs",
        "Runs",
        graph("Open runs", "none", ("max by (status) (aap_open_runs)", "{{status}}"), stack=True),
        graph("Queue", "s", ("max(aap_queue_age_seconds)", "oldest"), about="Runs that somebody should carry on now."),
        graph("Time until taken up", "s", *quantiles("aap_queue_seconds")),
        graph("Duration", "s", *quantiles("aap_run_seconds", "status")),
        graph("Failures by reason", "ops", ('sum by (code) (rate(aap_runs_ended_total{status="failed"}[5m]))', "{{code}}")),
        graph("Taken up", "ops", ("sum by (attempt) (rate(aap_runs_started_total[5m]))", "{{attempt}}"),
              about="Again: after a decision, a death or a lost lease."),
        graph("Steps", "s", *quantiles("aap_step_seconds")),
        graph("Steps begun anew", "ops", ("sum(rate(aap_steps_restarted_total[5m]))", "anew")),
        graph("Tool calls", "ops", ("sum by (outcome) (rate(aap_tool_calls_total[5m]))", "{{outcome}}"), stack=True),
        graph("Time of tool calls", "s", *quantiles("aap_tool_seconds")),
        graph("Decisions", "none", ("max(aap_decisions_open)", "open")),
        graph("Decisions asked and made", "ops",
              ("sum by (kind) (rate(aap_decisions_asked_total[15m]))", "asked: {{kind}}"),
              ("sum by (resolution) (rate(aap_decisions_resolved_total[15m]))", "made: {{resolution}}")),
    ),
    dashboard(
        "aap-providers",
        "Providers and cost",
        graph("Calls", "ops", ("sum by (provider) (rate(aap_model_call_seconds_count[5m]))", "{{provider}}"), stack=True),
        graph("Calls that failed", "ops",
              ('sum by (provider, outcome) (rate(aap_model_call_seconds_count{outcome!~"ok|interrupted|abandoned"}[5m]))',
               "{{provider}} {{outcome}}")),
        graph("Duration of calls", "s", *quantiles("aap_model_call_seconds", "provider")),
        graph("First word", "s", *quantiles("aap_first_token_seconds")),
        graph("Tokens", "none", ("sum by (provider, direction) (rate(aap_model_tokens_total[5m]))", "{{provider}} {{direction}}")),
        graph("Tries again", "ops", ("sum by (provider) (rate(aap_model_call_retries_total[5m]))", "{{provider}}")),
        graph("Cost in an hour", "none", ("sum by (provider, currency) (increase(aap_model_cost_total[1h]))", "{{provider}} {{currency}}"),
              about="Where the price is known."),
        graph("Cost in a day", "none", ("sum by (currency) (increase(aap_model_cost_total[1d]))", "{{currency}}")),
    ),
    dashboard(
        "aap-processes",
        "Sockets and workers",
        graph("Open sockets", "none", ("aap_open_sockets", "{{instance}}")),
        graph("Sockets opened and closed", "ops",
              ("sum(rate(aap_sockets_opened_total[5m]))", "opened"),
              ("sum by (code) (rate(aap_sockets_closed_total[5m]))", "closed by us: {{code}}")),
        graph("Runs in flight", "none", ("aap_runs_in_flight", "{{instance}}")),
        graph("Event loop comes late", "s", *quantiles("aap_event_loop_lag_seconds", "instance")),
        graph("Processor", "percentunit", ('rate(process_cpu_seconds_total{job=~"web|worker"}[5m])', "{{instance}}"),
              about="1 is a whole core."),
        graph("Memory", "bytes", ('process_resident_memory_bytes{job=~"web|worker"}', "{{instance}}")),
        graph("Refused by rate limits", "ops", ("sum by (rule) (rate(aap_rate_limited_total[5m]))", "{{rule}}")),
        graph("Open files", "none", ('process_open_fds{job=~"web|worker"}', "{{instance}}")),
        graph("Trace spans", "ops", ("sum by (outcome) (rate(aap_trace_spans_total[5m]))", "{{outcome}}"),
              about="Only where traces are sent to a collector. Lost ones cost no run anything."),
    ),
    dashboard(
        "aap-database",
        "Database and audit log",
        graph("Connections", "none", ("sum by (instance, state) (aap_database_connections)", "{{instance}} {{state}}"), stack=True),
        graph("Who waits for one", "none", ("aap_database_waiting", "{{instance}}")),
        graph("How full the pools are", "percentunit",
              ('sum by (instance) (aap_database_connections{state="busy"}) / sum by (instance) (aap_database_connections_max)',
               "{{instance}}")),
        graph("Audit log unsealed for", "s", ("aap_audit_unsealed_seconds", "{{instance}}")),
        graph("Entries sealed", "ops", ("sum(rate(aap_audit_sealed_total[5m]))", "sealed")),
        graph("Signed heads", "ops",
              ("sum(rate(aap_audit_heads_exported_total[15m]))", "handed over"),
              ("sum(rate(aap_audit_head_export_failures_total[15m]))", "failed")),
    ),
    dashboard(
        "aap-slo",
        "How good it is (SLO)",
        number("Requests answered, last hour", "percentunit", "aap:requests_good:ratio_rate1h", red=0.995, amber=0.999, low=True,
               about="Goal: 99.9 % without a 5xx."),
        number("Runs taken up within 5 s, last hour", "percentunit", "aap:runs_started_soon:ratio_rate1h", red=0.95, amber=0.99,
               low=True, about="Goal: 99 %."),
        number("Allowance used in 30 days", "percentunit",
               "(1 - avg_over_time(aap:requests_good:ratio_rate5m[30d])) / 0.001", amber=0.5, red=1),
        number("Burns at", "none", "(1 - aap:requests_good:ratio_rate1h) / 0.001", amber=1, red=14.4,
               about="1: the allowance lasts just the month. 14.4: two days."),
        graph("Requests answered", "percentunit", ("aap:requests_good:ratio_rate5m", "5 minutes"),
              ("aap:requests_good:ratio_rate1h", "an hour"), width=24),
        graph("Runs taken up within 5 s", "percentunit", ("aap:runs_started_soon:ratio_rate1h", "an hour"), width=24),
    ),
]  # fmt: skip


def main() -> None:
    for one in DASHBOARDS:
        (HERE / f"{one['uid']}.json").write_text(json.dumps(one, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
