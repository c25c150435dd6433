"""`manage.py audit_cut`: remove what the retention policy says, by a recorded cut; on PostgreSQL under its own role."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Remove audit entries older than the retention policy; the cut is recorded and signed."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        from audit.retention import cut_old_entries, may_cut
        from platform_site.commander import commander

        if not may_cut():
            raise CommandError(
                "This database role may not delete audit entries, and should not. Run this command with a DATABASE_URL of "
                "the retention role (docs/audit.md)."
            )
        cut = cut_old_entries(commander("audit_cut"))
        for chain, removed in cut.items():
            self.stdout.write(f"{chain}: {removed} entries removed.")
        if not cut:
            self.stdout.write("Nothing is older than its policy.")
