"""From the bytes of a stream to decoded JSON objects and clean text. Knows two framings (SSE and lines), no vendor.

One read of the socket becomes one list of objects, so that all text of one read can leave as one event. Lines are
decoded with orjson; what it refuses (half surrogate pairs, which some vendors' tokenizers split over two deltas) goes
to json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from core.text_policy import clean_json, replace_bad
from llm_providers.errors import ProtocolBroken

MAX_LINE = 8 * 1024 * 1024
MAX_CALLS = 128
DONE: dict[str, Any] = {"[DONE]": True}
"""What an SSE line `data: [DONE]` becomes; compare with `is`."""

UNREADABLE = (
    "The provider's answer could not be read. Try again; if it stays, check that the provider's kind and address fit."
)
CUT = "The provider's answer was cut off before its end. Try again."


class Lines:
    """Splits bytes into objects. `sse` True: `data:` lines of server-sent events; False: one object per line."""

    def __init__(self, *, sse: bool) -> None:
        self._sse = sse
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The objects that `data` completes, in order."""
        if b"\n" not in data:
            self._keep(data)
            return []
        if self._rest:
            data = b"".join(self._rest) + data
            self._rest.clear()
            self._size = 0
        lines = data.split(b"\n")
        last = lines.pop()
        if last:
            self._keep(last)
        return self._objects(lines)

    def end(self) -> list[dict[str, Any]]:
        """What a last line without a line end holds."""
        rest, self._rest = b"".join(self._rest), []
        return self._objects([rest]) if rest else []

    def _keep(self, data: bytes) -> None:
        self._rest.append(data)
        self._size += len(data)
        if self._size > MAX_LINE:
            raise ProtocolBroken(UNREADABLE)

    def _objects(self, lines: list[bytes]) -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = []
        for line in lines:
            if self._sse:
                if not line.startswith(b"data:"):
                    continue  # event names, comments, empty lines: the objects carry their type
                line = line[5:]
            line = line.strip()
            if not line:
                continue
            if line == b"[DONE]":
                objects.append(DONE)
                continue
            value = decode(line)
            if not isinstance(value, dict):
                raise ProtocolBroken(UNREADABLE)
            objects.append(value)
        return objects


def decode(line: bytes) -> Any:
    """One JSON value; raises ProtocolBroken."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            return json.loads(line.decode("utf-8", "replace"), parse_int=_bounded, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise ProtocolBroken(UNREADABLE) from None


def _bounded(digits: str) -> int | float:
    """Whole numbers of up to 64 bits, larger ones as orjson reads them: nothing behind us takes more."""
    number = int(digits) if len(digits) < 20 else 2**64
    return number if -(2**63) <= number < 2**64 else float(digits)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


class TextMender:
    """Joins a surrogate pair that was split over two deltas; what stays broken, and U+0000, becomes U+FFFD."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        if self._half:
            text, self._half = self._half + text, ""
        elif text.isascii() and "\0" not in text:
            return text
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        try:
            text.encode()
        except UnicodeEncodeError:
            # json leaves \ud83d and \ude00 of one string joined, but not those of two: UTF-16 joins them.
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace_lone")
        return replace_bad(text)

    def end(self) -> str:
        """What is left when the text is over: half a pair is a replacement character."""
        half, self._half = self._half, ""
        return "\ufffd" if half else ""


def _replace_lone(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd", error.start + 2


def _register() -> None:
    import codecs

    codecs.register_error("replace_lone", _replace_lone)


_register()


def parse_arguments(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """(arguments, None) or (None, why they cannot be read): the arguments of a tool call as the model wrote them."""
    if not text.strip():
        return {}, None
    try:
        value: Any = orjson.loads(text.encode("utf-8", "surrogatepass"))
    except (orjson.JSONDecodeError, ValueError):
        try:
            value = json.loads(text, parse_int=_bounded, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            return None, f"The arguments are not valid JSON: {replace_bad(str(error))[:200]}"
    if not isinstance(value, dict):
        return None, "The arguments are not a JSON object."
    try:
        return clean_json(value), None
    except RecursionError:
        return None, "The arguments are nested too deeply."


def block_key(value: object) -> str | int | None:
    """A vendor's index or id of a part of its answer, None for what cannot be one."""
    return value if isinstance(value, str | int) else None


def count(mapping: Any, *path: str) -> int:
    """A token count somewhere in a vendor's usage object; 0 for anything that is not a sane number."""
    value = mapping
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return min(value, 2**53) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def name_in(mapping: Mapping[str, Any], key: str) -> str:
    """A short name that the vendor gave (of a model, of an answer); "" for anything else."""
    value = mapping.get(key)
    return replace_bad(value) if isinstance(value, str) and len(value) <= 200 else ""
