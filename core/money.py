"""An amount with its currency; there are no bare decimals for money in the product."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str = "USD"

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError("Amounts in two currencies cannot be added.")
        return Money(self.amount + other.amount, self.currency)

    def as_json(self) -> dict[str, str]:
        """`{"amount": "0.0012", "currency": "USD"}`: plain digits, no exponent, no trailing zeros."""
        text = format(self.amount.normalize(), "f")
        return {"amount": "0" if text in ("-0", "") else text, "currency": self.currency}


def money_json(amount: Decimal | None, currency: str | None) -> dict[str, str] | None:
    """The wire form of an amount and a currency column; None when the price is not known."""
    return None if amount is None else Money(amount, currency or "USD").as_json()
