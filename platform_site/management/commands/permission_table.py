"""`manage.py permission_table`: who may do what at every door, printed, or written to docs/permissions.md."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Print the permission matrix, or write it to docs/permissions.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="Write docs/permissions.md instead.")

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.permission_table import render

        text = render()
        if not options["write"]:
            self.stdout.write(text)
            return
        (settings.BASE_DIR / "docs" / "permissions.md").write_text(text, encoding="utf-8")
        self.stdout.write("docs/permissions.md was written.")
