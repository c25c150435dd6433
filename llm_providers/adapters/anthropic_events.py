"""Anthropic's Messages API in our words: the request's messages, and the stream's events. Opens nothing.

Signed thinking is kept in `vendor_state` and sent again with the answer it belongs to, to the same model only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.text_policy import clean_json
from llm_providers.adapters.faults import error_in_stream
from llm_providers.adapters.reading import (
    CUT,
    MAX_CALLS,
    UNREADABLE,
    TextMender,
    block_key,
    count,
    name_in,
    parse_arguments,
)
from llm_providers.errors import ProtocolBroken
from llm_providers.protocol import (
    AssistantMessage,
    FinishReason,
    ModelEvent,
    ModelRequest,
    ModelStopped,
    ReasoningDelta,
    SystemMessage,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallReady,
    ToolCallStarted,
    ToolResultMessage,
    UsageReported,
    UserMessage,
)

STATE = "anthropic"
DEFAULT_MAX_TOKENS = 16_000
# The vendor demands a limit and refuses one above the model's own. Old families, by the beginning of the name.
_SMALL = ((re.compile(r"claude-(?:2|instant|3-(?:haiku|opus|sonnet))"), 4_096), (re.compile(r"claude-3-5"), 8_192))
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}


def messages_body(request: ModelRequest, *, thinking: Any = None) -> dict[str, Any]:
    """The JSON body. `thinking` is the provider's option: a token budget, "adaptive", or None."""
    limit = request.max_output_tokens or next(
        (size for pattern, size in _SMALL if pattern.match(request.model)), DEFAULT_MAX_TOKENS
    )
    body: dict[str, Any] = {"model": request.model, "max_tokens": limit, "stream": True, "messages": _messages(request)}
    system = "\n\n".join(m.text for m in request.messages if isinstance(m, SystemMessage) and m.text.strip())
    if system:
        body["system"] = system
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            for tool in request.tools
        ]
    if isinstance(thinking, int) and thinking >= 1_024:
        body["thinking"] = {"type": "enabled", "budget_tokens": thinking}
        body["max_tokens"] = max(limit, thinking + 1_024)
    elif thinking == "adaptive":
        body["thinking"] = {"type": "adaptive"}
    return body


def _messages(request: ModelRequest) -> list[dict[str, Any]]:
    """Turns alternate between the two roles, so neighbours of one role become one message."""
    out: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]]
    for message in request.messages:
        match message:
            case UserMessage(text):
                role, blocks = "user", []
                if text.strip():
                    blocks.append({"type": "text", "text": text})
            case ToolResultMessage(call, _, text, is_error):
                result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call, "content": text}
                role, blocks = "user", [{**result, "is_error": True} if is_error else result]
            case AssistantMessage():
                role, blocks = "assistant", _assistant_blocks(message, request.model)
            case _:
                continue
        if not blocks:
            continue
        if out and out[-1]["role"] == role:
            out[-1]["content"].extend(blocks)
        else:
            out.append({"role": role, "content": blocks})
    return out


def _assistant_blocks(message: AssistantMessage, model: str) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": message.text}] if message.text.strip() else []
    calls = [
        {"type": "tool_use", "id": call.call, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
    ]
    kept = message.vendor_state.get(STATE) if message.vendor_state else None
    if not isinstance(kept, Mapping) or kept.get("model") != model:
        return text + calls
    blocks: list[dict[str, Any]] = []
    for entry in kept.get("order") or ():
        if isinstance(entry, Mapping):
            blocks.append(dict(entry))
        elif entry == "text" and text:
            blocks.append(text.pop())
        elif entry == "call" and calls:
            blocks.append(calls.pop(0))
    return blocks + text + calls


class _Call:
    __slots__ = ("mender", "name", "parts", "whole")

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[str] = []
        self.mender = TextMender()
        self.whole = False


class MessagesEvents:
    """Feed it the objects of each read; it gives the events. `whole` after message_stop."""

    def __init__(self, *, model: str, name: str, api_key: str | None) -> None:
        self._model, self._name, self._key = model, name, api_key
        self._text, self._thought = TextMender(), TextMender()
        self._calls: list[_Call] = []
        self._blocks: dict[str | int | None, tuple[str, Any]] = {}
        self._order: list[Any] = []
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None
        self._message: dict[str, Any] = {}
        self.whole = False

    def feed(self, objects: list[dict[str, Any]]) -> Iterator[ModelEvent]:
        text = ""
        for item in objects:
            kind = item.get("type")
            if kind == "content_block_delta":
                delta = item.get("delta")
                if isinstance(delta, dict):
                    if delta.get("type") == "text_delta":
                        if isinstance(delta.get("text"), str):
                            text += self._text.feed(delta["text"])
                        continue
                    if events := self._delta(block_key(item.get("index")), delta):
                        if text:
                            yield TextDelta(text)
                            text = ""
                        yield from events
            elif kind == "content_block_start":
                if event := self._start(item):
                    if text:
                        yield TextDelta(text)
                        text = ""
                    yield event
            elif kind == "content_block_stop":
                self._stop_block(block_key(item.get("index")))
            elif kind == "message_start":
                message = item.get("message")
                self._message = message if isinstance(message, dict) else {}
                self._note_usage(self._message.get("usage"))
            elif kind == "message_delta":
                delta = item.get("delta")
                if isinstance(delta, dict) and isinstance(delta.get("stop_reason"), str):
                    self._stop = delta["stop_reason"]
                self._note_usage(item.get("usage"))
            elif kind == "message_stop":
                self.whole = True
                break
            elif kind == "error" or (kind is None and item.get("error")):
                if text:
                    yield TextDelta(text)
                raise error_in_stream(item.get("error") or {}, name=self._name, api_key=self._key)
        if text:
            yield TextDelta(text)

    def end(self) -> Iterator[ModelEvent]:
        if not self.whole or self._stop is None:
            raise ProtocolBroken(CUT)
        if left := self._thought.end():
            yield ReasoningDelta(left)
        if left := self._text.end():
            yield TextDelta(left)
        finish = _FINISH.get(self._stop, "stop")
        if self._calls and finish in ("stop", "tool_calls"):
            finish = "tool_calls"
            for index, call in enumerate(self._calls):
                arguments, error = parse_arguments("".join(call.parts))
                if not call.whole:
                    arguments, error = None, "The call was not closed."
                yield ToolCallReady(index, call.name, arguments, error)
        elif finish == "tool_calls":
            finish = "stop"
        yield UsageReported(
            input_tokens=count(self._usage, "input_tokens")
            + count(self._usage, "cache_read_input_tokens")
            + count(self._usage, "cache_creation_input_tokens"),
            output_tokens=count(self._usage, "output_tokens"),
            reasoning_tokens=count(self._usage, "output_tokens_details", "thinking_tokens"),
            cached_tokens=count(self._usage, "cache_read_input_tokens"),
        )
        thought = any(isinstance(entry, dict) for entry in self._order)
        yield ModelStopped(
            finish,
            {STATE: {"model": self._model, "order": clean_json(self._order)}} if thought else None,
            model=name_in(self._message, "model"),
            answer=name_in(self._message, "id"),
        )

    def _start(self, item: dict[str, Any]) -> ModelEvent | None:
        block = item.get("content_block")
        if not isinstance(block, dict):
            return None
        kind, index = block.get("type"), block_key(item.get("index"))
        if kind == "text":
            self._order.append("text")
            clean = self._text.feed(block["text"]) if isinstance(block.get("text"), str) and block["text"] else ""
            return TextDelta(clean) if clean else None
        if kind == "thinking":
            thought = {"type": "thinking", "thinking": str(block.get("thinking") or ""), "signature": ""}
            self._blocks[index] = ("thinking", thought)
            self._order.append(thought)
        elif kind == "redacted_thinking":
            self._order.append({"type": "redacted_thinking", "data": str(block.get("data") or "")})
        elif kind == "tool_use":
            if len(self._calls) >= MAX_CALLS:
                raise ProtocolBroken(UNREADABLE)
            call = _Call(TextMender().feed(str(block.get("name") or ""))[:200])
            self._blocks[index] = ("tool_use", (len(self._calls), call))
            self._calls.append(call)
            self._order.append("call")
            return ToolCallStarted(len(self._calls) - 1, call.name)
        return None

    def _delta(self, index: str | int | None, delta: dict[str, Any]) -> list[ModelEvent]:
        kind, block = self._blocks.get(index, ("", None))
        what = delta.get("type")
        if what == "thinking_delta" and isinstance(delta.get("thinking"), str):
            if kind == "thinking":
                block["thinking"] += delta["thinking"]
            clean = self._thought.feed(delta["thinking"])
            return [ReasoningDelta(clean)] if clean else []
        if what == "signature_delta" and kind == "thinking" and isinstance(delta.get("signature"), str):
            block["signature"] += delta["signature"]
        if what == "input_json_delta" and kind == "tool_use" and isinstance(delta.get("partial_json"), str):
            number, call = block
            call.parts.append(delta["partial_json"])
            clean = call.mender.feed(delta["partial_json"])
            return [ToolArgumentsDelta(number, clean)] if clean else []
        return []

    def _stop_block(self, index: str | int | None) -> None:
        kind, block = self._blocks.get(index, ("", None))
        if kind == "tool_use":
            block[1].whole = True

    def _note_usage(self, usage: object) -> None:
        if isinstance(usage, Mapping):
            self._usage.update({key: value for key, value in usage.items() if value is not None})
