"""What the engine needs from outside, as narrow protocols. The runtime implements them; tests have in-memory twins.

Must not know who implements them. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agents.engine.limits import Limits
from llm_providers.protocol import ChatMessage, GatewayEvent, ToolDefinition

Effect = Literal["read", "idempotent", "once"]
TextPart = Literal["text", "reasoning"]


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What does not change while a run lives: the agent's snapshot and the conversation before it.

    `history` are the earlier messages of the conversation, oldest first; `omitted` counts still older ones that were not
    even loaded. `context_window` is in tokens, None when unknown.
    """

    model: str
    model_name: str
    instructions: str = ""
    limits: Limits = field(default_factory=Limits)
    history: tuple[ChatMessage, ...] = ()
    omitted: int = 0
    context_window: int | None = None


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool said to the model. `text` is within the output limit and clean."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What a call asks a person. `options` are answers to choose from; empty: any text."""

    prompt: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided. `text` is the answer, or what they say about it."""

    resolution: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Interjection:
    """What the person said while the run went on, and the id of the message that it becomes."""

    message: str
    text: str


async def _nobody_speaks() -> Sequence[Interjection]:
    return ()


class StopRequests(Protocol):
    """core.stop.StopSignal, as far as the engine uses it."""

    @property
    def reason(self) -> str | None: ...

    def interrupts(self) -> Any: ...


class ModelPort(Protocol):
    def stream(
        self,
        *,
        step: int,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolDefinition],
        max_output_tokens: int | None,
        on_text: Callable[[str], None],
    ) -> AsyncIterator[GatewayEvent]:
        """One model call. Plain text may go to `on_text` at once instead of coming as an event; the order stays.

        Ends with ModelStopped, or with ModelInterrupted once a stop was requested; or raises
        ProviderError. Usage comes as UsageSettled before the end."""
        ...


class ToolPort(Protocol):
    def definitions(self) -> Sequence[ToolDefinition]:
        """The tools that the model may call."""
        ...

    def effect(self, name: str) -> Effect | None:
        """None: this agent has no such tool."""
        ...

    def asks(self, name: str) -> bool:
        """Whether this tool is a person who is asked, not code that runs."""
        ...

    def question(self, name: str, arguments: Mapping[str, Any]) -> Question | ToolAnswer:
        """What to ask the person; a ToolAnswer tells the model what is wrong with its arguments."""
        ...

    async def call(self, *, call: str, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Run it. `call` is the key under which a repeat is recognised."""
        ...


class LiveText(Protocol):
    def __call__(self, message: str, part: TextPart, text: str) -> None:
        """Hand a piece of text to whoever watches. Must not block and must not fail."""
        ...


@dataclass(frozen=True, slots=True)
class EnginePorts:
    """Everything outside. `monotonic` gives seconds; `saved_text` the (text, reasoning) of a message that a crashed
    predecessor had open, as far as it was saved; `resolutions` what people decided of what this run asked, by decision;
    `interjections` what the person said since and the journal does not hold yet."""

    spec: RunSpec
    model: ModelPort
    tools: ToolPort
    stop: StopRequests
    live: LiveText
    new_id: Callable[[str], str]
    monotonic: Callable[[], float]
    saved_text: Callable[[str], tuple[str, str]] = lambda message: ("", "")
    resolutions: Mapping[str, Resolution] = field(default_factory=dict)
    interjections: Callable[[], Awaitable[Sequence[Interjection]]] = _nobody_speaks
