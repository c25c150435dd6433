"""Reads of the hot path: the ORM puts a query together once, and it is asked again with other values.

The query comes from the same selectors and object rules as everywhere else, so nothing here can be wider than they are;
only the repeated work of composing it is saved, which costs more than running it.

    _HISTORY = Prepared(lambda v: Message.objects.filter(conversation_id=v("conversation")).values_list("role", "text"))
    rows = _HISTORY.rows(conversation=conversation_id)

A query may be prepared only if its SQL does not depend on the values. Whatever the builder decides in Python (by a role,
say) must be part of `shape`. Composing must not read the database: a rule that does is asked anew each time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections, models

if TYPE_CHECKING:
    from core.authz import Actor

M = TypeVar("M", bound=models.Model)

Values = Callable[[str], Any]
_MARK = "\ue000value:"
_MANY_SHAPES = 1_000
#: What an actor's queries are filled with. What may decide how a query looks is its shape: the permissions, and whether a
#: token limits it to named objects. No rule looks at an actor's kind or role.
_ACTOR_VALUES = ("user_id", "workspace_id", "label", "request_id", "ip", "session_id", "token_id")


class _ReadsWhileComposing(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Plan:
    """`parameters`: (is it the name of a value, the name or the constant). `converters` by column."""

    sql: str
    parameters: tuple[tuple[bool, Any], ...]
    converters: tuple[tuple[int, tuple[Callable[..., Any], ...], Any], ...]


class Prepared:
    """A read whose builder gets a function that stands in for each named text value. It returns a `values_list`."""

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]]) -> None:
        self._build = build
        self._plans: dict[Hashable, _Plan | None] = {}

    def rows(self, *shape: Hashable, **values: str) -> list[tuple[Any, ...]]:
        """The rows for these values. `shape` is handed to the builder before the function for values."""
        key = (connections[DEFAULT_DB_ALIAS].vendor, *shape)
        if key not in self._plans:
            if len(self._plans) >= _MANY_SHAPES:
                self._plans.clear()
            self._plans[key] = _compose(self._build(*shape, _mark)) if self._may_compose(shape) else None
        plan = self._plans[key]
        if plan is None:
            return list(self._build(*shape, values.__getitem__))
        return _run(plan, values)

    def row(self, *shape: Hashable, **values: str) -> tuple[Any, ...] | None:
        """The first row, None without any."""
        found = self.rows(*shape, **values)
        return found[0] if found else None

    def _may_compose(self, shape: Sequence[Hashable]) -> bool:
        if self._composes_unread(shape):
            return True
        # What is read once a process (Django's content types) is known from here on; a rule that reads, reads again.
        self._build(*shape, _mark)
        return self._composes_unread(shape)

    def _composes_unread(self, shape: Sequence[Hashable]) -> bool:
        try:
            with connection.execute_wrapper(_refuse):
                self._build(*shape, _mark)
        except _ReadsWhileComposing:
            return False
        return True


class PreparedForActor:
    """The same for what an actor may see: `build(actor, value)`, one plan for each set of permissions."""

    def __init__(self, build: Callable[[Actor, Values], models.QuerySet[Any, Any]]) -> None:
        self._build = build
        self._prepared = Prepared(self._with_stand_in)

    def rows(self, actor: Actor, **values: str) -> list[tuple[Any, ...]]:
        if actor.user_id is None or actor.workspace_id is None:
            return list(self._build(actor, values.__getitem__))
        own = {name: getattr(actor, name) for name in _ACTOR_VALUES}
        return self._prepared.rows(actor.limited, actor.permissions, _Filling(actor), **own, **values)

    def row(self, actor: Actor, **values: str) -> tuple[Any, ...] | None:
        """The first row, None without any."""
        found = self.rows(actor, **values)
        return found[0] if found else None

    def _with_stand_in(
        self, limited: bool, permissions: frozenset[Any], filling: _Filling, value: Values
    ) -> models.QuerySet[Any, Any]:
        actor = filling.actor
        if value is _mark:
            marks: dict[str, Any] = {name: _mark(name) for name in _ACTOR_VALUES}
            actor = replace(actor, **marks)
        return self._build(actor, value)


class _Filling:
    """Carries an actor along with a shape without being part of it: all of them are equal."""

    __slots__ = ("actor",)

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Filling)

    def __hash__(self) -> int:
        return 0


def columns(model: type[models.Model], through: str = "") -> tuple[str, ...]:
    """The names of all of a model's columns for `values_list`, reached by the relation `through`."""
    prefix = f"{through}__" if through else ""
    return tuple(prefix + field.attname for field in model._meta.concrete_fields)


def instance(model: type[M], values: Sequence[Any]) -> M:
    """The model's object from a row's values in the order of `columns`."""
    names = [field.attname for field in model._meta.concrete_fields]
    return model.from_db(connection.alias, names, values)


def _mark(name: str) -> str:
    return _MARK + name


def _refuse(*_: object) -> Any:
    raise _ReadsWhileComposing


def _compose(queryset: models.QuerySet[Any, Any]) -> _Plan | None:
    compiler = queryset.query.get_compiler(connection=connection)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        return None
    found: Any = compiler.get_converters([expression for expression, _, _ in compiler.select])  # type: ignore[attr-defined]
    return _Plan(
        sql,
        tuple(
            (True, one[len(_MARK) :]) if isinstance(one, str) and one.startswith(_MARK) else (False, one)
            for one in parameters
        ),
        tuple((column, tuple(converters), expression) for column, (converters, expression) in found.items()),
    )


def _run(plan: _Plan, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    database = connections[DEFAULT_DB_ALIAS]
    with database.cursor() as cursor:
        cursor.execute(plan.sql, [values[one] if named else one for named, one in plan.parameters])
        found = cursor.fetchall()
    if not plan.converters:
        return found
    rows = []
    for row in found:
        cells = list(row)
        for column, converters, expression in plan.converters:
            for convert in converters:
                cells[column] = convert(cells[column], expression, database)
        rows.append(tuple(cells))
    return rows
