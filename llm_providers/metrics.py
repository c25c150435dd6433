"""Figures of model calls for Prometheus: by kind of vendor, not by model or workspace, which would never end."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

CALL_SECONDS = Histogram(
    "aap_model_call_seconds",
    "Model calls from the request to the end of the answer, tries included. The outcome is ok, interrupted, abandoned or "
    "the code of an error.",
    ["provider", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
RETRIES = Counter("aap_model_call_retries_total", "Model calls tried again before their first word.", ["provider"])
TOKENS = Counter("aap_model_tokens_total", "Tokens that were paid for, by kind of vendor.", ["provider", "direction"])
COST = Counter("aap_model_cost_total", "What model calls cost where the price is known.", ["provider", "currency"])
