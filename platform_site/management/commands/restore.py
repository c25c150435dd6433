"""`manage.py restore FILE`: everything as it was when the backup was made."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Put everything back as it was when FILE was made. The product must be stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="SQLite: set aside what is there.")
        parser.add_argument(
            "--other-keys", action="store_true", help="The keys that it was made under are lost: go on without them."
        )
        parser.add_argument("--check", action="store_true", help="Only look whether the file is whole and fits here.")

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.backup.archive import BadBackup
        from platform_site.backup.service import open_backup, restore
        from platform_site.management.commands.serve import describe_holder, take_lock

        try:
            if options["check"]:
                reader = open_backup(options["file"], other_keys=options["other_keys"])
                told = reader.manifest
                reader.close()
                rows = sum(told.rows.values())
                self.stdout.write(
                    f"Whole, and fits here: {told.engine}, version {told.version}, {told.created_at}, {rows} rows."
                )
                return
            lock = take_lock(settings.DATA_DIR)
            if lock is None:
                raise CommandError(f"The product is running{describe_holder(settings.DATA_DIR)}. Stop it first.")
            told, aside = restore(options["file"], replace=options["replace"], other_keys=options["other_keys"])
            lock.close()
        except BadBackup as error:
            raise CommandError(str(error)) from None
        if aside:
            self.stdout.write(f"What was there before is in {aside}.")
        grants = "`manage.py upgrade --app-role <role>` if another role serves, " if settings.ON_POSTGRES else ""
        self.stdout.write(
            f"Restored as of {told.created_at}. Now: {grants}`manage.py audit_verify`, `manage.py doctor`, then start the "
            "product."
        )
