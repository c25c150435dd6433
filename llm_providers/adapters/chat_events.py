"""The chat completions stream in our words; shared by every vendor that speaks this dialect. Opens nothing.

A cut answer must never run a tool: calls become ready only after the stream ended as it should, with a finish reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from llm_providers.adapters.faults import error_in_stream
from llm_providers.adapters.reading import (
    CUT,
    DONE,
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

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "refused",
}


def chat_body(request: ModelRequest, *, limit_field: str) -> dict[str, Any]:
    """The JSON body of a streamed chat completion."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
            }
            for tool in request.tools
        ]
    if request.max_output_tokens is not None:
        body[limit_field] = request.max_output_tokens
    return body


def _message(message: object) -> dict[str, Any]:
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(text):
            return {"role": "user", "content": text}
        case AssistantMessage(text, calls):
            out: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
            if calls:
                out["tool_calls"] = [
                    {
                        "id": call.call,
                        "type": "function",
                        "function": {"name": call.name, "arguments": orjson.dumps(dict(call.arguments)).decode()},
                    }
                    for call in calls
                ]
            return out
        case ToolResultMessage(call, _, text, is_error):
            return {"role": "tool", "tool_call_id": call, "content": f"Error: {text}" if is_error else text}
    raise TypeError(f"not a message: {message!r}")


class _Call:
    __slots__ = ("id", "mender", "name", "parts", "started")

    def __init__(self) -> None:
        self.id, self.name, self.started = "", "", False
        self.parts: list[str] = []
        self.mender = TextMender()


class ChatEvents:
    """Feed it the objects of each read; it gives the events. `whole` is True once the vendor said that it is done."""

    def __init__(self, *, name: str, api_key: str | None) -> None:
        self._name, self._key = name, api_key
        self._text, self._thought = TextMender(), TextMender()
        self._calls: list[_Call] = []
        self._index_of: dict[object, int] = {}
        self._finish: str | None = None
        self._last: dict[str, Any] = {}
        self._usage: UsageReported | None = None
        self._refused = False
        self.whole = False

    def feed(self, objects: list[dict[str, Any]]) -> Iterator[ModelEvent]:
        text = ""
        for chunk in objects:
            if chunk is DONE:
                self.whole = True
                break
            # The common case first: one choice with a piece of text and nothing else.
            choices = chunk.get("choices")
            if chunk.get("error"):
                if text:
                    yield TextDelta(text)
                raise error_in_stream(chunk["error"], name=self._name, api_key=self._key)
            if usage := chunk.get("usage"):
                self._note_usage(usage)
            if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
                continue
            choice = choices[0]
            delta = choice.get("delta")
            if isinstance(delta, dict):
                content = delta.get("content")
                if isinstance(content, str):
                    if content:
                        text += self._text.feed(content)
                    if len(delta) == 1:
                        if choice.get("finish_reason"):
                            self._finish, self._last = str(choice["finish_reason"]), chunk
                        continue
                others = list(self._rest_of(delta))
                if others:
                    if text:
                        yield TextDelta(text)
                        text = ""
                    yield from others
            if choice.get("finish_reason"):
                self._finish, self._last = str(choice["finish_reason"]), chunk
        if text:
            yield TextDelta(text)

    def end(self) -> Iterator[ModelEvent]:
        """The last events, once the body has ended. Raises ProtocolBroken when the answer is not whole."""
        if self._finish is None:
            raise ProtocolBroken(CUT)
        if left := self._thought.end():
            yield ReasoningDelta(left)
        if left := self._text.end():
            yield TextDelta(left)
        finish = _FINISH.get(self._finish, "stop")
        if self._refused:
            finish = "refused"
        if self._calls and finish in ("stop", "tool_calls"):
            finish = "tool_calls"
            for index, call in enumerate(self._calls):
                arguments, error = parse_arguments("".join(call.parts))
                if not call.name:
                    arguments, error = None, "The call names no tool."
                yield ToolCallReady(index, call.name, arguments, error)
        elif finish == "tool_calls":
            finish = "stop"
        if self._usage is not None:
            yield self._usage
        yield ModelStopped(finish, model=name_in(self._last, "model"), answer=name_in(self._last, "id"))

    def _rest_of(self, delta: Mapping[str, Any]) -> Iterator[ModelEvent]:
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and (clean := self._thought.feed(thought)):
            yield ReasoningDelta(clean)
        content = delta.get("content")
        if isinstance(content, list):  # Mistral sends parts when it thinks
            yield from self._parts(content)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            if clean := self._text.feed(refusal):
                yield TextDelta(clean)
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            for piece in calls:
                if isinstance(piece, dict):
                    yield from self._call(piece)

    def _parts(self, content: list[Any]) -> Iterator[ModelEvent]:
        for part in content:
            if not isinstance(part, dict):
                continue
            if part.get("type") == "text" and isinstance(part.get("text"), str):
                if clean := self._text.feed(part["text"]):
                    yield TextDelta(clean)
            elif part.get("type") == "thinking" and isinstance(part.get("thinking"), list):
                joined = "".join(str(item.get("text", "")) for item in part["thinking"] if isinstance(item, dict))
                if clean := self._thought.feed(joined):
                    yield ReasoningDelta(clean)

    def _call(self, piece: Mapping[str, Any]) -> Iterator[ModelEvent]:
        index = self._place(piece)
        call = self._calls[index]
        function = piece.get("function")
        if not isinstance(function, Mapping):
            return
        name = function.get("name")
        if isinstance(name, str) and name and not call.started:
            call.name = TextMender().feed(name)[:200]
            call.started = True
            yield ToolCallStarted(index, call.name)
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some servers send the object itself
            arguments = orjson.dumps(arguments).decode()
        if isinstance(arguments, str) and arguments:
            call.parts.append(arguments)
            if clean := call.mender.feed(arguments):
                yield ToolArgumentsDelta(index, clean)

    def _place(self, piece: Mapping[str, Any]) -> int:
        """Our index of the call that a piece belongs to; some servers leave the index or the id out."""
        number, identity = piece.get("index"), block_key(piece.get("id"))
        if isinstance(number, int) and not isinstance(number, bool):
            key: object = number
            known = self._index_of.get(key)
            # A server that numbers every call 0 gives itself away by a second id with a name.
            if known is not None and identity and self._calls[known].id and identity != self._calls[known].id:
                key = ("id", identity)
        elif identity:
            key = ("id", identity)
        elif self._calls:
            return len(self._calls) - 1
        else:
            key = 0
        index = self._index_of.get(key)
        if index is None:
            if len(self._calls) >= MAX_CALLS:
                raise ProtocolBroken(UNREADABLE)
            index = self._index_of[key] = len(self._calls)
            self._calls.append(_Call())
        if isinstance(identity, str) and not self._calls[index].id:
            self._calls[index].id = identity
        return index

    def _note_usage(self, usage: object) -> None:
        if isinstance(usage, Mapping) and ("prompt_tokens" in usage or "completion_tokens" in usage):
            self._usage = UsageReported(
                input_tokens=count(usage, "prompt_tokens"),
                output_tokens=count(usage, "completion_tokens"),
                reasoning_tokens=count(usage, "completion_tokens_details", "reasoning_tokens"),
                cached_tokens=count(usage, "prompt_tokens_details", "cached_tokens")
                or count(usage, "prompt_cache_hit_tokens"),
            )
