"""Wrong passwords are counted, so that guessing is slow. Must not know which door they came to.

Counted for an address and a name together, so that nobody can lock the true owner out from elsewhere, and for an address
alone, so that trying one password on many names is slow too. Right passwords are never counted.
"""

from __future__ import annotations

from hashlib import sha256

from django.conf import settings
from django.core.cache import cache

from core.errors import TooManyRequests

WINDOW_SECONDS = 300
FOR_A_NAME = 10
FOR_AN_ADDRESS = 100


def refuse_guessing(*, email: str, ip: str | None) -> None:
    """TooManyRequests when too many wrong passwords came from here in the last five minutes, before any is checked."""
    if settings.RATE_LIMITS == "off":
        return
    factor = float(settings.RATE_LIMITS)
    for key, allowed in _keys(email, ip):
        if int(cache.get(key, 0)) >= max(1, allowed * factor):
            raise TooManyRequests(
                "Too many wrong passwords from here. Wait five minutes, then try again.",
                code="too_many_attempts",
                headers={"Retry-After": str(WINDOW_SECONDS)},
            )


def count_wrong(*, email: str, ip: str | None) -> None:
    for key, _ in _keys(email, ip):
        if not cache.add(key, 1, WINDOW_SECONDS):
            try:
                cache.incr(key)
            except ValueError:  # it ended in between
                cache.add(key, 1, WINDOW_SECONDS)


def _keys(email: str, ip: str | None) -> tuple[tuple[str, int], ...]:
    place = ip or "local"
    name = sha256(email.encode("utf-8", "replace")).hexdigest()[:32]
    return (f"sign-in:{place}:{name}", FOR_A_NAME), (f"sign-in:{place}", FOR_AN_ADDRESS)
