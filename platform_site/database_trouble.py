"""What whoever typed a command is told when the database does not do its part: a line with what to do, no traceback.

It knows the databases' own errors. What may be a fault of ours has no words here and stays a traceback.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any


def describe(error: BaseException) -> str | None:
    """What happened and what to do about it; None when it is no trouble of the database's."""
    import psycopg
    from django.db import Error

    from core.db import is_disk_full
    from platform_site.health import BEHIND

    if not isinstance(error, (Error, psycopg.Error, sqlite3.Error)):
        return None
    if is_disk_full(error):
        return "The disk of the database is full. Make room, then do this again."
    for cause in _with_causes(error):
        state = getattr(cause, "sqlstate", None)
        if state == "42501":
            return (
                f"The database refuses: {_first_line(cause)}. Right after a restore into another database the role that "
                "serves has no rights there: as the owner of the tables run `python manage.py upgrade --app-role <role>`."
            )
        if state == "42P01" or (isinstance(cause, sqlite3.OperationalError) and "no such table" in str(cause)):
            return BEHIND
        if isinstance(cause, sqlite3.Error):
            return _describe_sqlite(cause)
        if _is_about_the_connection(cause):
            return f"The database does not answer: {_why()}. See to PostgreSQL; if it is well, to DATABASE_URL."
    return None


def _describe_sqlite(error: sqlite3.Error) -> str | None:
    from django.conf import settings

    file, words = settings.DATABASES["default"]["NAME"], str(error)
    if "unable to open" in words or "readonly" in words or "read-only" in words:
        return f"{file} cannot be used: {words}. Look whose the file and its folder are, and who may write there."
    if "malformed" in words or "not a database" in words:
        return f"{file} is damaged: {words}. Restore a backup: `manage.py restore FILE --replace` keeps this one aside."
    if "locked" in words:
        return f"{file} is held by another process. Wait until that is done, or end it, then do this again."
    if "disk I/O" in words:
        return f"{file} cannot be read or written: {words}. Look at the disk."
    return None


def _is_about_the_connection(error: BaseException) -> bool:
    import psycopg
    from psycopg_pool import PoolClosed, PoolTimeout

    if isinstance(error, (PoolTimeout, PoolClosed)):
        return True
    state = getattr(error, "sqlstate", None)
    return isinstance(error, psycopg.OperationalError) and (state is None or state[:2] in ("08", "28", "3D", "57"))


def _why() -> str:
    """The server's own words: the pool only says that it waited. They hold no password."""
    import psycopg
    from django.db import connection

    wanted: dict[str, Any] = {**connection.get_connection_params(), "connect_timeout": 5}
    for name in ("pool", "prepare_threshold", "cursor_factory", "context"):
        wanted.pop(name, None)
    try:
        psycopg.connect(**wanted).close()
    except psycopg.Error as error:
        return _first_line(error)
    return "it was away, or had no connection free"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
