"""The one bridge between async code and the ORM, and the one way to do something after a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    """Run synchronous database code in the ORM's threads and return its result."""
    return await asyncio.get_running_loop().run_in_executor(_get_pool(), _call, function, args, kwargs)


def after_commit(function: Callable[[], object]) -> None:
    """Call `function` once the present transaction is committed (at once outside of one); its errors are logged."""
    transaction.on_commit(function, robust=True)
