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
_statement_seconds = 0


def limit_transactions(statement_seconds: int) -> None:
    """From now on, in this process: for those that serve and work. A migration may take as long as it takes."""
    global _limited, _statement_seconds
    _limited, _statement_seconds = WeakSet(), statement_seconds


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
        """Django sets autocommit right after this, whatever it was. What the address or the role says of it counts."""
        if self.settings_dict.get("THROUGH_POOLER"):
            return  # it would be set for whoever gets the server's session next
        limits = {"statement_timeout": _statement_seconds}
        if connection.info.server_version >= _KNOWS_LIMIT:
            # Above the other one: its end is an error that can be answered, this one's takes the connection along.
            limits["transaction_timeout"] = max(TRANSACTION_SECONDS, _statement_seconds * 3 // 2)
        connection.autocommit = True
        for name, seconds in limits.items():
            connection.execute(
                "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = %s AND source = 'default'",
                [f"{seconds}s", name],
            )
