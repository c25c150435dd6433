"""Changing a model's label and price, and switching it on and off."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from audit.action import Action, action
from core.authz import Permission
from core.clock import now
from llm_providers.models import LanguageModel, Price


@action("model.update", requires=Permission.PROVIDER_EDIT, on="model")
def update_model(
    act: Action, *, model: LanguageModel, enabled: bool | None = None, label: str | None = None
) -> LanguageModel:
    """A model was switched on or off, or renamed."""
    changes = {}
    if enabled is not None and enabled != model.enabled:
        model.enabled = changes["enabled"] = enabled
    if label is not None and label != model.label:
        model.label = label
        changes["label"] = True
    act.record(**changes)
    model.save()
    return model


@action("model.set_price", requires=Permission.PROVIDER_EDIT, on="model")
def set_price(
    act: Action,
    *,
    model: LanguageModel,
    input: Decimal,
    output: Decimal,
    cached_input: Decimal | None = None,
    currency: str = "USD",
    valid_from: datetime | None = None,
) -> Price:
    """A model's price was set by hand."""
    price = Price(
        model=model,
        input=input,
        output=output,
        cached_input=cached_input,
        currency=currency,
        valid_from=valid_from or now(),
        source=Price.Source.MANUAL,
    )
    price.save(force_insert=True)
    model.save()  # its date tells the gateway that something changed
    act.record(input=str(input), output=str(output), currency=currency)
    return price
