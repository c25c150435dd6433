"""In-memory twins of the engine's ports: a scripted model, counting tools, a journal that can be cut anywhere."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.engine.events import Event, RunQueued, from_json
from agents.engine.limits import Limits
from agents.engine.loop import advance
from agents.engine.ports import Effect, EnginePorts, Question, Resolution, RunSpec, ToolAnswer
from agents.engine.state import fold
from core.money import Money
from core.stop import StopSignal
from llm_providers.protocol import (
    ChatMessage,
    GatewayEvent,
    ModelInterrupted,
    ModelStopped,
    TextDelta,
    ToolCallReady,
    ToolDefinition,
    UsageReported,
    UsageSettled,
)

Script = Sequence[GatewayEvent | Exception | float]


def says(text: str, *calls: tuple[str, Mapping[str, Any] | None], cost: Money | None = None) -> Script:
    """One answer of the model: its text in pieces of three characters, then its calls."""
    pieces: list[GatewayEvent] = [TextDelta(text[i : i + 3]) for i in range(0, len(text), 3)]
    for index, (name, arguments) in enumerate(calls):
        pieces.append(ToolCallReady(index, name, arguments, None if arguments is not None else "cut short"))
    return [*pieces, UsageSettled(UsageReported(10, 5), cost), ModelStopped("tool_calls" if calls else "stop")]


@dataclass
class TwinModel:
    """Answers from a list by step number; a float in a script is a pause in seconds."""

    scripts: Sequence[Script]
    stop: StopSignal
    requests: list[Sequence[ChatMessage]] = field(default_factory=list)
    closed: int = 0

    async def stream(
        self,
        *,
        step: int,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolDefinition],
        max_output_tokens: int | None,
        on_text: Callable[[str], None],
    ) -> AsyncIterator[GatewayEvent]:
        self.requests.append(messages)
        try:
            for item in self.scripts[min(step, len(self.scripts)) - 1]:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, float):
                    async with self.stop.interrupts():
                        await asyncio.sleep(item)
                    item = None
                if self.stop.reason is not None:
                    yield UsageSettled(UsageReported(10, 1), None, estimated=True)
                    yield ModelInterrupted()
                    return
                if item is not None:
                    yield item
        finally:
            self.closed += 1


@dataclass
class TwinTools:
    """`tools` is {name: (effect, function)}; every execution is counted by call id."""

    tools: Mapping[str, tuple[Effect, Callable[..., Any]]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)

    def definitions(self) -> Sequence[ToolDefinition]:
        return [ToolDefinition(name, name, {"type": "object"}) for name in self.tools]

    def effect(self, name: str) -> Effect | None:
        return self.tools[name][0] if name in self.tools else None

    def asks(self, name: str) -> bool:
        return name == "ask"

    def question(self, name: str, arguments: Mapping[str, Any]) -> Question | ToolAnswer:
        if "question" not in arguments:
            return ToolAnswer("question is missing", is_error=True)
        return Question(arguments["question"], tuple(arguments.get("options", ())))

    async def call(self, *, call: str, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        self.executed.append(call)
        result = self.tools[name][1](**arguments)
        if asyncio.iscoroutine(result):
            result = await result
        return ToolAnswer(str(result))


class Crash(Exception):
    """The process died here."""


class Twin:
    """A run with its journal in memory. `commits` are lists of event JSON, as a database would hold them."""

    def __init__(
        self,
        scripts: Sequence[Script],
        tools: Mapping[str, tuple[Effect, Callable[..., Any]]] | None = None,
        **spec: Any,
    ) -> None:
        self.stop = StopSignal()
        self.model = TwinModel(scripts, self.stop)
        self.tools = TwinTools(tools or {})
        self.live: list[tuple[str, str, str]] = []
        self.resolutions: dict[str, Resolution] = {}
        self.spec = RunSpec(**{"model": "mdl_1", "model_name": "twin", "limits": Limits(), **spec})
        queued = RunQueued("agt_1", "Ada", 1, False, "cnv_1", "twin", "req_1", {"message": "msg_0", "text": "Hello"})
        self.commits: list[list[dict[str, Any]]] = [[queued.to_json()]]
        self._ids = itertools.count(1)
        self._ticks = itertools.count()

    @property
    def events(self) -> list[Event]:
        return [from_json(document) for commit in self.commits for document in commit]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def ports(self) -> EnginePorts:
        return EnginePorts(
            spec=self.spec,
            model=self.model,
            tools=self.tools,
            stop=self.stop,
            live=lambda message, part, text: self.live.append((message, part, text)),
            new_id=lambda prefix: f"{prefix}_{next(self._ids)}",
            monotonic=lambda: next(self._ticks) / 1000,
            resolutions=self.resolutions,
            saved_text=lambda message: ("".join(t for m, p, t in self.live if m == message and p == "text"), ""),
        )

    def decide(self, resolution: str, text: str = "") -> None:
        """A person decides everything that is open."""
        for decision in fold(self.events).open_decisions:
            self.resolutions[decision.decision] = Resolution(resolution, text)

    async def run(self, *, crash_after: int | None = None, on_commit: Callable[[int], None] | None = None) -> None:
        """Drive to the end. With `crash_after=n` the process dies right after the n-th commit of this call was stored."""
        stream = advance(fold(self.events), self.ports())
        count = 0
        try:
            async for commit in stream:
                self.commits.append([event.to_json() for event in commit])
                count += 1
                if on_commit is not None:
                    on_commit(count)
                if count == crash_after:
                    raise Crash
        finally:
            await stream.aclose()  # type: ignore[attr-defined]
