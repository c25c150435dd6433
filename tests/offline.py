"""Runs a command in a network that has nothing but 127.0.0.1 and ::1: python tests/offline.py COMMAND …

Linux only, by `unshare` and `ip`. It first sees for itself that nothing outside can be reached: a green run says so.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

_INSIDE = "AAP_OFFLINE_INSIDE"
#: A cable that leads nowhere beside loopback: without one, browsers say that they are offline, wherever the server is.
_NETWORK = (
    "link set lo up",
    "link add cable type veth peer name far_end",
    "address add 198.51.100.7/32 dev cable",
    "link set cable up",
    "link set far_end up",
)
#: Addresses of documentation (RFC 5737, RFC 3849) and of the world: all must be out of reach at once, not after a wait.
_OUTSIDE = ("192.0.2.1", "1.1.1.1", "2001:db8::1")


def main() -> int:
    command = sys.argv[1:]
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    if _INSIDE in os.environ:
        del os.environ[_INSIDE]
        for line in _NETWORK:
            subprocess.run(["ip", *line.split()], check=True)
        _require_nothing_outside()
        os.execvp(command[0], command)
    missing = [one for one in ("unshare", "ip") if shutil.which(one) is None]
    if missing:
        print(f"{' and '.join(missing)} is missing (on Debian: util-linux, iproute2).", file=sys.stderr)
        return 2
    # Whoever is not root becomes it inside a user namespace, which is what may make a network.
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", *own_user, "--net", "--", sys.executable, __file__, *command])


def _require_nothing_outside() -> None:
    for address in _OUTSIDE:
        try:
            socket.create_connection((address, 443), timeout=2).close()
        except TimeoutError:
            sys.exit(f"{address} was not refused at once: this is no closed network.")
        except OSError:
            continue
        sys.exit(f"{address} can be reached: this is no closed network.")


if __name__ == "__main__":
    sys.exit(main())
