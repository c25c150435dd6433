"""From what a vendor lists to rows: models keep their ids, prices are added and never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.clock import now
from core.text_policy import replace_bad
from llm_providers.credentials import effective_base_url
from llm_providers.models import LanguageModel, Price, Provider
from llm_providers.pricing import Rates, look_up
from llm_providers.protocol import Capabilities, DiscoveredModel

MAX_WINDOW = 2_000_000_000
# When a vendor does not say, most chat models can call tools, and one that cannot says so clearly.
UNSAID = Capabilities(tools=True)


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as a vendor lists it, with what the price table knows about it."""

    model: DiscoveredModel
    rates: Rates | None
    context_window: int | None


def look_up_offers(provider: Provider, found: Iterable[DiscoveredModel]) -> list[Offer]:
    """Join the list with the price table; takes a second the first time, so it stays outside the transaction."""
    url = effective_base_url(provider.kind, provider.base_url)
    offers = []
    for model in found:
        known = look_up(provider.kind, url, model.name)
        offers.append(Offer(model, known.rates, model.context_window or known.context_window))
    return offers


def store_offers(provider: Provider, offers: list[Offer]) -> dict[str, int]:
    """Add, refresh and mark gone; returns how many of each. The provider's row must be locked."""
    existing = {model.name: model for model in provider.models.prefetch_related("prices")}
    added = gone = 0
    for offer in offers:
        model = existing.pop(offer.model.name, None)
        if model is None:
            model = LanguageModel(
                workspace_id=provider.workspace_id,
                provider=provider,
                name=offer.model.name,
                label=replace_bad(offer.model.label)[:200],
            )
            added += 1
        can = offer.model.capabilities or UNSAID
        model.calls_tools, model.reasons, model.sees_images = can.tools, can.reasoning, can.vision
        window = offer.context_window
        model.context_window = window if window and 0 < window <= MAX_WINDOW else None
        model.gone_at = None
        model.save()
        add_table_price(model, offer.rates)
    for model in existing.values():
        if model.gone_at is None:
            model.gone_at = now()
            model.save()
            gone += 1
    return {"added": added, "gone": gone, "offered": len(offers)}


def add_table_price(model: LanguageModel, rates: Rates | None) -> None:
    """Keep the table's price if it is news and nobody has set one by hand."""
    if rates is None:
        return
    present = model.price
    if present is not None:
        if present.source == Price.Source.MANUAL:
            return
        if (
            _same(present.input, rates.input)
            and _same(present.output, rates.output)
            and _same(present.cached_input, rates.cached_input)
        ):
            return
    Price(
        model=model,
        input=rates.input,
        output=rates.output,
        cached_input=rates.cached_input,
        currency=rates.currency,
        source=Price.Source.TABLE,
    ).save(force_insert=True)


def _same(one: Decimal | None, other: Decimal | None) -> bool:
    return one == other
