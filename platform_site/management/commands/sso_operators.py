"""`manage.py sso_operators WORKSPACE`: operators get into the admin through a workspace's identity providers.

For when no operator can get in to say so there: all of them are under a workspace that enforces its provider.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Lets operators open the operator admin through a workspace's identity providers, as these are set up now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", help="Its id or its slug.")

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.models import SsoConnection
        from accounts.selectors import workspace_id_of
        from accounts.sso.connections import open_admin
        from platform_site.commander import commander, os_user

        workspace = workspace_id_of(options["workspace"])
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        rows = list(SsoConnection.objects.filter(workspace_id=workspace, enabled=True).order_by("created_at"))
        for row in rows:
            open_admin(commander("sso_operators"), connection=row, facts=os_user())
            self.stdout.write(f"{row.name} ({row.issuer}): operators get in through it.")
        if not rows:
            self.stdout.write("There is no identity provider that is switched on.")
