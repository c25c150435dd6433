"""The messages for the next model call, from the agent's snapshot, the conversation so far and the state of the run.

Deterministic: the same journal gives the same messages, so a step that starts again asks the same question.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from agents.engine.ports import RunSpec
from agents.engine.state import RunState
from llm_providers.protocol import (
    AssistantMessage,
    ChatMessage,
    SystemMessage,
    ToolCallPart,
    ToolResultMessage,
    UserMessage,
)

#: Characters per token, roughly, over languages and vendors. Only used to decide what to leave out.
CHARS_PER_TOKEN = 4
#: Kept free for the answer when nobody said how long it may be.
OUTPUT_ROOM_TOKENS = 4096


def build_messages(state: RunState, spec: RunSpec) -> tuple[tuple[ChatMessage, ...], int]:
    """(messages, number of the conversation's messages left out so that the rest fits)."""
    head: list[ChatMessage] = [SystemMessage(spec.instructions)] if spec.instructions else []
    tail = _this_run(state)
    history, dropped = _trim(spec.history, spec.context_window, estimate(head) + estimate(tail))
    return (*head, *history, *tail), dropped + spec.omitted


def estimate(messages: Sequence[ChatMessage]) -> int:
    """Tokens, as a rough count."""
    return sum(_characters(message) for message in messages) // CHARS_PER_TOKEN


def _characters(message: ChatMessage) -> int:
    size = len(message.text) + 16  # role and separators
    if isinstance(message, AssistantMessage):
        size += sum(len(call.name) + len(orjson.dumps(dict(call.arguments))) + 16 for call in message.tool_calls)
    return size


def _this_run(state: RunState) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    if state.input_text is not None:
        messages.append(UserMessage(state.input_text))
    said = [[UserMessage(one.text) for one in state.said if one.after == n] for n in range(state.finished_steps + 1)]
    finished = [step for step in state.steps if step.finish is not None]
    for number, step in enumerate((*state.inherited, *finished), start=-len(state.inherited)):
        if number >= 0:
            messages.extend(said[number])
        calls = tuple(ToolCallPart(call.call, call.name, call.arguments) for call in step.calls)
        messages.append(AssistantMessage(step.text, calls, step.vendor_state))
        for call in step.calls:
            result = call.result if call.outcome not in (None, "unknown") else "The outcome of this call is not known."
            messages.append(ToolResultMessage(call.call, call.name, result, call.outcome != "ok"))
    messages.extend(said[-1])
    return messages


def _trim(history: Sequence[ChatMessage], window: int | None, taken: int) -> tuple[Sequence[ChatMessage], int]:
    if window is None:
        return history, 0
    budget = window - min(OUTPUT_ROOM_TOKENS, window // 4) - taken
    sizes = [_characters(message) // CHARS_PER_TOKEN for message in history]
    total, first = sum(sizes), 0
    while total > budget and first < len(history):
        # Whole turns only: a tool result without its call, or an answer without its question, is refused by vendors.
        total -= sizes[first]
        first += 1
        while first < len(history) and not isinstance(history[first], UserMessage):
            total -= sizes[first]
            first += 1
    return history[first:], first
