"""`manage.py upgrade`: bring the database to this version, with a look beforehand and a backup."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Bring the database to this version: looks whether it can be done, keeps a backup, migrates. Safe to repeat, and "
        "to begin from several machines at once."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only look.")
        parser.add_argument("--no-backup", action="store_true", help="Do not keep a backup first.")
        parser.add_argument(
            "--app-role", default="", metavar="ROLE", help="Grant the product's own role what it needs."
        )
        parser.add_argument(
            "--wait", type=int, metavar="SECONDS", help="Change nothing: wait until somebody else has done it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site import upgrade
        from platform_site.checks import refusals

        problems = refusals()
        if problems:
            raise CommandError("Refused:\n" + "\n".join(f"- {problem.msg}" for problem in problems))
        try:
            if options["wait"] is not None:
                if not upgrade.wait_for_schema(options["wait"]):
                    raise CommandError("The database did not become that of this version in time.")
            elif options["check"]:
                upgrade.check(self._say)
            else:
                upgrade.upgrade(self._say, app_role=options["app_role"], backup=not options["no_backup"])
        except (upgrade.CannotUpgrade, upgrade.BadBackup) as error:
            self.stderr.write(str(error))
            sys.exit(2)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
