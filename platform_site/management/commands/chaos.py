"""`manage.py chaos`: breaks an installation of its own and prints which promises held. The exit code says it, too:

0 all held; 1 one did not, or was not seen; 2 the campaign could not be tried; 130 it was stopped.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

BROKEN, NOT_TRIED, STOPPED = 1, 2, 130
DEFAULT_MINUTES = 5.0


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 100_000:
        raise ArgumentTypeError("a whole number from 1 to 100000")
    return int(text)


def _processes(text: str) -> int:
    from platform_site.chaos.shape import MOST

    if not (text.isascii() and text.isdigit()) or int(text) > MOST:
        raise ArgumentTypeError(f"a whole number up to {MOST}")
    return int(text)


def _webs(text: str) -> int:
    if _processes(text) < 1:
        raise ArgumentTypeError("1 or more")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0.5 <= minutes <= 1440:
        raise ArgumentTypeError("minutes, from 0.5 to 1440")
    return minutes


class Command(BaseCommand):
    help = (
        "Start an installation of its own in a scratch folder, and in a scratch database where DATABASE_URL names a "
        "PostgreSQL server; run the demo model on it, kill it again and again, and print which guarantees held on this "
        "machine and these settings. Never touches a product that runs, nor its data. "
        "Exit code: 0 all held, 1 one did not, 2 it could not be tried."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--minutes", type=_minutes, help=f"About how long. Default: {DEFAULT_MINUTES:g}.")
        length.add_argument("--kills", type=_count, help="How many deaths, instead. Default: KILLS, if that is set.")
        parser.add_argument("--seed", type=int, help="Repeats a campaign's choices. Default: by the clock.")
        parser.add_argument("--webs", type=_webs, help="Web servers. Default: 2 with Redis, else 1.")
        parser.add_argument(
            "--workers", type=_processes,
            help="Workers, on PostgreSQL; 0: the web servers carry the runs themselves. Default: 2 with Redis, else 0.",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.chaos.campaign import Plan
        from platform_site.chaos.client import Away, Refused
        from platform_site.chaos.process import StartFailed
        from platform_site.chaos.scaffold import run_campaign
        from platform_site.chaos.shape import CannotTry, read_shape

        kills, minutes = options["kills"], options["minutes"]
        if kills is None and minutes is None:
            if os.environ.get("KILLS"):
                kills = self._read_kills(os.environ["KILLS"])
            else:
                minutes = DEFAULT_MINUTES
        seed = int(time.time()) if options["seed"] is None else options["seed"]
        plan = Plan(seed, time.monotonic(), kills, minutes)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, signal.default_int_handler)
        try:
            shape = read_shape(webs=options["webs"], workers=options["workers"])
            outcome, logs = run_campaign(shape, plan, say=self._say, complain=self._complain)
        except CannotTry as error:
            self._complain(str(error))
            sys.exit(NOT_TRIED)
        except (StartFailed, Away, Refused) as error:
            self._complain(f"{error}\nThe campaign (seed {seed}) ended here, and nothing was judged.")
            sys.exit(BROKEN)
        except KeyboardInterrupt:
            self._complain("Stopped before its end: nothing was judged.")
            sys.exit(STOPPED)
        self._print(outcome, time.monotonic() - plan.began)
        if not outcome.held:
            self._say(
                f"Not all guarantees held. Keep this output, the seed {seed} and the logs in {logs}, and report them."
            )
            sys.exit(BROKEN)

    def _print(self, outcome: Any, seconds: float) -> None:
        self._say("")
        for promise in outcome.promises:
            if promise.broken:
                mark = self.style.ERROR("BROKEN  ")
            elif promise.seen:
                mark = self.style.SUCCESS("held    ")
            else:
                mark = self.style.WARNING("not seen")
            self._say(f"{mark} {promise.text} ({max(0, promise.seen - len(promise.broken))} of {promise.seen})")
            for case in promise.broken[:5]:
                self._say(f"         {case}")
        for trouble in outcome.troubles[:10]:
            self._say(f"{self.style.ERROR('TROUBLE ')} {trouble}")
        slept = f", {outcome.slept} put to sleep for longer than a lease" if outcome.slept else ""
        self._say(
            f"\n{outcome.runs} runs; {outcome.killed + outcome.drained} deaths ({outcome.killed} killed, "
            f"{outcome.drained} told to stop){slept}; {outcome.cuts} connections cut by them, {outcome.drops} dropped by "
            f"clients; slowest start {outcome.slowest_start:.1f} s; {seconds:.0f} s in all."
        )

    def _read_kills(self, text: str) -> int:
        try:
            return _count(text)
        except ArgumentTypeError as error:
            self._complain(f"KILLS must be {error}, not {text!r}.")
            sys.exit(NOT_TRIED)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _complain(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()
