"""Figures beside their goals, as people and as machines read them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Figure:
    """One row. `values`: one per round; `floors`: the same of the raw upstream or the relay, measured beside each."""

    name: str
    what: str
    unit: str
    goal: float | None
    values: Sequence[float]
    floors: Sequence[float] = field(default_factory=list)
    floor: str = ""
    at_least: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """The median over the rounds of value over floor; how many times the raw machine's cost it is."""
        pairs = [value / floor for value, floor in zip(self.values, self.floors, strict=False) if floor > 0]
        return statistics.median(pairs) if pairs else None

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.median >= self.goal if self.at_least else self.median <= self.goal

    def as_row(self) -> tuple[str, ...]:
        sign = "" if self.goal is None else (">= " if self.at_least else "<= ")
        reached = {True: "yes", False: "no", None: "-"}[self.reached]
        ratio = f"{self.ratio:.1f} x {self.floor}" if self.ratio is not None else "-"
        goal = f"{sign}{_short(self.goal)}" if self.goal is not None else "-"
        spread = f"{_short(min(self.values))} / {_short(self.median)} / {_short(max(self.values))}"
        return self.name, self.what, self.unit, goal, spread, reached, ratio, self.note


_TITLES = ("", "figure", "unit", "goal", "min / median / max", "reached", "ratio", "note")


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def as_table(figures: Sequence[Figure]) -> str:
    rows = [_TITLES, *(figure.as_row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]

    def pad(row: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([pad(rows[0]), rule, *(pad(row) for row in rows[1:])])


def write_json(path: Path, figures: Sequence[Figure], machine: dict[str, object]) -> None:
    rows = [
        {
            "name": one.name, "what": one.what, "unit": one.unit, "goal": one.goal, "reached": one.reached,
            "values": list(one.values), "floors": list(one.floors), "floor": one.floor, "ratio": one.ratio,
            "note": one.note,
        }
        for one in figures
    ]  # fmt: skip
    path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=2) + "\n")
