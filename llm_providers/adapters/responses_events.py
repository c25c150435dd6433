"""OpenAI's Responses API in our words: the request's items, and the stream's events. Opens nothing.

Nothing is stored at the vendor (`store: false`), so what a reasoning model thought comes back encrypted; it is kept in
`vendor_state` in the order in which it came, and is sent again with the answer it belongs to, to the same model only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

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
    ToolCallPart,
    ToolCallReady,
    ToolCallStarted,
    ToolResultMessage,
    UsageReported,
    UserMessage,
)

STATE = "openai"
# Families that think; others refuse the reasoning parameters. Data, not a branch: extend it as families appear.
_REASONING = re.compile(r"(o[1-9]|gpt-5|gpt-6|codex|computer-use)")
_NOT_REASONING = re.compile(r"(gpt-5[.\d]*-chat)")


def is_reasoning_model(model: str) -> bool:
    return bool(_REASONING.match(model)) and not _NOT_REASONING.match(model)


def responses_body(request: ModelRequest, *, summary: str | None) -> dict[str, Any]:
    """The JSON body. `summary` is the kind of reasoning summary to ask for, None for none."""
    items: list[dict[str, Any]] = []
    for message in request.messages:
        items.extend(_items(message, request.model))
    body: dict[str, Any] = {"model": request.model, "input": items, "stream": True, "store": False}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
                "strict": False,
            }
            for tool in request.tools
        ]
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(16, request.max_output_tokens)
    if is_reasoning_model(request.model):
        body["include"] = ["reasoning.encrypted_content"]
        if summary:
            body["reasoning"] = {"summary": summary}
    return body


def _items(message: object, model: str) -> list[dict[str, Any]]:
    match message:
        case SystemMessage(text):
            return [{"role": "system", "content": text}]
        case UserMessage(text):
            return [{"role": "user", "content": text}]
        case ToolResultMessage(call, _, text, is_error):
            return [{"type": "function_call_output", "call_id": call, "output": f"Error: {text}" if is_error else text}]
        case AssistantMessage(text, calls, state):
            kept = state.get(STATE) if state else None
            if isinstance(kept, Mapping) and kept.get("model") == model:
                return _items_in_order(text, calls, kept.get("order") or ())
            said = [{"role": "assistant", "content": text}] if text else []
            return said + [_call_item(call) for call in calls]
    raise TypeError(f"not a message: {message!r}")


def _items_in_order(text: str, calls: tuple[ToolCallPart, ...], order: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    said, called = False, 0
    for entry in order:
        if isinstance(entry, Mapping):
            items.append(dict(entry))
        elif entry == "text" and text and not said:
            said = True
            items.append({"role": "assistant", "content": text})
        elif entry == "call" and called < len(calls):
            items.append(_call_item(calls[called]))
            called += 1
    if text and not said:
        items.append({"role": "assistant", "content": text})
    return items + [_call_item(call) for call in calls[called:]]


def _call_item(call: ToolCallPart) -> dict[str, Any]:
    arguments = orjson.dumps(dict(call.arguments)).decode()
    return {"type": "function_call", "call_id": call.call, "name": call.name, "arguments": arguments}


class _Call:
    __slots__ = ("final", "mender", "name", "parts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[str] = []
        self.final: str | None = None
        self.mender = TextMender()


class ResponsesEvents:
    """Feed it the objects of each read; it gives the events. `whole` once the vendor closed the response."""

    def __init__(self, *, model: str, name: str, api_key: str | None) -> None:
        self._model, self._name, self._key = model, name, api_key
        self._text, self._thought = TextMender(), TextMender()
        self._calls: list[_Call] = []
        self._index_of: dict[str | int | None, int] = {}
        self._order: list[Any] = []
        self._refused = False
        self._finish: FinishReason | None = None
        self._response: dict[str, Any] = {}
        self._usage: UsageReported | None = None
        self.whole = False

    def feed(self, objects: list[dict[str, Any]]) -> Iterator[ModelEvent]:
        text = ""
        for item in objects:
            kind = block_key(item.get("type"))
            if kind == "response.output_text.delta" or kind == "response.refusal.delta":
                delta = item.get("delta")
                if isinstance(delta, str):
                    text += self._text.feed(delta)
                self._refused = self._refused or kind == "response.refusal.delta"
                continue
            if text and kind == "error":
                yield TextDelta(text)
                text = ""
            others = self._other(item, kind)
            if text and (kind in _ENDS or others):
                yield TextDelta(text)
                text = ""
            yield from others
            if kind in _ENDS:
                self._close(item, str(kind))
            if self.whole:
                break
        if text:
            yield TextDelta(text)

    def end(self) -> Iterator[ModelEvent]:
        if self._finish is None:
            raise ProtocolBroken(CUT)
        if left := self._thought.end():
            yield ReasoningDelta(left)
        if left := self._text.end():
            yield TextDelta(left)
        finish = self._finish
        if finish == "stop" and self._refused:
            finish = "refused"
        elif finish == "stop" and self._calls:
            finish = "tool_calls"
            for index, call in enumerate(self._calls):
                written = call.final if call.final is not None else "".join(call.parts)
                arguments, error = parse_arguments(written)
                yield ToolCallReady(index, call.name, arguments, error)
        if self._usage is not None:
            yield self._usage
        thought = any(isinstance(entry, dict) for entry in self._order)
        yield ModelStopped(
            finish,
            {STATE: {"model": self._model, "order": self._order}} if thought else None,
            model=name_in(self._response, "model"),
            answer=name_in(self._response, "id"),
        )

    def _other(self, item: dict[str, Any], kind: Any) -> list[ModelEvent]:
        if kind in ("response.reasoning_summary_text.delta", "response.reasoning_text.delta"):
            delta = item.get("delta")
            clean = self._thought.feed(delta) if isinstance(delta, str) else ""
            return [ReasoningDelta(clean)] if clean else []
        if kind == "response.reasoning_summary_part.added" and count(item, "summary_index"):
            return [ReasoningDelta("\n\n")]
        if kind == "response.output_item.added":
            return self._added(item)
        if kind == "response.function_call_arguments.delta":
            index = self._index_of.get(block_key(item.get("item_id") or item.get("output_index")))
            delta = item.get("delta")
            if index is None or not isinstance(delta, str) or not delta:
                return []
            self._calls[index].parts.append(delta)
            clean = self._calls[index].mender.feed(delta)
            return [ToolArgumentsDelta(index, clean)] if clean else []
        if kind == "response.output_item.done":
            self._done(item)
        elif kind == "error" or (kind is None and item.get("error")):
            raise error_in_stream(item.get("error") or item, name=self._name, api_key=self._key)
        return []

    def _added(self, item: dict[str, Any]) -> list[ModelEvent]:
        inner = item.get("item")
        if not isinstance(inner, dict):
            return []
        if inner.get("type") == "message":
            self._order.append("text")
        if inner.get("type") != "function_call":
            return []
        if len(self._calls) >= MAX_CALLS:
            raise ProtocolBroken(UNREADABLE)
        index = len(self._calls)
        self._calls.append(_Call(TextMender().feed(str(inner.get("name") or ""))[:200]))
        self._order.append("call")
        for key in (block_key(inner.get("id")), block_key(item.get("output_index"))):
            if key is not None:
                self._index_of[key] = index
        return [ToolCallStarted(index, self._calls[index].name)]

    def _done(self, item: dict[str, Any]) -> None:
        inner = item.get("item")
        if not isinstance(inner, dict):
            return
        if inner.get("type") == "reasoning" and inner.get("encrypted_content"):
            kept = {key: inner[key] for key in ("id", "type", "summary", "encrypted_content") if key in inner}
            self._order.append(clean_json(kept))
        elif inner.get("type") == "function_call":
            index = self._index_of.get(block_key(inner.get("id") or item.get("output_index")))
            if index is not None and isinstance(inner.get("arguments"), str):
                self._calls[index].final = inner["arguments"]

    def _close(self, item: dict[str, Any], kind: str) -> None:
        response = item.get("response")
        self._response = response = response if isinstance(response, dict) else {}
        usage = response.get("usage")
        if isinstance(usage, Mapping):
            self._usage = UsageReported(
                input_tokens=count(usage, "input_tokens"),
                output_tokens=count(usage, "output_tokens"),
                reasoning_tokens=count(usage, "output_tokens_details", "reasoning_tokens"),
                cached_tokens=count(usage, "input_tokens_details", "cached_tokens"),
            )
        if kind == "response.failed":
            raise error_in_stream(response.get("error") or {}, name=self._name, api_key=self._key)
        if kind == "response.completed":
            self._finish = "stop"
        elif kind == "response.incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, Mapping) else None
            self._finish = "refused" if reason == "content_filter" else "length"
        self.whole = True


_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed"))
