"""What a migration must not do to an installation that goes on while it runs, with the version before still writing.

Looks at operations and the states around them. django-migration-linter was tried: it does not know large tables from
small or new ones, nor how RunPython goes about its rows, and its exceptions are imports in the product's own migrations.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.migrations import operations as ops
from django.db.models import NOT_PROVIDED

from core.postgresql.indexes import AddIndexConcurrently

#: Tables that grow with every run; all others are small.
LARGE = {
    ("agents", "run"), ("agents", "runevent"), ("agents", "message"), ("agents", "messagechunk"),
    ("agents", "conversation"), ("audit", "auditentry"), ("audit", "auditseal"), ("audit", "auditsource"),
    ("llm_providers", "usagerecord"),
}  # fmt: skip

_GONE = (ops.RemoveField, ops.RenameField, ops.RenameModel, ops.DeleteModel, ops.AlterModelTable)


def faults(migration: Any, state: Any) -> Iterator[str]:
    """In words, for each operation of a migration that is applied to the project as it is in `state`."""
    state, made = state.clone(), set[str]()
    for operation in _flat(migration.operations):
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name_lower)
        else:
            yield from _of_operation(migration, operation, state, made)
        operation.state_forwards(migration.app_label, state)


def _flat(operations: Any) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, ops.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _of_operation(migration: Any, operation: Any, state: Any, made: set[str]) -> Iterator[str]:
    model = (getattr(operation, "model_name", None) or getattr(operation, "name", None) or "").lower()
    if model in made and not isinstance(operation, (ops.RunPython, ops.RunSQL)):
        return  # nobody else knows the table yet
    large = (migration.app_label, model) in LARGE
    match operation:
        case _ if isinstance(operation, _GONE):
            yield f"{operation.describe()}: the version before still reads and writes it; let a version pass between"
        case ops.AddField(field=field):
            yield from _new_column(operation, field, large)
        case ops.AlterField(field=field):
            yield from _changed_column(migration, operation, field, state, large)
        case AddIndexConcurrently():
            if migration.atomic:
                yield f"{operation.describe()}: needs atomic = False"
        case ops.AddIndex() | ops.AddConstraint() | ops.AlterUniqueTogether() | ops.AlterIndexTogether() if large:
            yield f"{operation.describe()}: locks a large table while it is built; core.postgresql.indexes does not"
        case ops.RunPython():
            yield from _by_python(migration, operation)
        case ops.RunSQL():
            yield from _by_sql(operation)


def _new_column(operation: Any, field: Any, large: bool) -> Iterator[str]:
    if field.many_to_many:
        return
    if not field.null and field.db_default is NOT_PROVIDED:
        yield f"{operation.describe()}: the version before inserts rows without it; give it db_default or null"
    if large and (field.unique or field.db_index):
        yield f"{operation.describe()}: its index locks a large table while it is built; add it apart, concurrently"


def _changed_column(migration: Any, operation: Any, field: Any, state: Any, large: bool) -> Iterator[str]:
    before = state.models[migration.app_label, operation.model_name_lower].fields[operation.name]
    if before.null and not field.null:
        yield f"{operation.describe()}: the version before still writes NULL, and every row is looked at under a lock"
    if large and before.db_type(connection) != field.db_type(connection):
        yield f"{operation.describe()}: may write a large table anew under a lock"
    if large and (field.unique or field.db_index) and not (before.unique or before.db_index):
        yield f"{operation.describe()}: its index locks a large table while it is built; add it apart, concurrently"


def _by_python(migration: Any, operation: Any) -> Iterator[str]:
    source = inspect.getsource(inspect.getmodule(operation.code) or operation.code).lower()
    named = [model for app, model in sorted(LARGE) if f"'{model}'" in source.replace('"', "'") and f"{app}" in source]
    own = inspect.getsource(operation.code)
    if named and (migration.atomic or not any(word in own for word in ("while ", "[:"))):
        yield (
            f"RunPython {operation.code.__name__}: goes over {', '.join(named)} in one transaction; take a few rows at a "
            "time, with atomic = False"
        )


def _by_sql(operation: Any) -> Iterator[str]:
    statements = operation.sql if isinstance(operation.sql, (list, tuple)) else [operation.sql]
    for statement in statements:
        text = str(statement[0] if isinstance(statement, (list, tuple)) else statement).lower()
        for app, model in sorted(LARGE):
            if re.search(rf"\b{app}_{model}\b", text) and not ("concurrently" in text or " set (" in text):
                yield f"RunSQL {text.strip()[:60]!r}: touches the large table {app}_{model}"
