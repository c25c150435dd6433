"""What a client may send over the socket, and what each frame asks for. Anything else is malformed and closes the socket.

Pure: no database, no socket. A guard test walks SOCKET_MESSAGES: a frame type without a row there does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.authz import Permission

#: Frame type -> the permission it needs in the workspace of what it names; None: being signed in is enough (nothing at all
#: for `authenticate`). Topics ask for their own, see TOPIC_PERMISSIONS.
SOCKET_MESSAGES: Mapping[str, Permission | None] = {
    "authenticate": None,
    "subscribe": Permission.RUN_VIEW,
    "unsubscribe": None,
    "ping": None,
}

#: Kind of topic -> the permission to watch it.
TOPIC_PERMISSIONS: Mapping[str, Permission] = {
    "conversation": Permission.CONVERSATION_VIEW,
    "runs": Permission.RUN_VIEW,
    "decisions": Permission.DECISION_VIEW,
}

MAX_FRAME_BYTES = 64 * 1024
MAX_NUMBER = 2**31 - 1
_MAX_ID = 120


class Malformed(ValueError):
    """The frame is not one of ours: close 4400."""


class TooBig(ValueError):
    """The frame is larger than 64 KiB: close 1009."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    token: str


@dataclass(frozen=True, slots=True)
class SubscribeRun:
    run: str
    after_seq: int = 0
    message: str | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SubscribeTopic:
    topic: str
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    run: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    pass


ClientFrame = Authenticate | SubscribeRun | SubscribeTopic | Unsubscribe | Ping


def parse_frame(text: str | None) -> ClientFrame:
    """The frame in a text message; None (a binary message) is malformed. Raises Malformed or TooBig."""
    if text is None:
        raise Malformed
    if len(text) > MAX_FRAME_BYTES or len(text) * 4 > MAX_FRAME_BYTES < len(text.encode(errors="replace")):
        raise TooBig
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Malformed from None
    if not isinstance(body, dict):
        raise Malformed
    kind = body.pop("type", None)
    if not isinstance(kind, str) or kind not in SOCKET_MESSAGES:
        raise Malformed
    match kind:
        case "authenticate":
            return Authenticate(**_fields(body, {"token": _token}, {}))
        case "subscribe" if "run" in body:
            optional = {"after_seq": _number, "message": _name, "offset": _number}
            return SubscribeRun(**_fields(body, {"run": _name}, optional))
        case "subscribe":
            return SubscribeTopic(**_fields(body, {"topic": _name}, {"follow": _flag}))
        case "unsubscribe" if "run" in body:
            return Unsubscribe(**_fields(body, {"run": _name}, {}))
        case "unsubscribe":
            return Unsubscribe(**_fields(body, {"topic": _name}, {}))
        case _:
            _fields(body, {}, {})
            return Ping()


def _fields(body: Mapping[str, Any], required: Mapping[str, Any], optional: Mapping[str, Any]) -> dict[str, Any]:
    if not required.keys() <= body.keys() or not body.keys() <= required.keys() | optional.keys():
        raise Malformed
    return {name: (required.get(name) or optional[name])(value) for name, value in body.items()}


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_ID or not value.isprintable():
        raise Malformed
    return value


def _token(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Malformed
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise Malformed
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Malformed
    return value
