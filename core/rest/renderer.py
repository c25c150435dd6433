"""JSON out, by orjson: exact UTF-8, RFC 3339 times in UTC."""

from __future__ import annotations

from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


def _plain(value: Any) -> Any:
    if hasattr(value, "as_json"):
        return value.as_json()
    return str(value)


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
