"""`manage.py worker`: carries runs on, beside any number of others, on any number of machines."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Carry runs on. Any number of these, on any number of machines, work on one PostgreSQL database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency", type=int, default=None, help="Runs at once. Default: AAP_WORKER_CONCURRENCY, else 100."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.checks import refusals
        from platform_site.working import work

        problems = refusals()
        if problems:
            raise CommandError("Refused to start:\n" + "\n".join(f"- {problem.msg}" for problem in problems))
        if not settings.ON_POSTGRES:
            raise CommandError(
                "Workers of their own need PostgreSQL: set DATABASE_URL. On SQLite `manage.py serve` does the work itself."
            )
        if not settings.REDIS_URL:
            self.stderr.write(
                "REDIS_URL is not set: runs are carried on, but live text reaches viewers up to half a second late, and "
                "stopping a run takes up to three seconds."
            )
        concurrency = options["concurrency"]
        if concurrency is not None and concurrency < 1:
            raise CommandError("--concurrency must be 1 or more.")
        work(concurrency=concurrency or settings.WORKER_CONCURRENCY, say=self._say)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
