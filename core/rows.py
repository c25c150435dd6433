"""Writing rows on the hot path: the INSERT of a model is composed once and kept, and no query is built for it again.

For tables that a run writes; everything else uses the ORM as it is. Signals are not sent and defaults come from the
model, as with `bulk_create`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.db import connection, models


@cache
def _plan(model: type[models.Model], vendor: str) -> tuple[str, tuple[models.Field, ...]]:  # type: ignore[type-arg]
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})", fields  # noqa: S608  # our own names


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model. Raises IntegrityError like `save`."""
    if not rows:
        return
    sql, fields = _plan(type(rows[0]), connection.vendor)
    values = [[field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(sql, values[0])
        else:
            cursor.executemany(sql, values)
    for row in rows:
        row._state.adding = False
        row._state.db = connection.alias
