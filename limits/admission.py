"""Taking from buckets at the doors: the one atomic limiter of the product.

    standing = admit((PERSON, actor.user_id), (WORKSPACE, actor.workspace_id))

Rules with a lease take several at once from the store and hand them out here, so that most requests write nothing. What is
handed out was taken before: all processes together never let more through than the rule says. What a lease leaves over is
lost after `LEASE_SECONDS`.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError
from prometheus_client import Counter

from core.errors import TooManyRequests
from limits.rules import ALL_RULES, Rule
from limits.stores import Taken, store_for

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
_MANY_LEASES = 20_000
_REFUSED = Counter("aap_rate_limited_total", "Requests refused by a rate limit.", ["rule"])
for _rule in ALL_RULES:
    _REFUSED.labels(_rule.name)


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands with the rule that is nearest to its end; what the RateLimit headers say."""

    rule: Rule
    remaining: int
    reset: int
    """Seconds until everything has flowed back."""

    @property
    def headers(self) -> dict[str, str]:
        window = math.ceil(self.rule.burst / self.rule.per_second)
        return {
            "RateLimit-Limit": str(self.rule.burst),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
            "RateLimit-Policy": f'"{self.rule.name}";q={self.rule.burst};w={window}',
        }


@dataclass(slots=True)
class _Lease:
    left: int
    ends: float
    emptied: float
    taken_at: float


_leases: dict[str, _Lease] = {}
_lock = threading.Lock()


def admit(*asked: tuple[Rule, str]) -> Standing | None:
    """Take one of each; TooManyRequests, with Retry-After and RateLimit headers, at the first that is empty.

    None when the operator has switched limits off. Call it outside of transactions: what is taken stays taken.
    """
    if settings.RATE_LIMITS == "off":
        return None
    factor = float(settings.RATE_LIMITS)
    tightest: Standing | None = None
    for rule, who in asked:
        standing = _admit_one(rule.times(factor), who)
        if tightest is None or standing.remaining * tightest.rule.burst < tightest.remaining * standing.rule.burst:
            tightest = standing
    return tightest


def give_back(rule: Rule, who: str) -> None:
    """The one that was taken for `who` did not count after all (a right password). Only for rules without a lease."""
    if settings.RATE_LIMITS != "off":
        scaled = rule.times(float(settings.RATE_LIMITS))
        store_for(scaled).give_back(_key(scaled, who), scaled, 1)


def place(ip: str | None) -> str:
    """An address as limits see it: one household of IPv6 is one place."""
    if ip is None:
        return "local"
    address = ipaddress.ip_address(ip)
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return ip


def _admit_one(rule: Rule, who: str) -> Standing:
    key = _key(rule, who)
    if rule.lease <= 1:
        return _standing(rule, store_for(rule).take(key, rule, 1), spare=0)
    standing = _from_lease(key, rule)
    if standing is not None:
        return standing
    taken, cost = _take_lease(key, rule)
    if taken.granted:
        _keep_lease(key, cost - 1, taken)
    else:  # another thread may hold what the store has no more
        standing = _from_lease(key, rule)
        if standing is not None:
            return standing
    return _standing(rule, taken, spare=cost - 1)


def _from_lease(key: str, rule: Rule) -> Standing | None:
    with _lock:
        lease, moment = _leases.get(key), time.monotonic()
        if lease is None or lease.left <= 0 or lease.ends <= moment:
            return None
        lease.left -= 1
        return _standing(rule, Taken(True, lease.emptied - (moment - lease.taken_at)), spare=lease.left)


def _keep_lease(key: str, left: int, taken: Taken) -> None:
    if left <= 0:
        return
    with _lock:
        moment = time.monotonic()
        before = _leases.get(key)
        if before is not None and before.ends > moment:
            left += before.left
        if len(_leases) >= _MANY_LEASES:
            _leases.clear()
        _leases[key] = _Lease(left, moment + LEASE_SECONDS, taken.emptied, moment)


def _take_lease(key: str, rule: Rule) -> tuple[Taken, int]:
    store = store_for(rule)
    try:
        taken = store.take(key, rule, rule.lease)
        # Less than a lease may be left: the rest goes out one by one.
        return (taken, rule.lease) if taken.granted else (store.take(key, rule, 1), 1)
    except DatabaseError as error:
        # A full disk must not keep people from reading. What guards against guessing has no lease and is not let off.
        log.warning("rates cannot be counted: %s", type(error).__name__)
        return Taken(True, 0.0), rule.lease


def _standing(rule: Rule, taken: Taken, *, spare: int) -> Standing:
    emptied = max(0.0, taken.emptied)
    if not taken.granted:
        _REFUSED.labels(rule.name).inc()
        wait = max(1, math.ceil(emptied - (rule.burst - 1) / rule.per_second))
        standing = Standing(rule, 0, math.ceil(emptied))
        headers: Mapping[str, str] = {**standing.headers, "Retry-After": str(wait)}
        plural = "" if wait == 1 else "s"
        raise TooManyRequests(f"{rule.detail} Try again in {wait} second{plural}.", code=rule.code, headers=headers)
    left = rule.burst - emptied * rule.per_second + spare
    return Standing(rule, max(0, min(rule.burst, int(left + 1e-6))), math.ceil(emptied))


def _key(rule: Rule, who: str) -> str:
    return f"{rule.name}:{who}"
