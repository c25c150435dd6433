#!/usr/bin/env python
"""Django's command line for the platform."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    if os.getpid() == 1:
        # The first process of a container: the kernel keeps from it what it has no handler for, and a server that is asked
        # to stop while it starts, or an upgrade, would go on until it is killed.
        signal.signal(signal.SIGTERM, leave)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings.local")
    if sys.argv[1:2] == ["serve"]:
        from platform_site.server.loop import prefer_uvloop

        prefer_uvloop()  # first of all: loading the apps makes the server's event loop
    from django.core.management import execute_from_command_line

    from platform_site.endings import run_command

    run_command(execute_from_command_line, sys.argv)


def leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
