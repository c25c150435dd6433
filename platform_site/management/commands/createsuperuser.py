"""`manage.py createsuperuser`: as Django's, and in the audit log with the operating system's user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management.base import CommandError
from django.db import transaction


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.models import User
        from audit.kinds import OPERATOR_MADE
        from audit.record import write_entry
        from platform_site.commander import commander, os_user

        if options["interactive"] and hasattr(self.stdin, "isatty") and not self.stdin.isatty():
            raise CommandError(
                "This asks for an address and a password, and there is no terminal. Give it one, or say --noinput and "
                "--email, with the password in DJANGO_SUPERUSER_PASSWORD."
            )
        with transaction.atomic():
            before = set(User.objects.filter(is_superuser=True).values_list("pk", flat=True))
            super().handle(*args, **options)
            for user in User.objects.filter(is_superuser=True).exclude(pk__in=before):
                write_entry(commander("createsuperuser"), kind=OPERATOR_MADE, target=("user", user.pk), data=os_user())
