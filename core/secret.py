"""A secret that does not show itself: whatever prints, logs, formats or serialises it gets a mask.

What is secret is known by its type, not by its looks: a key need not look like one. It is revealed where it is sent, and
nowhere else.
"""

from __future__ import annotations

import hmac
from typing import NoReturn

MASK = "[secret]"


class Secret:
    """Holds a text. Two of the same text are equal; there is no order, no length and no copy by pickling."""

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not written down.")
