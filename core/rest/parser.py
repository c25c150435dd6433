"""JSON in: bounded in depth, UTF-8 only, and never an exception that is not a 400."""

from __future__ import annotations

import json
from typing import Any

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class JsonParser(BaseParser):
    """orjson first; the slower stdlib parser only for bodies with escaped half surrogates, which a field then refuses."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read()
        if not body.strip():
            return {}
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            if b"\\ud" not in body.lower():
                raise ParseError() from error
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError() from error


def _refuse(name: str) -> Any:
    raise ValueError(name)
