"""Ollama's native chat in our words: the request's messages, and the stream's lines. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from core.text_policy import clean_json
from llm_providers.adapters.faults import error_in_stream
from llm_providers.adapters.reading import CUT, MAX_CALLS, UNREADABLE, TextMender, count, name_in
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

DEFAULT_CONTEXT = 8_192
"""Tokens of context asked of Ollama unless the provider's option `num_ctx` says otherwise. Ollama's own default (4,096)
cuts longer conversations off in silence; much more than this does not fit into the memory of many machines."""


def context_size(options: Any, window: int | None) -> int:
    """The context to ask for, in tokens."""
    chosen = count(options, "num_ctx") or DEFAULT_CONTEXT
    return min(chosen, window) if window else chosen


def chat_body(request: ModelRequest, options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"num_ctx": context_size(options, request.context_window)}
    if request.max_output_tokens is not None:
        settings["num_predict"] = request.max_output_tokens
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "options": settings,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
            }
            for tool in request.tools
        ]
    if isinstance(options.get("think"), bool):
        body["think"] = options["think"]
    if options.get("keep_alive"):
        body["keep_alive"] = options["keep_alive"]
    return body


def _message(message: object) -> dict[str, Any]:
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(text):
            return {"role": "user", "content": text}
        case AssistantMessage(text, calls):
            out: dict[str, Any] = {"role": "assistant", "content": text}
            if calls:
                out["tool_calls"] = [
                    {"id": call.call, "function": {"name": call.name, "arguments": dict(call.arguments)}}
                    for call in calls
                ]
            return out
        case ToolResultMessage(call, name, text, is_error):
            content = f"Error: {text}" if is_error else text
            return {"role": "tool", "content": content, "tool_name": name, "tool_call_id": call}
    raise TypeError(f"not a message: {message!r}")


class OllamaEvents:
    """Feed it the objects of each read; it gives the events. `whole` after the line with `done`."""

    def __init__(self, *, name: str) -> None:
        self._name = name
        self._text, self._thought = TextMender(), TextMender()
        self._calls: list[tuple[str, Any]] = []
        self._last: dict[str, Any] | None = None
        self.whole = False

    def feed(self, objects: list[dict[str, Any]]) -> Iterator[ModelEvent]:
        text = ""
        for item in objects:
            if item.get("error"):
                if text:
                    yield TextDelta(text)
                raise error_in_stream(item["error"], name=self._name)
            message = item.get("message")
            if isinstance(message, dict):
                content = message.get("content")
                thought, calls = message.get("thinking"), message.get("tool_calls")
                if thought and isinstance(thought, str) and (clean := self._thought.feed(thought)):
                    if text:
                        yield TextDelta(text)
                        text = ""
                    yield ReasoningDelta(clean)
                if content and isinstance(content, str):
                    text += self._text.feed(content)
                if calls and isinstance(calls, list):
                    if text:
                        yield TextDelta(text)
                        text = ""
                    for call in calls:
                        yield from self._call(call)
            if item.get("done") is True:
                self._last = item
                self.whole = True
                break
        if text:
            yield TextDelta(text)

    def end(self) -> Iterator[ModelEvent]:
        if self._last is None:
            raise ProtocolBroken(CUT)
        if left := self._thought.end():
            yield ReasoningDelta(left)
        if left := self._text.end():
            yield TextDelta(left)
        cut = self._last.get("done_reason") == "length"
        if not cut:
            for index, (name, arguments) in enumerate(self._calls):
                good = isinstance(arguments, dict)
                yield ToolCallReady(
                    index, name, arguments if good else None, None if good else "The arguments are not a JSON object."
                )
        if "prompt_eval_count" in self._last or "eval_count" in self._last:
            yield UsageReported(count(self._last, "prompt_eval_count"), count(self._last, "eval_count"))
        finish: FinishReason = "length" if cut else "tool_calls" if self._calls else "stop"
        yield ModelStopped(finish, model=name_in(self._last, "model"))

    def _call(self, call: Any) -> Iterator[ModelEvent]:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            return
        if len(self._calls) >= MAX_CALLS:
            raise ProtocolBroken(UNREADABLE)
        index, name = len(self._calls), TextMender().feed(str(function.get("name") or ""))[:200]
        arguments = clean_json(function.get("arguments") or {})
        self._calls.append((name, arguments))
        yield ToolCallStarted(index, name)
        if isinstance(arguments, dict) and arguments:
            yield ToolArgumentsDelta(index, orjson.dumps(arguments).decode())
