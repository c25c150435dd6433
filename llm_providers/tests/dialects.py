"""What each vendor's stream looks like on the wire, written by hand from the vendors' documentation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ARGUMENTS = '{"zone": "UTC", "note": "a \\"quoted\\" {brace} ü", "n": [1, 2]}'
PIECES = [ARGUMENTS[i : i + 7] for i in range(0, len(ARGUMENTS), 7)]


def dumps(value: Any) -> bytes:
    return json.dumps(value).encode()


def sse(value: Any) -> bytes:
    event = value.get("type") if isinstance(value, dict) else None
    return (b"event: " + event.encode() + b"\n" if event else b"") + b"data: " + dumps(value) + b"\n\n"


@dataclass(frozen=True)
class Dialect:
    """`parts` are the wire bytes of one answer, event by event; `odd` are events that no vendor documents."""

    kind: str
    content_type: bytes
    path: str

    def text(self, pieces: Sequence[str], thoughts: Sequence[str] = ()) -> list[bytes]:
        return _TEXT[self.kind](pieces, thoughts)

    def call(self) -> list[bytes]:
        return _CALL[self.kind]()

    def error(self, kind: str, message: str) -> bytes:
        return _ERROR[self.kind](kind, message)

    def odd(self) -> list[bytes]:
        lines = [{"type": "execute", "code": "alert(1)"}, {"object": "unknown", "html": "<script>alert(1)</script>"}]
        if self.kind == "ollama":
            return [dumps(line) + b"\n" for line in lines]
        return [b"event: execute\ndata: " + dumps(lines[0]) + b"\n\n", b": comment\n\n", b"retry: 1\n\n", sse(lines[1])]


DIALECTS = [
    Dialect("openai", b"text/event-stream", "/v1"),
    Dialect("openai_compatible", b"text/event-stream", "/v1"),
    Dialect("anthropic", b"text/event-stream", ""),
    Dialect("ollama", b"application/x-ndjson", ""),
]


# --- chat completions ---


def _chunk(delta: Any, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse({"id": "an-id", "model": "m-2026", "object": "chat.completion.chunk", "choices": [choice]})


def _chat_text(pieces: Sequence[str], thoughts: Sequence[str]) -> list[bytes]:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}
    return [
        _chunk({"role": "assistant", "content": ""}),
        *[_chunk({"reasoning_content": piece}) for piece in thoughts],
        *[_chunk({"content": piece}) for piece in pieces],
        _chunk({}, "stop"),
        sse(usage),
        b"data: [DONE]\n\n",
    ]


def _chat_call() -> list[bytes]:
    first = {"index": 0, "id": "call_x", "type": "function", "function": {"name": "clock", "arguments": ""}}
    return [
        _chunk({"role": "assistant", "content": None, "tool_calls": [first]}),
        *[_chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in PIECES],
        _chunk({}, "tool_calls"),
        b"data: [DONE]\n\n",
    ]


# --- Responses ---


def _responses_end(status: str = "completed") -> bytes:
    usage = {"input_tokens": 3, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}}
    return sse(
        {"type": f"response.{status}", "response": {"id": "an-id", "model": "m-2026", "status": status, "usage": usage}}
    )


def _responses_text(pieces: Sequence[str], thoughts: Sequence[str]) -> list[bytes]:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "SEALED"}
    out = [sse({"type": "response.created", "response": {"id": "r"}})]
    if thoughts:
        out += [
            sse(
                {
                    "type": "response.output_item.added",
                    "output_index": 0,
                    "item": {**reasoning, "encrypted_content": ""},
                }
            )
        ]
        out += [sse({"type": "response.reasoning_summary_text.delta", "delta": piece}) for piece in thoughts]
        out += [sse({"type": "response.output_item.done", "output_index": 0, "item": reasoning})]
    out += [sse({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "id": "m"}})]
    out += [sse({"type": "response.output_text.delta", "item_id": "m", "delta": piece}) for piece in pieces]
    return [*out, _responses_end()]


def _responses_call() -> list[bytes]:
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_x", "name": "clock", "arguments": ""}
    deltas = [{"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": piece} for piece in PIECES]
    return [
        sse({"type": "response.output_item.added", "output_index": 0, "item": item}),
        *[sse(delta) for delta in deltas],
        sse({"type": "response.function_call_arguments.done", "item_id": "fc_1", "arguments": ARGUMENTS}),
        sse({"type": "response.output_item.done", "output_index": 0, "item": {**item, "arguments": ARGUMENTS}}),
        _responses_end(),
    ]


# --- Anthropic ---


def _block(index: int, block: dict[str, Any], deltas: Sequence[dict[str, Any]]) -> list[bytes]:
    return [
        sse({"type": "content_block_start", "index": index, "content_block": block}),
        *[sse({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas],
        sse({"type": "content_block_stop", "index": index}),
    ]


def _messages(blocks: Sequence[bytes], stop: str) -> list[bytes]:
    usage = {"input_tokens": 3, "output_tokens": 1, "cache_read_input_tokens": 7}
    return [
        sse({"type": "message_start", "message": {"id": "an-id", "model": "m-2026", "usage": usage}}),
        sse({"type": "ping"}),
        *blocks,
        sse({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 5}}),
        sse({"type": "message_stop"}),
    ]


def _messages_text(pieces: Sequence[str], thoughts: Sequence[str]) -> list[bytes]:
    blocks: list[bytes] = []
    if thoughts:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in thoughts]
        deltas.append({"type": "signature_delta", "signature": "SEALED"})
        blocks += _block(0, {"type": "thinking", "thinking": "", "signature": ""}, deltas)
    blocks += _block(1, {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces])
    return _messages(blocks, "end_turn")


def _messages_call() -> list[bytes]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in PIECES]
    return _messages(_block(0, {"type": "tool_use", "id": "toolu_x", "name": "clock", "input": {}}, deltas), "tool_use")


# --- Ollama ---


def _line(message: dict[str, Any], **more: Any) -> bytes:
    return dumps({"model": "m", "message": {"role": "assistant", **message}, "done": False, **more}) + b"\n"


def _ollama_end() -> bytes:
    return _line({"content": ""}, done=True, done_reason="stop", prompt_eval_count=3, eval_count=5)


def _ollama_text(pieces: Sequence[str], thoughts: Sequence[str]) -> list[bytes]:
    thinking = [_line({"content": "", "thinking": piece}) for piece in thoughts]
    return [*thinking, *[_line({"content": piece}) for piece in pieces], _ollama_end()]


def _ollama_call() -> list[bytes]:
    call = {"function": {"name": "clock", "arguments": json.loads(ARGUMENTS)}}
    return [_line({"content": "", "tool_calls": [call]}), _ollama_end()]


_TEXT = {
    "openai": _responses_text,
    "openai_compatible": _chat_text,
    "anthropic": _messages_text,
    "ollama": _ollama_text,
}
_CALL = {
    "openai": _responses_call,
    "openai_compatible": _chat_call,
    "anthropic": _messages_call,
    "ollama": _ollama_call,
}
_ERROR = {
    "openai": lambda kind, message: sse({"type": "error", "code": kind, "message": message}),
    "openai_compatible": lambda kind, message: (
        b"data: " + dumps({"error": {"type": kind, "message": message}}) + b"\n\n"
    ),
    "anthropic": lambda kind, message: sse({"type": "error", "error": {"type": kind, "message": message}}),
    "ollama": lambda kind, message: dumps({"error": f"{message} ({kind})"}) + b"\n",
}
