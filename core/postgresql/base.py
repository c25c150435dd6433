"""Django's PostgreSQL backend; it tells `core.outage` whether a connection could be had, and can bound transactions."""

from __future__ import annotations

import time
from typing import Any
from weakref import WeakSet

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import PoolClosed, PoolTimeout

from core import outage

#: Seconds. A process that was paused between two messages of one statement is not idle to the server, and keeps its locks
#: for as long as it sleeps; only a limit on the transaction ends that. PostgreSQL knows it since version 17.
TRANSACTION_SECONDS = 15
_KNOWS_LIMIT = 170_000

_limited: WeakSet[Connection[Any]] | None = None


def limit_transactions() -> None:
    """From now on, in this process: for those that serve and work. A migration may take as long as it takes."""
    global _limited
    _limited = WeakSet()


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's."""

    def get_new_connection(self, conn_params: Any) -> Any:
        asked_at = time.monotonic()
        try:
            connection = super().get_new_connection(conn_params)
            if _limited is not None and connection not in _limited:
                self._limit(connection)
                _limited.add(connection)
        except (PoolTimeout, PoolClosed, OperationalError):
            outage.begins(asked_at)
            raise
        outage.ends()
        return connection

    def _limit(self, connection: Connection[Any]) -> None:
        """Django sets autocommit right after this, whatever it was."""
        if connection.info.server_version >= _KNOWS_LIMIT:
            connection.autocommit = True
            connection.execute(f"SET transaction_timeout = '{TRANSACTION_SECONDS}s'")
