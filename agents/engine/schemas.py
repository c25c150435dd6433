"""The events as JSON Schema, made from their classes, for the API's document and for checking fixtures."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from agents.engine.events import EVENT_CLASSES, PRIVATE_FIELDS, Event


def event_schemas() -> dict[str, dict[str, Any]]:
    """{component name: schema}: one for each event (`EventRunQueued`, …), and `Event`, any of them."""
    schemas = {_component(cls): _schema(cls) for cls in EVENT_CLASSES}
    references = {cls.type: f"#/components/schemas/{_component(cls)}" for cls in EVENT_CLASSES}
    schemas["Event"] = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }
    return schemas


def _component(cls: type[Event]) -> str:
    return f"Event{cls.__name__}"


def _schema(cls: type[Event]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    private = PRIVATE_FIELDS.get(cls.type, ())
    properties: dict[str, Any] = {"type": {"type": "string", "enum": [cls.type]}}
    required = ["type"]
    for one in fields(cls):
        if one.name in private:
            continue
        properties[one.name] = _of_hint(hints[one.name])
        if not one.metadata.get("optional"):
            required.append(one.name)
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    if cls.__doc__ and not cls.__doc__.startswith(cls.__name__ + "("):
        schema["description"] = " ".join(cls.__doc__.split())
    return schema


_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}


def _of_hint(hint: Any) -> dict[str, Any]:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin in (types.UnionType, typing.Union):
        parts = [_of_hint(argument) for argument in arguments]
        if all(set(part) == {"type"} for part in parts):
            return {"type": [part["type"] for part in parts]}
        return {"anyOf": parts}
    if origin is tuple:
        return {"type": "array", "items": _of_hint(arguments[0])}
    if origin is Mapping:
        values = arguments[1]
        return {"type": "object", "additionalProperties": True if values is Any else _of_hint(values)}
    raise TypeError(f"no schema for {hint!r}")
