"""Who acts when a command is given on the server: nobody with an account here, but a user of its operating system."""

from __future__ import annotations

import os
import pwd
from typing import Any

from core.authz import Actor


def commander(command: str) -> Actor:
    return Actor("system", None, f"manage.py {command}", None)


def os_user() -> dict[str, Any]:
    """Facts for an audit entry: by the process's own id, which the environment cannot set, and who became that one."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    became = os.environ.get("SUDO_USER", "")
    return {"os_user": name, **({"sudo_user": became[:64]} if became else {})}
