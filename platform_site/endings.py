"""How a command ends that cannot go on: one sentence with what happened and what to do, and the exit code.

Whoever gives commands meets full disks, closed pipes, files of somebody else, databases that are away. None of these is a
mistake in the code, so none shows its lines; `--traceback` does. Anything else is a mistake, and shows them by itself.
"""

from __future__ import annotations

import errno
import os
import pwd
import signal
import sys
from collections.abc import Callable
from types import FrameType

#: Commands whose 1 says something else than "could not be done".
NOT_DONE = {"audit_verify": 2, "chaos": 2}
#: They have handlers of their own, and no drafts.
SERVING = ("serve", "worker")
STOPPED = 130


class Told(SystemExit):
    """Somebody told the command to stop."""

    code: int


def run_command(execute: Callable[[list[str]], None], words: list[str]) -> None:
    """Run one command and leave the process as it ended."""
    command = words[1] if len(words) > 1 else ""
    speak_any_name()
    if command not in SERVING:
        leave_tidily()
    try:
        execute(words)
        sys.stdout.flush()
    except Told as told:
        if os.getpid() != 1:  # so that whoever looks sees a death by that signal
            signal.signal(told.code - 128, signal.SIG_DFL)
            os.kill(os.getpid(), told.code - 128)
        raise
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        sys.exit(STOPPED)
    except EOFError:
        sys.stderr.write("\nThis command asks questions, and nobody answers: give it a terminal.\n")
        sys.exit(NOT_DONE.get(command, 1))
    except BrokenPipeError:
        # Whoever read our words has gone, such as `head`. What is left of them must not fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        said = None if "--traceback" in words else in_words(error)
        if said is None:
            raise
        sys.stderr.write(f"{said}\n")
        sys.exit(NOT_DONE.get(command, 1))


def speak_any_name() -> None:
    """A file's name may hold what the terminal cannot show, and whoever calls may have closed where we would show it.
    Nothing breaks off for either."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # until the end
        elif stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def leave_tidily() -> None:
    """A command that is told to stop takes its drafts away with it."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise Told(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores one of them
            signal.signal(number, leave)


def in_words(error: BaseException) -> str | None:
    """What happened and what to do, if it is of the kind that happens to operators; None for a mistake of ours."""
    from platform_site.database_trouble import describe

    return file_in_words(error) if isinstance(error, OSError) else describe(error)


def file_in_words(error: OSError) -> str | None:
    """`/there/file: Permission denied. The user … may not. …`; None for what is about no file, such as a connection."""
    what = error.strerror or str(error) or type(error).__name__
    name = error.filename
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    said = f"{name}: {what}." if name is not None else f"A file, or what this says, could not be written: {what}."
    advice = {
        errno.ENOSPC: "Make room on that disk, then do this again.",
        errno.EDQUOT: "Make room within your quota, then do this again.",
        errno.EFBIG: "A limit on the size of files is in the way (ulimit -f).",
        errno.EROFS: "That disk can only be read. Name another place.",
        errno.EACCES: f"{who()} may not. Do this as the user that the product runs as, or name another place.",
        errno.EPERM: f"{who()} may not. Do this as the user that the product runs as, or name another place.",
        errno.ENOENT: "Look at the name.",
        errno.ENOTDIR: "A part of the name is no folder.",
        errno.EEXIST: "Name another.",
        errno.EISDIR: "Name a file in it.",
        errno.ENAMETOOLONG: "Name a shorter one.",
        errno.EMFILE: "Raise the limit on open files (ulimit -n).",
    }.get(error.errno or 0)
    if name is None and advice is None:
        return None
    return f"{said} {advice or ''}".strip()


def who() -> str:
    try:
        return f"The user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"The user with the number {os.geteuid()}"
