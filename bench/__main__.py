"""`python -m bench [--only P1,P9] [--streams 50,200] [--rounds 3] [--json FILE] [--clone]`

Without options it takes about five minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench import clone, serving, sizes, streaming, workers
from bench.table import Figure, as_table, write_json

NAMES = ("P1", "P2", "P3", "P5", "P6", "P7", "P8", "P9", "P14", "U1")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(NAMES)}; or P12 (PostgreSQL, Redis and two workers), P13")
    parser.add_argument("--streams", default="50,200", help="how many streams at once for P1 to P3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--clone", action="store_true", help="measure P13 too: a fresh clone, made and run; minutes")
    options = parser.parse_args()
    wanted = {name.strip().upper() for name in options.only.split(",")} if options.only else set(NAMES)
    unknown = wanted - set(NAMES) - {"P12", "P13"}
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    levels = [int(part) for part in options.streams.split(",")]
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        figures = run(Path(folder), wanted, levels, options.rounds, clone_too=options.clone or "P13" in wanted)
    machine = {
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "load_average_before": round(load, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
    }
    print(as_table(figures))
    print(
        f"\n{machine['date']} UTC, {machine['cores']} cores, Python {machine['python']}, load average "
        f"{machine['load_average_before']} before and {machine['load_average_after']} after, "
        f"{time.monotonic() - began:.0f} s. Driver, upstream and product share the cores: under load trust ratios."
    )
    if options.json:
        write_json(options.json, figures, machine)
    return 0


def run(folder: Path, wanted: set[str], levels: list[int], rounds: int, *, clone_too: bool) -> list[Figure]:
    figures: list[Figure] = []
    if wanted & {"P1", "P2", "P3", "P5"}:
        figures += streaming.measure(folder, wanted, levels, rounds, say)
    if "P6" in wanted:
        figures += serving.idle_sockets(folder, say)
    if "P7" in wanted:
        figures += serving.list_reads(folder, rounds, say)
    if "P8" in wanted:
        figures += serving.cold_starts(folder, rounds, say)
    if "P9" in wanted:
        figures += serving.run_starts(folder, rounds, say)
    if "P12" in wanted:
        figures += workers.two_workers(folder, rounds, say)
    if clone_too:
        figures += clone.fresh_clone(folder, say)
    if "P14" in wanted:
        figures += sizes.installed_packages()
    if "U1" in wanted:
        figures += sizes.page_scripts()
    return sorted(figures, key=lambda one: (one.name[0] != "P", int(one.name[1:])))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
