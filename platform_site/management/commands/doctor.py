"""`manage.py doctor`: looks at everything that can be wrong and says what to do. The exit code is 1 if something is."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Look at settings, database, clock, disk, keys, providers and runs, and say what to do about what is wrong."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--offline", action="store_true", help="Do not ask the providers.")
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.doctor import examine

        marks = {
            "ok": self.style.SUCCESS("ok     "),
            "warning": self.style.WARNING("warning"),
            "failed": self.style.ERROR("failed "),
        }
        worst = "ok"
        for finding in examine(reach=not options["offline"]):
            if finding.level == "failed" or worst == "ok":
                worst = finding.level
            if options["json"]:
                self.stdout.write(json.dumps(asdict(finding)))
            else:
                self.stdout.write(f"{marks[finding.level]}  {finding.subject}: {finding.detail}")
                if finding.advice:
                    self.stdout.write(f"         What to do: {finding.advice}")
            self.stdout.flush()
        if worst == "failed":
            sys.exit(1)
