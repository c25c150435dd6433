"""`manage.py chaos`: breaks an installation of its own and prints which promises held; exit code 1 if one did not."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise ArgumentTypeError("a whole number from 1 to 100000")
    return int(text)


class Command(BaseCommand):
    help = (
        "Start an installation of its own in a scratch folder, run the demo model on it, kill it again and again, and "
        "print which guarantees held on this machine. Never touches a product that runs."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--kills", type=_count, default=_count(os.environ.get("KILLS", "50")), help="Default: KILLS, else 50."
        )
        parser.add_argument(
            "--seed", type=int, default=None, help="Repeats a campaign's choices. Default: by the clock."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.chaos.campaign import run_campaign

        seed = int(time.time()) if options["seed"] is None else options["seed"]
        began = time.monotonic()
        self._say(f"{options['kills']} deaths, seed {seed}.")
        outcome = run_campaign(kills=options["kills"], seed=seed, database_url=None, say=self._say)
        self._say("")
        for promise in outcome.promises:
            if promise.broken:
                mark = self.style.ERROR("BROKEN  ")
            elif promise.seen:
                mark = self.style.SUCCESS("held    ")
            else:
                mark = self.style.WARNING("not seen")
            self._say(f"{mark} {promise.text} ({promise.seen - len(promise.broken)} of {promise.seen})")
            for case in promise.broken[:5]:
                self._say(f"         {case}")
        self._say(
            f"\n{outcome.runs} runs, {outcome.kills} deaths, {outcome.cuts} connections cut; slowest start "
            f"{outcome.slowest_start:.1f} s; {time.monotonic() - began:.0f} s in all."
        )
        if not outcome.held:
            self._say("Not all guarantees held. Keep this output and the seed, and report them.")
            sys.exit(1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
