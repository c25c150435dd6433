"""`manage.py backup`: everything that lasts, in one file, while the product goes on. The keys are kept apart."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Copy everything that lasts into one file, while the product goes on. The keys are not in it: --keys copies those, "
        "to be kept elsewhere. Without both, secrets cannot be read and people cannot sign in with what they have."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help="Default: backups/platform-<time>.tar in DATA_DIR.")
        parser.add_argument(
            "--keys", type=Path, metavar="FILE", help="Copy the keys into this file instead; - prints them."
        )
        parser.add_argument(
            "--keep", type=int, metavar="N", help="Then remove all but the newest N of the default folder."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.backup.archive import BadBackup
        from platform_site.backup.service import copy_keys, default_folder, make_backup

        if options["keep"] is not None and (options["keep"] < 1 or options["file"]):
            raise CommandError("--keep wants 1 or more, and goes with the default folder only.")
        if options["keys"] and (options["file"] or options["keep"] is not None):
            raise CommandError("--keys copies the keys and nothing else. Make the backup with a command of its own.")
        try:
            if options["keys"]:
                path = None if options["keys"] == Path("-") else options["keys"]
                keys = copy_keys(path)
                if path is None:
                    self.stdout.write(keys, ending="")
                    return
                self.stdout.write(f"The keys are in {path}. Keep it where no backup is, and nobody else may read it.")
                return
            path = make_backup(options["file"])
        except BadBackup as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{path} ({max(1, path.stat().st_size // 1_000_000)} MB)")
        if options["keep"]:
            # By their names, which tell the time. The one that was just made stays, wherever the clock stands.
            others = sorted(set(default_folder().glob("platform-*.tar")) - {path}, reverse=True)
            for old in reversed(others[options["keep"] - 1 :]):
                old.unlink(missing_ok=True)
                self.stdout.write(f"Removed {old}")
