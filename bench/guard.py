"""For CI: `python -m bench.guard` fails when streaming has become dearer or slower.

A machine may be slow or busy, so each limit is stated twice: as a figure, and as a multiple of what the bare relay
needed in the same run. A limit is broken when both are exceeded: a slow machine slows the relay as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import streaming
from bench.table import as_table

STREAMS = 50
#: figure: (limit, limit as a multiple of the relay's CPU, or of its whole p99, in the same run)
LIMITS = {"P1": (0.40, 5.0), "P2": (15.0, 5.0)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        figures = streaming.measure(
            Path(folder), set(LIMITS), [STREAMS], options.rounds, lambda text: print(text, file=sys.stderr, flush=True)
        )
    print(as_table(figures))
    broken = False
    for figure in figures:
        limit, times = LIMITS[figure.name]
        ratio = figure.ratio or 0.0
        over = figure.median > limit and ratio > times
        broken = broken or over or bool(figure.note)
        print(
            f"{figure.name}: {figure.median:.3f} {figure.unit} (limit {limit}), {ratio:.1f} x the relay (limit {times})"
            f"{'; ' + figure.note if figure.note else ''}: {'BROKEN' if over or figure.note else 'kept'}"
        )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
