#!/usr/bin/env python
"""Django's command line for the platform."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings.local")
    if sys.argv[1:2] == ["serve"]:
        from platform_site.server.loop import prefer_uvloop

        prefer_uvloop()  # first of all: loading the apps makes the server's event loop
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
