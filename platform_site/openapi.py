"""What every operation of the OpenAPI document has in common, added once: errors, paging, keys, ETags."""

from __future__ import annotations

from typing import Any

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; what programs look at."},
        "detail": {"type": "string", "description": "What happened, why, and what to do next."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_MEANINGS = {
    "400": "The input is not right; `errors` names the fields.",
    "401": "Sign in, or send a fresh token.",
    "403": "You may see it but not do this with it.",
    "404": "Not there, or not shared with you.",
    "405": "The address does not take this method.",
    "406": "Only JSON can be had here.",
    "409": "It does not fit the present state.",
    "412": "Somebody else changed it meanwhile.",
    "413": "The body is too large.",
    "415": "Send JSON.",
    "428": "Send If-Match.",
    "429": "Too many requests; see Retry-After.",
    "503": "Busy or restarting; see Retry-After.",
    "507": "The server's disk is full; nothing was saved.",
}
_QUERY = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}},
    {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next` of the page before."},
]
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key and body get the same answer, and change nothing twice.",
}


_STREAM = {
    "operationId": "run_stream",
    "description": "The run as server-sent events: the socket's frames, journal events with `id: <seq>`.",
    "tags": ["workspaces"],
    "security": [{"bearer": []}],
    "parameters": [
        {"name": "workspace", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "run_id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer", "minimum": 0}},
    ],
    "responses": {
        "200": {
            "description": "Frames until the run has ended.",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string", "description": "Each `data:` is a frame; events are of `Event`."}
                }
            },
        },
        "204": {"description": "The run has ended and the client has it all."},
    },
}


def add_common_answers(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's post-processing hook."""
    from agents.engine.schemas import event_schemas

    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    schemas.update(event_schemas())
    components["responses"] = {
        f"Problem{status}": {
            "description": text,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, text in _MEANINGS.items()
    }
    result.setdefault("paths", {})["/api/v1/workspaces/{workspace}/runs/{run_id}/stream/"] = {"get": _STREAM}
    for address, operations in result["paths"].items():
        for method, operation in operations.items():
            if method not in ("get", "post", "patch", "put", "delete"):
                continue
            answers = operation.setdefault("responses", {})
            for status in _MEANINGS:
                answers.setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
            parameters = operation.setdefault("parameters", [])
            names = {parameter.get("name") for parameter in parameters}
            if method == "get" and _is_list(answers, schemas):
                parameters.extend(item for item in _QUERY if item["name"] not in names)
            if method == "get":
                answers.setdefault("304", {"description": "Unchanged since the ETag in If-None-Match."})
            if (method == "post" and "201" in answers | {}) or (method == "post" and "202" in answers):
                parameters.append(_KEY)
            if method == "patch" and address.endswith(("/agents/{agent_id}/", "/providers/{provider}/")):
                parameters.append(
                    {
                        "name": "If-Match",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string"},
                        "description": "The ETag that reading the object gave.",
                    }
                )
    return result


def _is_list(answers: dict[str, Any], schemas: dict[str, Any]) -> bool:
    content = answers.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = str(content.get("$ref", "")).rsplit("/", 1)[-1]
    return "next" in schemas.get(name, {}).get("properties", {})
