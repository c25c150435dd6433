"""SCIM's PATCH on a resource as JSON, in the forms that RFC 7644, Entra ID and Okta send. Knows no tables.

Entra writes `Replace` and `Add`, booleans as text, dotted names as keys of an object, and names the members to remove in
the value. Okta sends one object without a path.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from accounts.scim.protocol import ScimError, invalid

_MOST = 1_000
_PATH = re.compile(
    r'(?P<name>\$?[A-Za-z][\w$-]*)(?:\[(?P<key>[A-Za-z$]+)\s+[eE][qQ]\s+"?(?P<value>[^"\]]*)"?\])?(?:\.(?P<sub>\$?[A-Za-z]+))?\Z'
)
_WORDS = {"true": True, "false": False}
_NAMES = {
    name.lower(): name
    for name in (
        "userName",
        "externalId",
        "displayName",
        "active",
        "name",
        "emails",
        "members",
        "groups",
        "id",
        "schemas",
        "meta",
    )
}
_READ_ONLY = {"id", "meta", "schemas", "groups"}


def apply_patch(resource: dict[str, Any], body: Any) -> dict[str, Any]:
    """The resource as the operations leave it. Attributes that we do not keep change nothing."""
    operations = body.get("Operations", body.get("operations")) if isinstance(body, dict) else None
    if not isinstance(operations, list) or not 0 < len(operations) <= _MOST:
        raise ScimError("Send a list of Operations.", scim_type="invalidSyntax")
    changed = copy.deepcopy(resource)
    for one in operations:
        if not isinstance(one, dict) or not isinstance(one.get("op"), str):
            raise ScimError("Each operation is an object with op.", scim_type="invalidSyntax")
        operation, path, value = one["op"].lower(), one.get("path"), one.get("value")
        if operation not in ("add", "replace", "remove"):
            raise ScimError(f"{one['op'][:20]} is no operation.", scim_type="invalidSyntax")
        if path is not None and not isinstance(path, str):
            raise ScimError("The path must be text.", scim_type="invalidPath")
        if path:
            _apply(changed, operation, path, value)
        elif operation == "remove":
            raise ScimError("Say what to remove.", scim_type="noTarget")
        elif isinstance(value, dict):
            for name, part in value.items():
                _apply(changed, operation, str(name), part)
        else:
            raise invalid("Without a path the value is an object.")
    return changed


def as_flag(value: Any) -> Any:
    """Entra's "True" and "False"."""
    return _WORDS.get(value.lower(), value) if isinstance(value, str) else value


def _apply(resource: dict[str, Any], operation: str, path: str, value: Any) -> None:
    if len(path) > 300:
        raise ScimError("The path is too long.", scim_type="invalidPath")
    urn = path.lower().startswith("urn:")
    plain = path.rpartition(":")[2] if urn else path
    if urn and ":core:2.0:" not in path.lower():
        return  # an extension that we do not keep
    found = _PATH.match(plain)
    if found is None:
        raise ScimError(f"The path {path[:60]} cannot be read.", scim_type="invalidPath")
    name = _NAMES.get(found["name"].lower())
    if name is None or name in _READ_ONLY:
        return
    if found["key"]:
        _apply_to_entries(resource, name, operation, found, value)
    elif found["sub"]:
        inner = resource.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ScimError(f"{path[:60]} has no such part.", scim_type="invalidPath")
        if operation == "remove":
            inner.pop(found["sub"], None)
        else:
            inner[found["sub"]] = value
    elif operation == "remove":
        _remove(resource, name, value)
    elif operation == "add" and isinstance(resource.get(name), list):
        given = value if isinstance(value, list) else [value]
        resource[name] = [*resource[name], *(one for one in given if one not in resource[name])]
    elif name == "name" and isinstance(value, dict) and isinstance(resource.get(name), dict):
        resource[name] = {**resource[name], **value}
    else:
        resource[name] = as_flag(value) if name == "active" else value


def _remove(resource: dict[str, Any], name: str, value: Any) -> None:
    """All of an attribute, or the entries that the value names."""
    named = [one.get("value") for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    present = resource.get(name)
    if named and isinstance(present, list):
        resource[name] = [one for one in present if not isinstance(one, dict) or one.get("value") not in named]
    elif isinstance(present, list):
        resource[name] = []
    else:
        resource.pop(name, None)


def _apply_to_entries(resource: dict[str, Any], name: str, operation: str, found: re.Match[str], value: Any) -> None:
    """`emails[type eq "work"].value`, `members[value eq "…"]`."""
    entries = resource.setdefault(name, [])
    if not isinstance(entries, list):
        raise ScimError("Only lists can be searched.", scim_type="invalidPath")

    def fits(one: Any) -> bool:
        return isinstance(one, dict) and str(one.get(found["key"], "")).lower() == found["value"].lower()

    fitting = [one for one in entries if fits(one)]
    if operation == "remove":
        if found["sub"]:
            for one in fitting:
                one.pop(found["sub"], None)
        else:
            resource[name] = [one for one in entries if not fits(one)]
        return
    if not fitting:
        fitting = [{found["key"]: found["value"]}]
        entries.extend(fitting)
    for one in fitting:
        if found["sub"]:
            one[found["sub"]] = value
        elif isinstance(value, dict):
            one.update(value)
        else:
            raise invalid("The value of an entry is an object.")
