"""What is known about a run: a fold over its journal, and nothing else.

Whoever carries a run on (the first worker, or the next one after a crash) starts from `fold(events)`. Must not know:
where events are stored, who asks, what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from agents.engine import events as ev

Status = Literal["new", "queued", "running", "waiting", "succeeded", "failed", "cancelled"]


class JournalBroken(ValueError):
    """The events contradict each other (say, a tool result for a call nobody requested). Never carried on silently."""


@dataclass(slots=True)
class CallState:
    """One tool call. `outcome` None means: not finished. `started` means it may have had its effect."""

    call: str
    name: str
    arguments: Mapping[str, Any]
    started: bool = False
    outcome: ev.ToolOutcome | None = None
    result: str = ""


@dataclass(slots=True)
class DecisionState:
    """Something that a person has to decide; `resolution` None while nobody has."""

    decision: str
    kind: str
    call: str | None
    resolution: str | None = None


@dataclass(slots=True)
class StepState:
    """One model call with its tool calls. `finish` None means the model has not ended its message."""

    number: int
    message: str | None = None
    text: str = ""
    finish: ev.Finish | None = None
    vendor_state: Mapping[str, Any] | None = None
    calls: list[CallState] = field(default_factory=list)
    attempt: int = 1

    def unfinished_calls(self) -> list[CallState]:
        return [call for call in self.calls if call.outcome is None]


@dataclass(frozen=True, slots=True)
class Said:
    """What the person said while the run went on. `after` so many of its steps had come to their end."""

    after: int
    text: str


@dataclass(slots=True)
class RunState:
    """The whole of a run. Change it only by `apply`."""

    status: Status = "new"
    input_text: str | None = None
    attempts: int = 0
    idle_attempts: int = 0
    """Attempts in a row that ended without finishing a model call or a tool: the sign of a run that kills its worker."""
    steps: list[StepState] = field(default_factory=list)
    inherited: tuple[StepState, ...] = ()
    """Steps of the run that this one continues; they count for the prompt only."""
    input_tokens: int = 0
    output_tokens: int = 0
    costs: dict[str, Decimal] = field(default_factory=dict)
    """What the calls with a known price cost, by currency."""
    dropped_messages: int = 0
    said: list[Said] = field(default_factory=list)
    decisions: list[DecisionState] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status in ("succeeded", "failed", "cancelled")

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def finished_steps(self) -> int:
        return sum(1 for step in self.steps if step.finish is not None)

    @property
    def unanswered(self) -> bool:
        """The person said something that no model call has answered."""
        return bool(self.said) and self.said[-1].after >= self.finished_steps

    @property
    def open_decisions(self) -> list[DecisionState]:
        return [one for one in self.decisions if one.resolution is None]

    @property
    def step(self) -> StepState | None:
        """The latest step."""
        return self.steps[-1] if self.steps else None

    def apply(self, event: ev.Event) -> None:
        """Fold one more event in. Raises JournalBroken when it cannot follow what came before."""
        if self.ended:
            raise JournalBroken(f"{event.type} after the end")
        match event:
            case ev.RunQueued():
                self.status = "queued"
                if event.input is not None:
                    self.input_text = event.input["text"]
            case ev.RunStarted() | ev.RunResumed():
                self.status = "running"
                self.attempts = event.attempt
                self.idle_attempts += 1
            case ev.RunWaiting():
                self.status = "waiting"
            case ev.RunSucceeded():
                self.status = "succeeded"
            case ev.RunFailed():
                self.status = "failed"
            case ev.RunCancelled():
                self.status = "cancelled"
            case ev.StepStarted():
                self.steps.append(StepState(number=event.step))
            case ev.StepRestarted():
                step = self._last(event)
                step.message, step.text, step.attempt = None, "", event.attempt
            case ev.MessageStarted() if event.role == "user":
                pass
            case ev.MessageCompleted() if event.role == "user":
                self.said.append(Said(self.finished_steps, event.text))
            case ev.MessageStarted():
                self._last(event).message = event.message
            case ev.MessageCompleted():
                step = self._last(event)
                if step.message != event.message:
                    raise JournalBroken(f"message.completed for {event.message}, which is not open")
                step.text, step.finish, step.vendor_state = event.text, event.finish, event.vendor_state
                self.idle_attempts = 0
            case ev.UsageRecorded():
                self.input_tokens += event.input_tokens
                self.output_tokens += event.output_tokens
                if event.cost is not None:
                    currency = event.cost["currency"]
                    self.costs[currency] = self.costs.get(currency, Decimal(0)) + Decimal(event.cost["amount"])
            case ev.ContextCompacted():
                self.dropped_messages = event.dropped_messages
            case ev.ToolRequested():
                self._last(event).calls.append(CallState(event.call, event.name, event.arguments))
            case ev.ToolStarted():
                self.call(event.call).started = True
            case ev.ToolCompleted():
                call = self.call(event.call)
                call.outcome, call.result = event.outcome, event.result
                self.idle_attempts = 0
            case ev.ToolUnknown():
                self.call(event.call).outcome = "unknown"
            case ev.DecisionRequested():
                self.decisions.append(DecisionState(event.decision, event.kind, event.call))
            case ev.DecisionResolved():
                self._resolve(event)
            case ev.DecisionExpired():
                self._decision(event.decision).resolution = "expired"
            case _:
                pass  # step.completed, reasoning.completed, progress, child runs: nothing to remember yet

    def _last(self, event: ev.Event) -> StepState:
        if not self.steps:
            raise JournalBroken(f"{event.type} before step.started")
        return self.steps[-1]

    def _resolve(self, event: ev.DecisionResolved) -> None:
        decision = self._decision(event.decision)
        decision.resolution = event.resolution
        if event.resolution == "run_again" and decision.call is not None:
            call = self.call(decision.call)
            call.started, call.outcome = False, None

    def _decision(self, decision_id: str) -> DecisionState:
        for one in self.decisions:
            if one.decision == decision_id:
                return one
        raise JournalBroken(f"no decision {decision_id} was requested")

    def call(self, call_id: str) -> CallState:
        for step in reversed(self.steps):
            for call in step.calls:
                if call.call == call_id:
                    return call
        raise JournalBroken(f"no call {call_id} was requested")


def inherit(base: RunState) -> RunState:
    """The state of a new run that continues `base`, before its first event: the same question, and every step that came
    to its end. The text of one that was cut is written anew."""
    whole = [step for step in base.steps if step.finish in ("stop", "length", "tool_calls")]
    return RunState(input_text=base.input_text, inherited=(*base.inherited, *whole))


def fold(events: Iterable[ev.Event], state: RunState | None = None) -> RunState:
    """The state after these events, from the first; `state` is what was inherited. Raises JournalBroken."""
    state = state or RunState()
    for event in events:
        state.apply(event)
    return state
