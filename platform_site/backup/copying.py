"""What is in the database, into a backup and out of it again: SQLite as its file, PostgreSQL table by table.

Both are taken while the product goes on, as of one moment. The schema is not in a backup of PostgreSQL: it is made anew by
the same migrations, so that a backup of an older version can be restored by a newer one.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from platform_site.backup.archive import CHUNK, BadBackup, Reader, Writer

SQLITE_PART = "database/platform.sqlite3.gz"
#: What SQLite may keep beside a database's file.
BESIDE = ("-wal", "-shm", "-journal")
#: The queue's messages only say "look"; what is due is found without them.
NOT_KEPT = ("procrastinate_", "django_migrations")
LOG = "audit_"


def connection() -> Any:
    return connections[DEFAULT_DB_ALIAS]


def applied_migrations() -> dict[str, list[str]]:
    """By app, in the order in which they were applied."""
    found: dict[str, list[str]] = {}
    rows = MigrationRecorder(connection()).migration_qs.order_by("id") if _has_record() else ()
    for row in rows:
        found.setdefault(row.app, []).append(row.name)
    return found


def _has_record() -> bool:
    return MigrationRecorder(connection()).has_table()


def unknown_migrations(applied: dict[str, list[str]]) -> list[str]:
    """Those that this version does not have: the database is of a newer one."""
    disk = MigrationLoader(None).disk_migrations  # without a look into the database, which may be damaged
    known = set(disk)
    apps = {app for app, _ in known}
    # What a replaced ("squashed") migration was called counts as known.
    for migration in disk.values():
        known |= set(migration.replaces)
    return [
        f"{app}.{name}" for app, names in applied.items() for name in names if app in apps and (app, name) not in known
    ]


# --- SQLite ----------------------------------------------------------------------------------------------------------


def copy_sqlite(source: Path, target: Path) -> None:
    """A whole copy of a database in use, by SQLite's own online backup."""
    with closing(sqlite3.connect(_address(source), uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=2_000, sleep=0.01)
        copy.execute("PRAGMA journal_mode=DELETE")
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise BadBackup(f"The database itself is damaged: {found}")


def pack_sqlite(writer: Writer, copy: Path) -> dict[str, int]:
    with writer.part(SQLITE_PART) as out, open(copy, "rb") as file:
        shutil.copyfileobj(file, out, CHUNK)
    with closing(sqlite3.connect(_address(copy), uri=True)) as database:
        return _count_all(database)


def unpack_sqlite(reader: Reader, target: Path) -> None:
    with reader.part(SQLITE_PART) as packed, open(target, "wb") as out:
        shutil.copyfileobj(packed, out, CHUNK)
    try:
        with closing(sqlite3.connect(target)) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            rows = _count_all(database) if found == "ok" else {}
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise BadBackup(f"The database in {reader.path} is damaged: {found}. Use another backup.")
    if rows != reader.manifest.rows:
        raise BadBackup(f"{reader.path} holds another database than it says of itself. Use another backup.")


def settle_sqlite(file: Path) -> None:
    """Everything in the file itself, nothing beside it. BadBackup while another process has it open; what is damaged stays
    as it is."""
    try:
        with closing(sqlite3.connect(file, timeout=2, isolation_level=None)) as database:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise BadBackup(f"{file} is open in another process. Wait until that is done, or end it.") from None


def _count_all(database: sqlite3.Connection) -> dict[str, int]:
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        name: database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # SQLite's own names
        for name in sorted(names)
        if not name.startswith("sqlite_")
    }


def _address(file: Path) -> str:
    """To read only. A name may hold what means something in an address."""
    return f"file:{quote(os.fsencode(file))}?mode=ro"


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def kept_tables() -> list[str]:
    tables = connection().introspection.django_table_names(only_existing=True, include_views=False)
    return sorted(name for name in tables if not name.startswith(NOT_KEPT))


@contextmanager
def one_moment() -> Iterator[Any]:
    """A cursor of the driver that sees the database as it is now, whatever others write meanwhile."""
    database = connection()
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield cursor.cursor


def pack_postgres(writer: Writer, cursor: Any, tables: Sequence[str]) -> dict[str, int]:
    rows = {}
    for table in tables:
        columns = _columns(cursor, table)
        with writer.part(_part(table)) as out, cursor.copy(f"COPY {_quote(table)} ({columns}) TO STDOUT") as copy:
            out.write(columns.encode() + b"\n")
            for data in copy:
                out.write(bytes(data))
        rows[table] = _count(cursor, table)
    return rows


def unpack_postgres(reader: Reader) -> None:
    """Into a database without tables. When this fails, it has tables and none of the rows."""
    for app, names in reader.manifest.migrations.items():
        if (app, names[-1]) not in MigrationExecutor(connection()).loader.disk_migrations:
            continue  # an app that this version no longer has
        call_command("migrate", app, names[-1], verbosity=0, skip_checks=True)
    with transaction.atomic(), connection().cursor() as wrapped:
        cursor = wrapped.cursor
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL statement_timeout = 0")
        # Migrations leave a few rows behind; those of the backup are all that shall be there. The log has none.
        for table in reader.manifest.rows:
            if not table.startswith(LOG):
                cursor.execute(f"DELETE FROM {_quote(table)}")  # noqa: S608  # quoted
        for table, count in reader.manifest.rows.items():
            with reader.part(_part(table)) as packed:
                _load(cursor, table, packed)
            found = _count(cursor, table)
            if found != count:
                raise BadBackup(f"{table}: {count} rows were kept, {found} are there. Nothing was restored.")
            _count_on(cursor, table)


def _load(cursor: Any, table: str, packed: IO[bytes]) -> None:
    columns = packed.readline(CHUNK).decode(errors="replace").strip()
    if not re.fullmatch(r'"[^"]+"(?:, "[^"]+")*', columns):  # it goes into a statement as it is
        raise BadBackup(f"{table}: its columns are not named as a backup of this product names them.")
    with cursor.copy(f"COPY {_quote(table)} ({columns}) FROM STDIN") as copy:
        while chunk := packed.read(CHUNK):
            copy.write(chunk)


def _count_on(cursor: Any, table: str) -> None:
    """New rows get the numbers after those that are there."""
    owned = cursor.execute(
        "SELECT a.attname, pg_get_serial_sequence(%s, a.attname) FROM pg_attribute a "
        "WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped",
        [_quote(table), _quote(table)],
    ).fetchall()
    for column, sequence in owned:
        if sequence is not None:
            name, rows = _quote(column), _quote(table)
            last = f"COALESCE((SELECT MAX({name}) FROM {rows}), 1), EXISTS (SELECT 1 FROM {rows})"  # noqa: S608  # quoted
            cursor.execute(f"SELECT setval(%s, {last})", [sequence])


def _count(cursor: Any, table: str) -> int:
    return int(cursor.execute(f"SELECT COUNT(*) FROM {_quote(table)}").fetchone()[0])  # noqa: S608  # quoted


def _columns(cursor: Any, table: str) -> str:
    """By name: a table that was altered has them in another order than one that was made at once."""
    rows = cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attgenerated = '' ORDER BY attnum",
        [_quote(table)],
    ).fetchall()
    return ", ".join(_quote(name) for (name,) in rows)


def _part(table: str) -> str:
    return f"tables/{table}.copy.gz"


def _quote(name: str) -> str:
    return str(connection().ops.quote_name(name))
