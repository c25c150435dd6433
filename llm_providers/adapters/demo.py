"""A stand-in that needs no network and no key: it explains itself, quotes the message, and obeys directives in it.

Made for tours and tests. Directives stand in the last user message: `[[tokens:200 gap:20]]` (milliseconds),
`[[tool:NAME {json}]]` (in order, one step each), `[[fail:429]]`, `[[stall:30]]` (seconds of silence before the text).
The same message gives the same tokens, so that a repeated call can be compared.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import orjson

from llm_providers.adapters.faults import error_from_status
from llm_providers.adapters.reading import parse_arguments
from llm_providers.protocol import (
    Access,
    Capabilities,
    DiscoveredModel,
    ModelEvent,
    ModelRequest,
    ModelStopped,
    ProviderKind,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallReady,
    ToolCallStarted,
    ToolResultMessage,
    UsageReported,
    UserMessage,
)

NAME = "The demo provider"
MAX_TOKENS = 200_000
MAX_GAP_MS = 60_000
MAX_STALL_SECONDS = 3_600
CONTEXT = 32_768

_TOKENS = re.compile(r"\[\[tokens:(\d{1,9})(?: +gap:(\d{1,9}))?\]\]")
_FAIL = re.compile(r"\[\[fail:(\d{3})\]\]")
_STALL = re.compile(r"\[\[stall:(\d{1,6}(?:\.\d{1,3})?)\]\]")
_TOOL = re.compile(r"\[\[tool:([A-Za-z0-9_.-]{1,128})[ \t]*")
_PIECE = re.compile(r"\S+\s*|\s+")
_WORDS = tuple("plain words follow each other here so that you can watch them arrive one by one in order".split())  # noqa: SIM905


class DemoAdapter:
    """No options. One model, "demo"."""

    kind: ClassVar[ProviderKind] = "demo"

    async def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]:
        message, results = _last_turn(request)
        if failing := _FAIL.search(message):
            raise _asked_failure(int(failing[1]))
        if stalling := _STALL.search(message):
            await asyncio.sleep(min(float(stalling[1]), MAX_STALL_SECONDS))
        calls = _calls(message)
        length = sum(len(getattr(m, "text", "")) for m in request.messages) // 4 + 1
        if len(results) < len(calls):
            name, written = calls[len(results)]
            arguments, error = parse_arguments(written)
            yield ToolCallStarted(0, name)
            yield ToolArgumentsDelta(0, written or "{}")
            yield ToolCallReady(0, name, arguments, error)
            yield UsageReported(length, 8)
            yield ModelStopped("tool_calls")
            return
        pieces, gap = _answer(message, results)
        limit = request.max_output_tokens
        cut = limit is not None and limit < len(pieces)
        sent = 0
        for piece in pieces[:limit] if cut else pieces:
            if gap and sent:
                await asyncio.sleep(gap)
            elif sent % 64 == 63:
                await asyncio.sleep(0)  # without a gap there is no await: let the others of this process have a turn
            yield TextDelta(piece)
            sent += 1
        yield UsageReported(length, sent)
        yield ModelStopped("length" if cut else "stop")

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]:
        return [
            DiscoveredModel(
                name="demo", label="Demo (no AI)", capabilities=Capabilities(tools=True), context_window=CONTEXT
            )
        ]


def _last_turn(request: ModelRequest) -> tuple[str, list[ToolResultMessage]]:
    """The last user message, and the tool results after it."""
    results: list[ToolResultMessage] = []
    for message in reversed(request.messages):
        if isinstance(message, UserMessage):
            return message.text, results[::-1]
        if isinstance(message, ToolResultMessage):
            results.append(message)
    return "", results[::-1]


def _calls(message: str) -> list[tuple[str, str]]:
    """(name, arguments as written) of every tool directive, in order."""
    found: list[tuple[str, str]] = []
    for match in _TOOL.finditer(message):
        rest = message[match.end() :]
        if rest.startswith("]]"):
            found.append((match[1], "{}"))
            continue
        # The arguments may hold ]] themselves: the first ]] after which they are JSON ends them; else, the first.
        ends = [m.start() for m in re.finditer(r"\]\]", rest[:20_000])][:50]
        whole = next((end for end in ends if _is_json(rest[:end])), ends[0] if ends else None)
        if whole is not None:
            found.append((match[1], rest[:whole].strip()))
    return found[:64]


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _asked_failure(status: int) -> Exception:
    if status < 400 or status > 599:
        status = 400
    word = {400: "bad_request", 404: "model_not_found", 429: "rate_limit_error", 529: "overloaded_error"}.get(
        status, "error"
    )
    message = "The model does not exist (asked for by the message)." if status == 404 else "Asked for by the message."
    headers = {"retry-after": "1"} if status == 429 else {}
    return error_from_status(status, {"error": {"type": word, "message": message}}, headers, name=NAME)


def _answer(message: str, results: list[ToolResultMessage]) -> tuple[list[str], float]:
    """(the tokens, the seconds between two of them)."""
    asked = _TOKENS.search(message)
    gap = 0.02
    if asked and asked[2] is not None:
        gap = min(int(asked[2]), MAX_GAP_MS) / 1_000
    quote = _quote(message)
    text = f"**This is the demo model: no AI is at work here.** You wrote:\n\n> {quote}\n\n"
    if results:
        text += "The tools answered:\n\n" + "".join(_result_line(result) for result in results) + "\n"
    text += (
        "It shows how answers arrive, piece by piece. Connect a provider with a real model in the settings, "
        "and your agents will think for themselves."
    )
    pieces = _PIECE.findall(text)
    if asked:
        wanted = min(int(asked[1]), MAX_TOKENS)
        pieces = pieces[:wanted] + [
            f"{_WORDS[n % len(_WORDS)]}{number_suffix(n)} " for n in range(max(0, wanted - len(pieces)))
        ]
    return pieces, gap


def number_suffix(n: int) -> str:
    """Every 20th filler word ends a sentence with its number, so that a lost or doubled token can be seen by eye."""
    return f" ({n + 1})." if n % 20 == 19 else ""


def _quote(message: str) -> str:
    shown = " ".join(message.split())
    return shown if len(shown) <= 300 else shown[:299] + "…"


def _result_line(result: ToolResultMessage) -> str:
    text = " ".join(result.text.split())
    return (
        f"- `{result.name}`{' (failed)' if result.is_error else ''}: {text if len(text) <= 200 else text[:199] + '…'}\n"
    )
