"""Is a column one of what a subquery finds? Written so that the database looks for it by an index, even beside an OR."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Func, Subquery


class AnyOf(Func):
    """`Q(AnyOf("conversation", rows.values("pk")))`: like `conversation__in`, for few rows out of a large table.

    PostgreSQL works `IN (SELECT …)` beside an OR out for each row of the whole table; an array it knows beforehand and
    looks up. SQLite does that with either.
    """

    output_field = models.BooleanField()
    arity = 2
    template = "%(expressions)s"
    arg_joiner = " IN "

    def __init__(self, column: str, found: models.QuerySet[Any, Any]) -> None:
        super().__init__(F(column), Subquery(found))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, arg_joiner=" = ANY (ARRAY", template="%(expressions)s)", **context)
