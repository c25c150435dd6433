"""SCIM's filters as far as directories send them: `eq`, `co`, `sw` on a named list of attributes, joined by `and`.

Each attribute has its own column here: no part of a filter ever becomes the name of one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from accounts.scim.protocol import ScimError

_MOST = 10
_CLAUSE = re.compile(
    r'\s*(?P<path>[A-Za-z][\w.:$-]*(?:\[[A-Za-z]+\s+eq\s+"[^"\\]*"\](?:\.[A-Za-z]+)?)?)\s+(?P<op>[A-Za-z]{2})\s+'
    r'(?P<value>"(?:[^"\\]|\\.)*"|true|false|True|False)\s*(?:(?P<more>\s[Aa][Nn][Dd]\s)|\Z)'
)
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
GROUP_COLUMNS = {
    "displayname": "name",
    "externalid": "external_id",
    "id": "pk",
    "members": "group__user__scim__pk",
    "members.value": "group__user__scim__pk",
}
_EXACT = {"pk", "external_id", "group__user__scim__pk"}


def read_filter(text: str, columns: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    """(column, operator, value) of each clause; ScimError `invalidFilter`."""
    found: list[tuple[str, str, Any]] = []
    rest = text
    while True:
        clause = _CLAUSE.match(rest)
        if clause is None or len(found) >= _MOST:
            raise _unknown("This filter is not supported: use eq, co and sw, joined by and.")
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
        found.append((column, operator, value))
        if clause["more"] is None:
            return found
        rest = rest[clause.end() :]


def as_query(clauses: list[tuple[str, str, Any]]) -> Q:
    """The filter for the database."""
    query = Q()
    for column, operator, value in clauses:
        if column in _EXACT:
            lookup = {"eq": "exact", "co": "contains", "sw": "startswith"}[operator]
        elif column == "active":
            lookup = "exact"
        else:
            lookup = {"eq": "iexact", "co": "icontains", "sw": "istartswith"}[operator]
        query &= Q(**{f"{column}__{lookup}": value})
    return query


def _unknown(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidFilter")
