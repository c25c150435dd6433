"""What a call costs. Known prices come from a table bundled with a library: read offline, never updated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.money import Money
from llm_providers.protocol import UsageReported

_MILLION = Decimal(1_000_000)
_TABLE_NAME = {"openai": "openai", "anthropic": "anthropic", "azure_openai": "azure"}
FREE_KINDS = frozenset(("ollama", "demo"))


@dataclass(frozen=True, slots=True)
class Rates:
    """Per million tokens. `cached_input` None: cached tokens cost what others cost."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """What the table says about a model; None where it says nothing."""

    rates: Rates | None
    context_window: int | None


def cost_of(usage: UsageReported, rates: Rates | None) -> Money | None:
    """The cost of a call, exact; None when the price is unknown (which is not the same as free)."""
    if rates is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_rate = rates.input if rates.cached_input is None else rates.cached_input
    amount = (
        (usage.input_tokens - cached) * rates.input + cached * cached_rate + usage.output_tokens * rates.output
    ) / _MILLION
    return Money(amount, rates.currency)


def look_up(kind: str, base_url: str, model: str) -> KnownModel:
    """What is known about a vendor's model. Importing the table takes about a second: call it in a thread."""
    if kind in FREE_KINDS:
        return KnownModel(Rates(Decimal(0), Decimal(0), Decimal(0)), None)
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, info = get_snapshot().find_provider_model(model, None, _TABLE_NAME.get(kind), base_url or None)
        prices = info.get_prices(datetime.now(UTC))
    except Exception:
        return KnownModel(None, None)
    given, taken = _base(prices.input_mtok), _base(prices.output_mtok)
    rates = None if given is None or taken is None else Rates(given, taken, _base(prices.cache_read_mtok))
    return KnownModel(rates, info.context_window)


def _base(value: Any) -> Decimal | None:
    """A price, or the first tier of a tiered one."""
    value = getattr(value, "base", value)
    return None if value is None else Decimal(str(value))
