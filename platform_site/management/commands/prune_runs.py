"""`manage.py prune_runs`: delete old runs now, or say how many there are. What the policies do by themselves, by hand."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from platform_site.commander import commander, os_user

YEARS_20 = 20 * 366


def days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= YEARS_20):
        raise argparse.ArgumentTypeError(f"a whole number of days from 1 to {YEARS_20} is needed, not {text!r}")
    return int(text)


class Command(BaseCommand):
    help = (
        "Delete runs that ended long ago, with their messages and journals: what the workspaces' policies and AAP_RUN_DAYS "
        "let go, or all that are older than you say. In small transactions, while everything goes on; safe to repeat."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--older-than", type=days, metavar="DAYS", help="whatever the policies say")

    def handle(self, *args: Any, dry_run: bool, older_than: int | None, **options: Any) -> None:
        from privacy.retention import prune_runs

        verb, found, runs, events = "would go" if dry_run else "are gone", 0, 0, 0
        for one in prune_runs(commander("prune_runs"), older_than=older_than, really=not dry_run, facts=os_user()):
            found, runs, events = found + 1, runs + one.runs, events + one.events
            if one.runs:
                self.stdout.write(
                    f"{one.workspace}: {one.runs} runs older than {one.days} days, {one.events} events, {verb}."
                )
        if not found:
            self.stdout.write("No workspace lets runs go, and AAP_RUN_DAYS is not set. Say --older-than DAYS.")
        else:
            self.stdout.write(f"{runs} runs with {events} events {verb}, of {found} workspaces.")
