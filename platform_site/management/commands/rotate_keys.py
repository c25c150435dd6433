"""`manage.py rotate_keys`: seal every stored secret with the first key, under load; add a key, drop those of no use."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Seal every stored secret with the first of AAP_ENCRYPTION_KEYS. Safe while the product runs, and to repeat. "
        "With --add a new key is made first, where the keys are kept in a file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--add", action="store_true", help="Make a new key and put it first.")
        parser.add_argument("--drop-old", action="store_true", help="Take keys out of the file that no value needs.")

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site import rotation
        from platform_site.commander import commander

        ring = settings.ENCRYPTION_KEYS
        if options["add"]:
            self.stdout.write(f"The new key is {ring.add_first()}.")
            # Running processes take it up by themselves within this time; what they write by then, the old key writes.
            time.sleep(2 * ring.LOOK_SECONDS)
        first = next(iter(ring))
        values, unreadable = rotation.reseal_all()
        self.stdout.write(f"{values} values were sealed anew with the key {first}.")
        for name in unreadable:
            self.stdout.write(self.style.ERROR(f"Cannot be read, and was left as it is: {name}"))
        dropped = []
        if options["drop_old"]:
            in_use = rotation.keys_in_use()
            dropped = ring.keep_only({first, *in_use})
            for name in dropped:
                self.stdout.write(f"The key {name} is no longer needed and was taken out of {ring.file}.")
            for name in sorted(set(in_use) - {first}):
                self.stdout.write(self.style.WARNING(f"The key {name} stays: {in_use[name]} values need it."))
        rotation.record_rotation(
            commander("rotate_keys"),
            key=first,
            values=values,
            unreadable=len(unreadable),
            dropped=dropped,
        )
        if unreadable:
            sys.exit(1)
