"""What a model call tells to whoever watches from outside: a `chat` span by the GenAI conventions, version 1.41.0.

Made only when a tracer was set (`core.tracing`). What was asked and answered is told only when the operator wants content.
"""

from __future__ import annotations

import time
from typing import Any

from core import tracing
from core.egress import EgressRefused, parse_url
from core.tracing import Span
from llm_providers.protocol import (
    Access,
    AssistantMessage,
    ChatMessage,
    ModelEvent,
    ModelRequest,
    ModelStopped,
    SystemMessage,
    ToolCallPart,
    ToolCallReady,
    ToolResultMessage,
    UsageSettled,
)

#: The conventions' names of those that they know; for others ours.
PROVIDER_NAMES = {"azure_openai": "azure.ai.openai"}
_FINISH = {"refused": "content_filter"}
_FINISH_OF_MESSAGE = {"refused": "content_filter", "tool_calls": "tool_call"}
#: Of each text and of all that was asked, in characters, where content is told: a collector is no archive.
MAX_TEXT = 8_000
MAX_ASKED = 48_000


def provider_name(kind: str) -> str:
    return PROVIDER_NAMES.get(kind, kind)


class CallSpan:
    """One model call, tries included. Each of its methods is called on the loop that makes the call."""

    def __init__(self, span: Span, *, with_content: bool) -> None:
        self.span = span
        self._with_content = with_content
        self._begun = time.monotonic()
        self._first: float | None = None
        self._text: list[str] = []
        self._calls: list[ToolCallReady] = []
        self._tries = 1

    def hear(self, text: str) -> None:
        """A piece of the answer's text."""
        if self._first is None:
            self._first = time.monotonic()
        if self._with_content:
            self._text.append(text)

    def note(self, event: ModelEvent) -> None:
        """Any other piece of the answer."""
        if self._first is None:
            self._first = time.monotonic()
        if self._with_content and isinstance(event, ToolCallReady):
            self._calls.append(event)

    def try_again(self) -> None:
        self._tries += 1

    def settle(self, settled: UsageSettled, outcome: str, final: ModelStopped | None) -> None:
        """The call is over."""
        usage, span = settled.usage, self.span
        span.note(
            {
                "gen_ai.usage.input_tokens": usage.input_tokens,
                "gen_ai.usage.output_tokens": usage.output_tokens,
                "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens or None,
                "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens or None,
                "aap.usage.estimated": settled.estimated or None,
                "aap.cost.amount": str(settled.cost.amount) if settled.cost else None,
                "aap.cost.currency": settled.cost.currency if settled.cost else None,
                "aap.model_call.outcome": outcome,
                "aap.model_call.tries": self._tries,
            }
        )
        if self._first is not None:
            span.note({"gen_ai.response.time_to_first_chunk": round(self._first - self._begun, 6)})
        if final is not None:
            span.note(
                {
                    "gen_ai.response.finish_reasons": [_FINISH.get(final.finish, final.finish)],
                    "gen_ai.response.model": final.model or None,
                    "gen_ai.response.id": final.answer or None,
                }
            )
        if self._with_content:
            finish = final.finish if final is not None else "error"
            span.note({"gen_ai.output.messages": [self._answer(_FINISH_OF_MESSAGE.get(finish, finish))]})
        if outcome not in ("ok", "interrupted"):
            span.fail(outcome)
        span.end()

    def _answer(self, finish: str) -> dict[str, Any]:
        parts: list[dict[str, Any]] = []
        if self._text:
            parts.append(_text("".join(self._text)))
        parts += [{"type": "tool_call", "name": call.name, "arguments": call.arguments or {}} for call in self._calls]
        return {"role": "assistant", "parts": parts, "finish_reason": finish}


def watch_call(access: Access, request: ModelRequest) -> CallSpan | None:
    """The span of a call that begins now, within the work at hand; None when nobody wants spans."""
    tracer = tracing.tracer()
    if tracer is None:
        return None
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider_name(access.kind),
        "gen_ai.request.model": request.model,
        "gen_ai.request.stream": True,
        "gen_ai.request.max_tokens": request.max_output_tokens,
        **_server(access),
        **(_asked(request) if tracer.with_content else {}),
    }
    kind: tracing.Kind = "internal" if access.kind == "demo" else "client"
    span = tracer.begin(f"chat {request.model}", kind, facts, tracing.current_span())
    return CallSpan(span, with_content=tracer.with_content)


def _server(access: Access) -> dict[str, Any]:
    try:
        target = parse_url(access.base_url)
    except EgressRefused:  # the demo model has no address
        return {}
    return {"server.address": target.host, "server.port": target.port}


def _asked(request: ModelRequest) -> dict[str, Any]:
    instructions = [_text(message.text) for message in request.messages if isinstance(message, SystemMessage)]
    messages: list[dict[str, Any]] = []
    room = MAX_ASKED
    for message in reversed(request.messages):
        if isinstance(message, SystemMessage):
            continue
        room -= min(len(message.text), MAX_TEXT)
        if room < 0:
            break
        messages.append(_message(message))
    return {"gen_ai.system_instructions": instructions or None, "gen_ai.input.messages": messages[::-1]}


def _message(message: ChatMessage) -> dict[str, Any]:
    match message:
        case AssistantMessage(text, calls):
            parts = [_text(text)] if text else []
            return {"role": "assistant", "parts": [*parts, *map(_call, calls)]}
        case ToolResultMessage(call, _, text):
            return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call, "response": text[:MAX_TEXT]}]}
        case _:
            return {"role": "user", "parts": [_text(message.text)]}


def _call(call: ToolCallPart) -> dict[str, Any]:
    return {"type": "tool_call", "id": call.call, "name": call.name, "arguments": dict(call.arguments)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text[:MAX_TEXT]}
