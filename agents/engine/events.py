"""The journal's words: one frozen class for each event of version 1, and nothing that acts on them.

Events are what a run consists of, what the socket sends and what clients reduce; names and fields are public and only
ever grow. Must not know: Django, time, sequence numbers (those belong to the row that stores an event).
`None` in a field marked optional is left out of the JSON; every other field is always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

Finish = Literal["stop", "length", "tool_calls", "cancelled", "failed", "refused"]
ToolOutcome = Literal["ok", "error", "denied", "cancelled", "unknown"]

#: Fields that stay in the journal and are never shown to anyone: {event type: field names}.
PRIVATE_FIELDS: Mapping[str, tuple[str, ...]] = {"message.completed": ("vendor_state",)}

_OPTIONAL: Mapping[str, Any] = {"optional": True}


class EventMalformed(ValueError):
    """A stored event is not one that this version knows. The run can only be carried on by a version that does."""


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events. `type` is the literal name on the wire."""

    type: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """The event as it is stored and sent: `type` first, then its fields."""
        document: dict[str, Any] = {"type": self.type}
        optional = _OPTIONAL_NAMES[type(self)]
        for name in _FIELD_NAMES[type(self)]:
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            document[name] = value
        return document


# --- The run -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunQueued(Event):
    """`input` is {"message": id, "text": str}: what the person wrote, or None when a run starts without words of its own.

    `continues` is {"run": id, "seq": int}: the run begins with what that one had done up to that event.
    """

    type: ClassVar[str] = "run.queued"
    agent: str
    agent_name: str
    version: int | None
    draft: bool
    conversation: str
    model_name: str
    request_id: str
    input: Mapping[str, str] | None
    continues: Mapping[str, Any] | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    type: ClassVar[str] = "run.started"
    attempt: int


@dataclass(frozen=True, slots=True)
class RunWaiting(Event):
    type: ClassVar[str] = "run.waiting"
    reason: str | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    """`reason` is "recovered" after a crash or a lost lease, "decided" when a person decided what the run waited for."""

    type: ClassVar[str] = "run.resumed"
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunSucceeded(Event):
    type: ClassVar[str] = "run.succeeded"


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """`code` is stable; `detail` says to a person what happened and what to do next."""

    type: ClassVar[str] = "run.failed"
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunCancelled(Event):
    type: ClassVar[str] = "run.cancelled"


# --- Steps and messages ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    type: ClassVar[str] = "step.started"
    step: int
    model: str
    model_name: str


@dataclass(frozen=True, slots=True)
class StepRestarted(Event):
    """A model call begins anew; the text of the messages in `dropped` no longer counts."""

    type: ClassVar[str] = "step.restarted"
    step: int
    attempt: int
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepCompleted(Event):
    type: ClassVar[str] = "step.completed"
    step: int
    first_token_ms: int | None = field(default=None, metadata=_OPTIONAL)
    duration_ms: int | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class MessageStarted(Event):
    type: ClassVar[str] = "message.started"
    message: str
    role: str
    step: int


@dataclass(frozen=True, slots=True)
class MessageCompleted(Event):
    """`text` is the whole text. `vendor_state` is private: what the vendor wants back in the next request."""

    type: ClassVar[str] = "message.completed"
    message: str
    role: str
    text: str
    finish: Finish
    vendor_state: Mapping[str, Any] | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class ReasoningCompleted(Event):
    type: ClassVar[str] = "reasoning.completed"
    message: str
    text: str


@dataclass(frozen=True, slots=True)
class UsageRecorded(Event):
    """Tokens of one model call. `cost` is {"amount": str, "currency": str}, None when the price is unknown."""

    type: ClassVar[str] = "usage.recorded"
    step: int
    message: str
    input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost: Mapping[str, str] | None
    model_name: str


@dataclass(frozen=True, slots=True)
class ContextCompacted(Event):
    """The oldest `dropped_messages` messages of the conversation were left out of this and the next model calls."""

    type: ClassVar[str] = "context.compacted"
    dropped_messages: int


# --- Tools -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolRequested(Event):
    type: ClassVar[str] = "tool.requested"
    call: str
    name: str
    arguments: Mapping[str, Any]
    message: str


@dataclass(frozen=True, slots=True)
class ToolStarted(Event):
    """The intention is on disk: from here on the call may have had its effect."""

    type: ClassVar[str] = "tool.started"
    call: str


@dataclass(frozen=True, slots=True)
class ToolProgress(Event):
    type: ClassVar[str] = "tool.progress"
    call: str
    text: str | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class ToolCompleted(Event):
    type: ClassVar[str] = "tool.completed"
    call: str
    outcome: ToolOutcome
    result: str


@dataclass(frozen=True, slots=True)
class ToolUnknown(Event):
    """The call began and nobody knows whether it took effect."""

    type: ClassVar[str] = "tool.unknown"
    call: str


# --- Decisions ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DecisionRequested(Event):
    """A person has to decide before the run goes on. `kind` is "question" or "unknown_outcome"; `call` the tool call that
    it is about; `prompt` what is asked, in words; `options` answers to choose from, if any were offered."""

    type: ClassVar[str] = "decision.requested"
    decision: str
    kind: str
    call: str | None = field(default=None, metadata=_OPTIONAL)
    prompt: str | None = field(default=None, metadata=_OPTIONAL)
    options: tuple[str, ...] | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class DecisionResolved(Event):
    type: ClassVar[str] = "decision.resolved"
    decision: str
    resolution: str


@dataclass(frozen=True, slots=True)
class DecisionExpired(Event):
    """The run ended before anybody decided."""

    type: ClassVar[str] = "decision.expired"
    decision: str


# --- Child runs (their meaning arrives later; readers know them now) ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChildRunStarted(Event):
    type: ClassVar[str] = "child_run.started"
    child_run: str
    call: str | None = field(default=None, metadata=_OPTIONAL)


@dataclass(frozen=True, slots=True)
class ChildRunCompleted(Event):
    type: ClassVar[str] = "child_run.completed"
    child_run: str
    status: str


EVENT_CLASSES: tuple[type[Event], ...] = (
    RunQueued, RunStarted, RunWaiting, RunResumed, RunSucceeded, RunFailed, RunCancelled,
    StepStarted, StepRestarted, StepCompleted, MessageStarted, MessageCompleted, ReasoningCompleted,
    UsageRecorded, ContextCompacted, ToolRequested, ToolStarted, ToolProgress, ToolCompleted, ToolUnknown,
    DecisionRequested, DecisionResolved, DecisionExpired, ChildRunStarted, ChildRunCompleted,
)  # fmt: skip

_FIELD_NAMES = {cls: tuple(f.name for f in fields(cls)) for cls in EVENT_CLASSES}
_OPTIONAL_NAMES = {cls: frozenset(f.name for f in fields(cls) if f.metadata.get("optional")) for cls in EVENT_CLASSES}
_TUPLES = ("dropped", "options")
_BY_TYPE = {cls.type: cls for cls in EVENT_CLASSES}

TERMINAL_TYPES = frozenset({"run.succeeded", "run.failed", "run.cancelled"})


def is_terminal(event: Event) -> bool:
    return event.type in TERMINAL_TYPES


def from_json(document: Mapping[str, Any]) -> Event:
    """The event that `to_json` wrote. Raises EventMalformed for an unknown type, and for unknown or missing fields."""
    name = document.get("type")
    cls = _BY_TYPE.get(name) if isinstance(name, str) else None
    if cls is None:
        raise EventMalformed(f"unknown event type {name!r}")
    values = {key: value for key, value in document.items() if key != "type"}
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    try:
        return cls(**values)
    except TypeError as error:
        raise EventMalformed(f"{name}: {error}") from None


def public_json(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stored event as clients may see it: the same, without private fields."""
    private = PRIVATE_FIELDS.get(document.get("type", ""))
    if private is None or not any(name in document for name in private):
        return document
    return {key: value for key, value in document.items() if key not in private}
