"""`manage.py audit_verify`: is the audit log what the product wrote, and if not, from where on? The exit code says it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Verify the audit log: every entry, every seal, every gap, and the signed heads that were exported. "
        "Exit code 0: as the product wrote it; 1: not; 2: it could not be verified."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workspace", help="Only the chain of this workspace (its id or slug).")
        parser.add_argument("--heads", type=Path, help="A file of exported heads, one a line: shows a cut end.")

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.selectors import workspace_id_of
        from audit.heads import verify_heads
        from audit.verify import verify

        chain = None
        if options["workspace"]:
            chain = workspace_id_of(options["workspace"])
            if chain is None:
                raise CommandError("There is no such workspace.", returncode=2)
        lines: list[str] = []
        if options["heads"]:
            try:
                lines = options["heads"].read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{options['heads']} cannot be read: {error}", returncode=2) from error
        report = verify(workspace=chain)
        heads, findings = verify_heads(lines, workspace=chain)
        report.findings += findings
        looked = f"{report.entries} entries in {report.chains} chains" + (f" against {heads} heads" if lines else "")
        if report.first is None:
            self.stdout.write(f"Good: {looked}; all as the product wrote them.")
            return
        self.stdout.write(f"NOT GOOD: {looked}; {len(report.findings)} findings.")
        self.stdout.write(f"First bad entry: {report.first}")
        for finding in sorted(report.findings)[:SHOWN]:
            if finding != report.first:
                self.stdout.write(f"- {finding}")
        if len(report.findings) > SHOWN:
            self.stdout.write(f"… and {len(report.findings) - SHOWN} more.")
        sys.exit(1)
