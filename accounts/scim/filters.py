"""SCIM's filters as far as directories send them: `eq`, `co`, `sw` on a named list of attributes, with `and`, `or`, `not`.

Each attribute has its own column here: no part of a filter ever becomes the name of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Lower

from accounts.scim.protocol import ScimError, invalid

#: So many comparisons, and so many brackets in each other.
_MOST, _DEEPEST = 10, 5
_CLAUSE = re.compile(
    r'(?P<path>[A-Za-z][\w.:$-]*(?:\[[A-Za-z]+\s+eq\s+"[^"\\]*"\](?:\.[A-Za-z]+)?)?)\s+(?P<op>[A-Za-z]{2})\s+'
    r'(?P<value>"(?:[^"\\]|\\.)*"|true|false|True|False)(?=[\s)]|\Z)'
)
_WORD = re.compile(r"(and|or|not)(?=[\s(]|\Z)", re.IGNORECASE)
_SPACE = re.compile(r"\s*")
_TYPED = re.compile(r"\[[^\]]*\]")
USER_COLUMNS = {
    "username": "user_name",
    "externalid": "external_id",
    "id": "pk",
    "emails": "email",
    "emails.value": "email",
    "active": "active",
    "displayname": "attributes__displayName",
    "name.givenname": "attributes__name__givenName",
    "name.familyname": "attributes__name__familyName",
}
_MEMBER = "group__user__scim__pk"
GROUP_COLUMNS = {
    "displayname": "name",
    "externalid": "external_id",
    "id": "pk",
    "members": _MEMBER,
    "members.value": _MEMBER,
}
_EXACT = {"pk", "external_id", _MEMBER}
#: What can be sorted by besides; nothing that has several values, and nothing kept as it came.
_SORTED = {"meta.created": "created_at", "meta.lastmodified": "updated_at"}
_FOLDED = {"user_name", "email", "name"}
_NOT_SORTED = {"attributes__displayName", "attributes__name__givenName", "attributes__name__familyName", *_EXACT} - {
    "pk"
}


def filtered(rows: QuerySet[Any], text: str, columns: Mapping[str, str]) -> QuerySet[Any]:
    """The rows that a filter finds; ScimError `invalidFilter`."""
    reader = _Reader(text, columns, rows)
    return rows.filter(reader.whole())


def sorted_by(rows: QuerySet[Any], path: str, order: str, columns: Mapping[str, str]) -> QuerySet[Any]:
    """The rows in the order that was asked for; that of their making without one."""
    if order.lower() not in ("", "ascending", "descending"):
        raise invalid("sortOrder is ascending or descending.")
    if not path:
        return rows.order_by("created_at", "pk")
    name = path.rpartition(":")[2].lower()
    column = _SORTED.get(name) or columns.get(name)
    if column is None or column in _NOT_SORTED:
        raise invalid(f"There is no sorting by {path[:60]}.")
    by = Lower(column) if column in _FOLDED else F(column)
    return rows.order_by(by.desc() if order.lower() == "descending" else by.asc(), "pk")


@dataclass
class _Reader:
    """Reads a filter from left to right; `not` before `and` before `or`."""

    text: str
    columns: Mapping[str, str]
    rows: QuerySet[Any]
    at: int = 0
    clauses: int = 0

    def whole(self) -> Q:
        found = self._any(0)
        if self.at != len(self.text):
            raise _not_supported()
        return found

    def _any(self, depth: int) -> Q:
        found = self._all(depth)
        while self._take("or"):
            found |= self._all(depth)
        return found

    def _all(self, depth: int) -> Q:
        found = self._one(depth)
        while self._take("and"):
            found &= self._one(depth)
        return found

    def _one(self, depth: int) -> Q:
        refused = self._take("not")
        if self.text[self.at : self.at + 1] == "(":
            if depth >= _DEEPEST:
                raise _not_supported()
            self.at += 1
            self._skip()
            found = self._any(depth + 1)
            if self.text[self.at : self.at + 1] != ")":
                raise _not_supported()
            self.at += 1
            self._skip()
        elif refused:
            raise _not_supported()  # not (…), always
        else:
            found = self._clause()
        # By the rows themselves: what a row does not have is not equal to anything, neither yes nor "unknown".
        return ~Q(pk__in=self.rows.filter(found).order_by().values("pk")) if refused else found

    def _clause(self) -> Q:
        clause = _CLAUSE.match(self.text, self.at)
        self.clauses += 1
        if clause is None or self.clauses > _MOST:
            raise _not_supported()
        self.at = clause.end()
        self._skip()
        column, found = _read_clause(clause, self.columns)
        if column == _MEMBER:  # each comparison may mean another one, and no row is to be found twice
            return Q(pk__in=self.rows.filter(found).order_by().values("pk"))
        return found

    def _take(self, word: str) -> bool:
        self._skip()
        found = _WORD.match(self.text, self.at)
        if found is None or found[0].lower() != word:
            return False
        self.at = found.end()
        self._skip()
        return True

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at


def _read_clause(clause: re.Match[str], columns: Mapping[str, str]) -> tuple[str, Q]:
    path = _TYPED.sub("", clause["path"]).rpartition(":")[2].lower()
    operator = clause["op"].lower()
    column = columns.get(path)
    if column is None:
        raise _unknown(f"There is no filter on {clause['path'][:60]}.")
    try:
        value = json.loads(clause["value"] if clause["value"][0] == '"' else clause["value"].lower())
    except ValueError:
        raise _unknown("The value of the filter cannot be read.") from None
    if operator not in ("eq", "co", "sw") or isinstance(value, bool) != (column == "active"):
        raise _unknown(f"{clause['op']} cannot be asked of {path}.")
    if isinstance(value, str) and "\x00" in value:
        raise _unknown("The value holds a null character.")
    if column in _EXACT:
        lookup = {"eq": "exact", "co": "contains", "sw": "startswith"}[operator]
    elif column == "active":
        lookup = "exact"
    else:
        lookup = {"eq": "iexact", "co": "icontains", "sw": "istartswith"}[operator]
    return column, Q(**{f"{column}__{lookup}": value})


def _not_supported() -> ScimError:
    return _unknown("This filter is not supported: use eq, co and sw, with and, or, not (…) and brackets.")


def _unknown(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidFilter")
