"""How long a wrong password takes does not tell whether the address is known. In full only: it is statistics."""

from __future__ import annotations

import time
from math import erfc, sqrt
from typing import Any

import pytest

from tests.fixtures.hashing import REAL
from tests.fixtures.people import PASSWORD, Api

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(900)]
SAMPLES = 1_000


def p_value(left: list[float], right: list[float]) -> float:
    """Mann-Whitney, two-sided: how likely two equal distributions look as different as these."""
    ranked = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    count, other = len(left), len(right)
    z = (ranks - count * (count + other + 1) / 2) / sqrt(count * other * (count + other + 1) / 12)
    return erfc(abs(z) / sqrt(2))


def test_incident_2_16_known_and_unknown_addresses_take_equally_long(
    nobody: Api, make_person: Any, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = REAL  # what is measured, not the tests' quicker one
    person = make_person(email="known@example.com").person
    person.set_password(PASSWORD)
    person.save()

    def took(email: str) -> float:
        began = time.perf_counter()
        assert nobody.post("auth/token/", {"email": email, "password": "wrong-password-1"}).status_code == 401
        return time.perf_counter() - began

    def look() -> float:
        known, unknown = [], []
        for number in range(SAMPLES):  # in turn, and the turns in turn, so that a busy moment meets both
            for which in ("known", "unknown") if number % 2 else ("unknown", "known"):
                (known if which == "known" else unknown).append(took(f"{which}@example.com"))
        return p_value(known, unknown)

    assert look() > 0.001 or look() > 0.001
