"""A process that writes audit entries as a change does, one a transaction; prints when each was committed.

python -m tests.scale.entry_writer WORKSPACE SECONDS ENTRIES_A_SECOND     # 0: as fast as it can
"""

from __future__ import annotations

import sys
import time

import django


def main(workspace: str, seconds: float, rate: float) -> None:
    django.setup()
    from django.db import transaction

    from accounts import services  # noqa: F401  # registers the kind
    from audit.record import write_entry
    from core.authz import Actor

    actor = Actor("system", None, "test", workspace)
    done: list[tuple[str, float]] = []
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.time()
    while time.time() < began + seconds:
        with transaction.atomic():
            entry = write_entry(actor, kind="workspace.update", data={"n": len(done)})
        done.append((entry.pk, time.time()))
        if rate:
            time.sleep(max(0.0, began + len(done) / rate - time.time()))
    print("\n".join(f"{pk} {moment}" for pk, moment in done), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
