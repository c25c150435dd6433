"""`python -m platform_site.alive [PORT]`: the health check of a container. Exit code 0 when the process there answers.

Loads nothing of the product: it is run every few seconds.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request


def main(arguments: list[str]) -> int:
    port = arguments[0] if arguments else os.environ.get("PORT") or "8000"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, ValueError, urllib.error.URLError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
