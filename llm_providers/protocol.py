"""The neutral language between the engine and every vendor: what is asked, and the stream that comes back.

Pure values; imports neither Django nor any HTTP library. Vendor words stop in the adapters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from core.money import Money
from core.secret import Secret

ProviderKind = Literal["ollama", "openai", "openai_compatible", "azure_openai", "anthropic", "demo"]
FinishReason = Literal["stop", "length", "tool_calls", "refused"]

# --- What is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A tool call that the model made earlier. `call` is our id; `arguments` is the parsed JSON object."""

    call: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SystemMessage:
    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """What the model said. `vendor_state` is opaque data that an adapter left (signed reasoning and the like)."""

    text: str
    tool_calls: tuple[ToolCallPart, ...] = ()
    vendor_state: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ToolResultMessage:
    call: str
    name: str
    text: str
    is_error: bool = False


ChatMessage = SystemMessage | UserMessage | AssistantMessage | ToolResultMessage


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as the model sees it. `parameters` is a JSON Schema (2020-12) of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model call. `model` is the vendor's name for the model; `max_output_tokens` None means the vendor's limit."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolDefinition, ...] = ()
    max_output_tokens: int | None = None
    context_window: int | None = None
    on_text: Callable[[str], None] | None = field(default=None, compare=False, repr=False)
    """Where an adapter may hand plain text at once, on the loop's thread, instead of yielding a TextDelta for it."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a vendor. `api_key` shows itself to nobody; adapters send `plain_key`.

    `identity` changes whenever anything about the connection changes, so that clients can be kept per identity.
    """

    kind: ProviderKind
    identity: str
    base_url: str
    api_key: Secret | str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.api_key, str):
            object.__setattr__(self, "api_key", Secret(self.api_key))

    @property
    def plain_key(self) -> str | None:
        """The key as it is sent."""
        return self.api_key.reveal() if isinstance(self.api_key, Secret) else None


# --- What comes back --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of text, never empty; lone surrogates and U+0000 are already U+FFFD."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The model began a call; `index` tells the calls of one answer apart, from 0."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class ToolArgumentsDelta:
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallReady:
    """A call is whole. Either `arguments` (a JSON object) or `error` (why they could not be read); never both.

    Sent only when the vendor closed the call properly: arguments of a cut stream never get here.
    """

    index: int
    name: str
    arguments: Mapping[str, Any] | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Tokens of this call as the vendor counts them; a later report replaces an earlier one."""

    input_tokens: int
    output_tokens: int
    reasoning_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelStopped:
    """Exactly one, last. `vendor_state` is handed back in the AssistantMessage of the next request."""

    finish: FinishReason
    vendor_state: Mapping[str, Any] | None = None
    model: str = field(default="", compare=False)
    """What the vendor calls the model that answered; "" where it does not say."""
    answer: str = field(default="", compare=False)
    """The vendor's id of this answer, by which to ask the vendor about it."""


ModelEvent = (
    TextDelta | ReasoningDelta | ToolCallStarted | ToolArgumentsDelta | ToolCallReady | UsageReported | ModelStopped
)


# --- What the gateway adds --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsageSettled:
    """What the call cost, once, right before the last event. `cost` None: the price is unknown. `estimated`: not
    counted by the vendor (an interrupted call)."""

    usage: UsageReported
    cost: Money | None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class ModelInterrupted:
    """Instead of ModelStopped, last, when a stop was requested: the vendor's connection is closed."""


GatewayEvent = ModelEvent | UsageSettled | ModelInterrupted


@dataclass(frozen=True, slots=True)
class Capabilities:
    tools: bool = False
    reasoning: bool = False
    vision: bool = False


@dataclass(frozen=True, slots=True)
class DiscoveredModel:
    """A model that a vendor lists. None where the vendor does not say."""

    name: str
    label: str = ""
    capabilities: Capabilities | None = None
    context_window: int | None = None


class ProviderAdapter(Protocol):
    """One module per vendor, stateless, on the vendor's SDK with its own retries off.

    `stream` yields ModelEvents and ends with exactly one ModelStopped, or raises a ProviderError. Closing the iterator
    (`aclose`, or cancelling the task) closes the vendor's connection.
    """

    kind: ClassVar[ProviderKind]

    def stream(self, request: ModelRequest, access: Access) -> AsyncIterator[ModelEvent]: ...

    async def list_models(self, access: Access) -> Sequence[DiscoveredModel]: ...
