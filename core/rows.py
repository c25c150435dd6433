"""Writing rows on the hot path: the INSERT of a model is composed once and kept, and no query is built for it again.

For tables that a run writes; everything else uses the ORM as it is. Signals are not sent and defaults come from the
model, as with `bulk_create`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

#: Values of these kinds go to the database as they are.
_AS_IT_IS: dict[type, type] = {
    models.CharField: str,
    models.TextField: str,
    models.PositiveIntegerField: int,
    models.PositiveBigIntegerField: int,
}


class _Column:
    """How one field's value is taken from a row and made ready."""

    __slots__ = ("_as_it_is", "_field", "_name", "_plain")

    def __init__(self, field: models.Field[Any, Any]) -> None:
        self._field, self._name = field, field.attname
        self._plain = type(field).pre_save is models.Field.pre_save
        target = getattr(field, "target_field", field)
        self._as_it_is = _AS_IT_IS.get(type(target))

    def value(self, row: models.Model, database: Any) -> Any:
        value = getattr(row, self._name) if self._plain else self._field.pre_save(row, True)
        if type(value) is self._as_it_is:
            return value
        return self._field.get_db_prep_save(value, database)


@cache
def _plan(model: type[models.Model], vendor: str) -> tuple[str, tuple[Callable[[models.Model, Any], Any], ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608  # our own names
    return sql, tuple(_Column(field).value for field in fields)


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model. Raises IntegrityError like `save`."""
    if not rows:
        return
    database = connections[DEFAULT_DB_ALIAS]  # not the proxy, which looks this up for each attribute
    sql, columns = _plan(type(rows[0]), database.vendor)
    values = [[value(row, database) for value in columns] for row in rows]
    with database.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(sql, values[0])
        else:
            cursor.executemany(sql, values)
    for row in rows:
        row._state.adding = False
        row._state.db = database.alias
