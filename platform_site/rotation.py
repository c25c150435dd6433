"""Sealing every stored secret anew with the first key, while everything goes on.

A value is changed only if it still is what was read, so that whoever writes at the same moment wins; and each row is its
own transaction, so that the work can be stopped and begun again at any point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps

from audit.action import Action, action
from core import cipher
from core.cipher import SealedColumn, SecretUnreadable
from platform_site.commander import os_user

_AT_ONCE = 200


def keys_in_use() -> Counter[str]:
    """How many stored values each key has written, by its id."""
    return Counter(cipher.key_of(value) for column in cipher.sealed_columns() for _, value in _values(column))


def reseal_all() -> tuple[int, list[str]]:
    """Seal everything with the first key: (how many values, those that could not be read as `Model.field of row`)."""
    resealed, unreadable = 0, []
    for column in cipher.sealed_columns():
        for pk, value in list(_values(column)):
            if not cipher.needs_rotation(value):
                continue
            try:
                resealed += _reseal(column, pk)
            except SecretUnreadable:
                unreadable.append(f"{column.model}.{column.field} of {pk}")
    return resealed, unreadable


@action("keys.rotate", requires=None)
def record_rotation(act: Action, *, key: str, values: int, unreadable: int, dropped: list[str]) -> None:
    """The stored secrets were sealed with another key, by a command on the server."""
    act.record(key=key, values=values, unreadable=unreadable, dropped=dropped, **os_user())


def _values(column: SealedColumn) -> Iterator[tuple[Any, str]]:
    rows = apps.get_model(column.model)._default_manager.values_list("pk", column.field).order_by("pk")
    for pk, stored in rows.iterator(chunk_size=_AT_ONCE):
        for value in _sealed_in(column, stored):
            yield pk, value


def _sealed_in(column: SealedColumn, stored: Any) -> list[str]:
    found = [(stored or {}).get(key) for key in column.keys] if column.keys else [stored]
    return [value for value in found if isinstance(value, str) and value]


def _reseal(column: SealedColumn, pk: Any) -> int:
    """1 if the row was changed; 0 if there was nothing to do any more."""
    model = apps.get_model(column.model)
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        return 0
    before = getattr(row, column.field)
    name, field, owner = column.bound_to(row)

    def anew(value: str) -> str:
        plain = cipher.open_sealed(value, model=name, field=field, row=owner)
        return cipher.seal(plain, model=name, field=field, row=owner)

    after: Any
    if column.keys:
        after = {key: anew(one) if key in column.keys and one else one for key, one in before.items()}
    else:
        after = anew(before)
    return int(model._default_manager.filter(pk=pk, **{column.field: before}).update(**{column.field: after}))
