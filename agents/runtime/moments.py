"""The clock by which leases are judged: the database server's, the same for every machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, Func, Value

from core.clock import now


class ClockTimestamp(Func):
    """The server's time at this very moment, not at the transaction's start."""

    function = "CLOCK_TIMESTAMP"
    output_field: Any = DateTimeField()


def server_now(plus: timedelta = timedelta()) -> Any:
    """Now, by the database's clock, as something to compare with or to store. SQLite has no clock but this machine's."""
    if connection.vendor == "sqlite":
        return now() + plus
    return ExpressionWrapper(ClockTimestamp() + Value(plus, output_field=DurationField()), output_field=DateTimeField())
