"""How much of each long sweep is run: a sample with a fixed seed, the full number with FULL=1, or what a variable says."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("FULL"))
SEED = int(os.environ.get("SEED", "7"))

#: Campaigns begin nothing more after so many seconds; what they did by then is what they tell.
MOST_SECONDS = float(os.environ.get("MOST_SECONDS", "inf"))


def amount(variable: str, *, sample: int, full: int) -> int:
    return int(os.environ.get(variable) or (full if FULL else sample))
