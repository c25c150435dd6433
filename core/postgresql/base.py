"""Django's PostgreSQL backend; it tells `core.outage` whether a connection could be had."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from psycopg import OperationalError
from psycopg_pool import PoolClosed, PoolTimeout

from core import outage


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's."""

    def get_new_connection(self, conn_params: Any) -> Any:
        try:
            connection = super().get_new_connection(conn_params)
        except (PoolTimeout, PoolClosed, OperationalError):
            outage.begins()
            raise
        outage.ends()
        return connection
