"""`manage.py sso_release WORKSPACE`: passwords are let in again, for when a workspace's identity provider is away."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Lets the people of a workspace sign in with passwords again: stops enforcing its identity providers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workspace", help="Its id or its slug.")

    def handle(self, *args: Any, **options: Any) -> None:
        from accounts.models import SsoConnection
        from accounts.selectors import workspace_id_of
        from accounts.sso.connections import release
        from platform_site.commander import commander, os_user

        workspace = workspace_id_of(options["workspace"])
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        rows = list(SsoConnection.objects.filter(workspace_id=workspace, enforced=True).order_by("created_at"))
        for row in rows:
            release(commander("sso_release"), connection=row, facts=os_user())
            self.stdout.write(f"{row.name}: passwords are accepted again.")
        if not rows:
            self.stdout.write("Nothing was enforced there.")
