"""The socket's frames as text, built once and shared by all who watch. SSE sends the same.

Must not know who watches. Every frame is a complete JSON document.
"""

from __future__ import annotations

from datetime import datetime

import orjson

from core.clock import rfc3339
from core.text_policy import replace_bad


def event_frame(run: str, seq: int, at: datetime, event_json: str) -> str:
    """`event_json` is the public form of the event, already encoded."""
    return f'{{"type":"event","run":"{run}","seq":{seq},"at":"{rfc3339(at)}","event":{event_json}}}'


def delta_head(run: str, message: str, part: str) -> str:
    """Everything of a delta frame before the number of its offset."""
    of_part = '"part":"reasoning",' if part == "reasoning" else ""
    return f'{{"type":"delta","run":"{run}","message":"{message}",{of_part}"offset":'


def delta_frame(head: str, offset: int, text: str) -> str:
    return f'{head}{offset},"text":{quote(text)}}}'


def caught_up_frame(run: str, seq: int) -> str:
    return f'{{"type":"caught_up","run":"{run}","seq":{seq}}}'


def quote(text: str) -> str:
    """`text` as a JSON string."""
    try:
        return orjson.dumps(text).decode()
    except TypeError:  # half a surrogate pair: an adapter let one through
        return orjson.dumps(replace_bad(text)).decode()
