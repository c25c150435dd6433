"""`manage.py serve`: the web server and, in the same process, the engine that carries the runs."""

from __future__ import annotations

import fcntl
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

#: In a folder of static files that this command has filled: the version that it has filled it with.
MADE_BY = ".made-by-serve"


class Command(BaseCommand):
    help = "Serve the product: web client, API, socket, operator admin, and the engine that carries runs."
    # All of Django's checks take a second. The ones that decide whether it is safe to start are asked in `handle`.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=None, help="Default: PORT, else 8000.")
        parser.add_argument("--bind", default=None, help="Default: AAP_BIND, else 127.0.0.1.")
        parser.add_argument(
            "--upgrade", action="store_true", help="First what `manage.py upgrade` does: for a single server."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from platform_site.checks import refusals

        problems = refusals()
        if problems:
            raise CommandError("Refused to start:\n" + "\n".join(f"- {problem.msg}" for problem in problems))
        if options["upgrade"]:
            call_command("upgrade")
        lock = take_lock(settings.DATA_DIR)
        if lock is None:
            raise CommandError(
                f"The product is running already on this data folder ({settings.DATA_DIR})"
                f"{describe_holder(settings.DATA_DIR)}. Open it, or stop it first."
            )
        collect_static_files()
        port = settings.PORT if options["port"] is None else options["port"]
        from platform_site.serving import serve

        failed = serve(host=options["bind"] or settings.BIND, port=port, lock=lock, say=self._say)
        if failed:
            sys.exit(1)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def collect_static_files() -> None:
    """The operator admin's files, for a server whose folder for them is new, or that has a newer version by now.

    A folder that somebody else has filled (`make run`, the image) is left alone.
    """
    folder = Path(settings.STATIC_ROOT)
    made_by = folder / MADE_BY
    try:
        if folder.is_dir() and (not made_by.is_file() or made_by.read_text(encoding="utf-8") == settings.VERSION):
            return
        folder.mkdir(parents=True, exist_ok=True)
        made_by.write_text("", encoding="utf-8")  # one that is cut off is begun anew
        call_command("collectstatic", interactive=False, verbosity=0)
        made_by.write_text(settings.VERSION, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"The static files could not be put into {folder}: {error}. Name another folder in AAP_STATIC_ROOT."
        ) from error


def take_lock(data_dir: Path) -> IO[str] | None:
    """An exclusive lock on DATA_DIR for the life of the process, or None when another process has it."""
    file = open(data_dir / "serve.lock", "a+", encoding="utf-8")  # noqa: SIM115  # held open: closing it lets go
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def note_holder(lock: IO[str], port: int) -> None:
    """Write into the lock file who holds it and where it answers."""
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()} {port}\n")
    lock.flush()


def describe_holder(data_dir: Path) -> str:
    try:
        pid, port = (data_dir / "serve.lock").read_text(encoding="utf-8").split()
        return f": process {pid}, http://localhost:{port}"
    except (OSError, ValueError):
        return ""
