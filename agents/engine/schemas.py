"""The events as JSON Schema, for the OpenAPI document; read off the classes, so that the two cannot differ."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from agents.engine.events import EVENT_CLASSES, PRIVATE_FIELDS, Event

_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
}


def event_schemas() -> dict[str, Any]:
    """`{"RunQueuedEvent": schema, …, "RunEventV1": the union by `type`}`."""
    named = {f"{cls.__name__}Event": _schema(cls) for cls in EVENT_CLASSES}
    refs = {cls.type: f"#/components/schemas/{cls.__name__}Event" for cls in EVENT_CLASSES}
    named["RunEventV1"] = {
        "description": "One event of a run's journal. Clients ignore types they do not know.",
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "type", "mapping": refs},
    }
    return named


def _schema(cls: type[Event]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    hidden = PRIVATE_FIELDS.get(cls.type, ())
    shown = [item for item in fields(cls) if item.name not in hidden]
    return {
        "type": "object",
        "description": (cls.__doc__ or "").strip() if not (cls.__doc__ or "").startswith(cls.__name__ + "(") else "",
        "properties": {
            "type": {"type": "string", "const": cls.type},
            **{item.name: _type(hints[item.name]) for item in shown},
        },
        "required": ["type", *(item.name for item in shown if not item.metadata.get("optional"))],
    }


def _type(hint: Any) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(hint))}
    if origin in (Union, types.UnionType):
        options = [_type(item) for item in get_args(hint) if item is not type(None)]
        options.append({"type": "null"})
        return {"anyOf": options}
    if origin is tuple:
        return {"type": "array", "items": _type(get_args(hint)[0])}
    if origin in (Mapping, dict) or hint is Mapping:
        return {"type": "object", "additionalProperties": True}
    return dict(_SIMPLE.get(hint, {}))
