"""Builds the scratch installation up, has it broken, and takes it down again, also after Ctrl+C or an error."""

from __future__ import annotations

import signal
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from platform_site.chaos.campaign import Campaign, Outcome, Plan
from platform_site.chaos.installation import Installation
from platform_site.chaos.scratch import scratch_database
from platform_site.chaos.shape import Shape, check_redis


def run_campaign(
    shape: Shape, plan: Plan, *, say: Callable[[str], None], complain: Callable[[str], None]
) -> tuple[Outcome, Path | None]:
    """The outcome, and the folder with the processes' logs when not all held; nothing else is left behind.

    Raises CannotTry, and StartFailed when a process does not come up. On the main thread.
    """
    if shape.redis_url is not None:
        check_redis(shape.redis_url)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        server, place, url = f"SQLite {sqlite3.sqlite_version}", "a scratch folder", None
        if shape.database_url is not None:
            scratch = stack.enter_context(
                scratch_database(shape.database_url, connections=shape.connections, complain=complain)
            )
            server, url = f"PostgreSQL {scratch.server}", scratch.url
            place = f"a scratch folder and the scratch database {scratch.name}"
        say(shape.describe(server))
        length = f"{plan.kills} deaths" if plan.kills is not None else f"About {plan.minutes:g} min"
        say(f"{length}, seed {plan.seed}, in {place}. Setting up ...")
        installation = Installation(folder, shape, url)
        stack.callback(installation.end)
        stack.callback(_ignore_stops)
        agent = installation.prepare()
        outcome = Campaign(installation, agent, plan, say).play()
        return outcome, None if outcome.held else installation.keep_logs()


def _ignore_stops() -> None:
    """The first thing of the end: a second Ctrl+C must not leave a database or a process behind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
