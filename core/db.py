"""The one bridge between async code and the ORM, the one way to do something after a commit, and what a database's errors
mean whatever it is: its disk is full, or it is away and will be back.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection, transaction

P = ParamSpec("P")
T = TypeVar("T")

POOL_SIZE = 4
_pool: ThreadPoolExecutor | None = None


def _get_pool() -> ThreadPoolExecutor:
    # Our own small pool: the loop's default one is shared with name look-ups and SDK imports.
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=POOL_SIZE, thread_name_prefix="orm")
    return _pool


def _call(function: Callable[P, T], args: tuple, kwargs: dict) -> T:  # type: ignore[type-arg]
    if connection.vendor != "sqlite":
        close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        # PostgreSQL connections go back to psycopg's pool; SQLite's stay with their thread, as opening costs more than
        # holding the few that there are.
        if connection.vendor != "sqlite" or connection.errors_occurred:
            close_old_connections()


async def in_db(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run synchronous database code in the ORM's threads and return its result.

    In a copy of the caller's context: what it logs is the caller's, and what it says of itself does not stay in the thread.
    """
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_get_pool(), context.run, _call, function, args, kwargs)


def limit_transactions(*, statement_seconds: int) -> None:
    """Bound every statement and transaction of this process in time, on PostgreSQL; for processes that serve or work."""
    if connection.vendor == "postgresql":
        from core.postgresql.base import limit_transactions as limit

        limit(statement_seconds)


def after_commit(function: Callable[[], object]) -> None:
    """Call `function` once the present transaction is committed (at once outside of one); its errors are logged."""
    transaction.on_commit(function, robust=True)


def is_disk_full(exception: BaseException | None) -> bool:
    """Whether a full disk is behind `exception`, on SQLite, PostgreSQL or the file system."""
    for error in _with_causes(exception):
        if isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error):
            return True
        if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
            return True
        if getattr(error, "sqlstate", None) == "53100":
            return True
    return False


#: PostgreSQL's classes of errors that pass: no connection, a conflict to be tried again, no room for one more, a lock, an
#: operator's hand.
_PASSING = ("08", "40", "53", "55", "57")
#: A transaction that the server ended because it took too long, or because its process slept in it.
_ENDED = ("25P03", "25P04")


def is_database_away(exception: BaseException | None) -> bool:
    """Whether the database is busy, restarting or out of reach: the same may work in a moment. Also when a library (the
    queue's) has wrapped the driver's error into one of its own.
    """
    cause: BaseException | None = exception
    for _ in range(8):
        if cause is None:
            return False
        if isinstance(cause, sqlite3.OperationalError) and "database is locked" in str(cause):
            return True
        if type(cause).__module__.startswith("psycopg"):  # the pool's errors too
            state = getattr(cause, "sqlstate", None)
            if state is not None:
                return state[:2] in _PASSING or state in _ENDED
            # A connection that broke: then there is no server left to send a code.
            return bool({"OperationalError", "InterfaceError"} & {base.__name__ for base in type(cause).__mro__})
        cause = cause.__cause__
    return False


def _with_causes(exception: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if exception is None:
            return
        yield exception
        exception = exception.__cause__ or exception.__context__
