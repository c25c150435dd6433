"""`manage.py changepassword`: as Django's, and in the audit log with the operating system's user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> Any:
        from accounts.models import User
        from audit.kinds import PASSWORD_SET
        from audit.record import write_entry
        from platform_site.commander import commander, os_user

        with transaction.atomic():
            said = super().handle(*args, **options)
            user = User.objects.get_by_natural_key(str(options["username"]))
            write_entry(commander("changepassword"), kind=PASSWORD_SET, target=("user", user.pk), data=os_user())
        return said
