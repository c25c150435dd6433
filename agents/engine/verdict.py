"""What became of a step: the closed set of results that the loop acts on, and how an answer is judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.engine import events as ev
from agents.engine.limits import STOP_MAX_SECONDS
from agents.engine.state import StepState
from llm_providers.protocol import ModelStopped, ToolCallReady, UsageSettled

REFUSED_DETAIL = "The model declined to answer this. Rephrase the message, or choose another model."


@dataclass(frozen=True, slots=True)
class Continue:
    """There is more to do."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The model ended its answer."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A person has to decide something."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class Failed:
    code: str
    detail: str


StepResult = Continue | Finished | Waiting | Stopped | Failed


@dataclass(slots=True)
class Answer:
    """What one model call has brought so far."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[ToolCallReady] = field(default_factory=list)
    usage: UsageSettled | None = None
    stopped: ModelStopped | None = None
    failure: Failed | None = None
    first_token: float | None = None


def judge(answer: Answer, *, stop_reason: str | None) -> tuple[ev.Finish, StepResult, Sequence[ToolCallReady]]:
    """How the message ended, what follows, and the calls that are asked for."""
    if answer.failure is not None:
        return ("refused" if answer.failure.code == "refused" else "failed"), answer.failure, ()
    if answer.stopped is None:
        if stop_reason is None:
            broken = "The provider's answer ended without an end. Try again; if it stays so, check the provider."
            return "failed", Failed("provider_protocol", broken), ()
        return ("failed" if stop_reason == STOP_MAX_SECONDS else "cancelled"), Stopped(), ()
    if answer.stopped.finish == "refused":
        return "refused", Failed("refused", REFUSED_DETAIL), ()
    if answer.stopped.finish == "length":
        return "length", Finished(), ()  # calls of an answer that was cut for length are not to be trusted
    if answer.calls:
        return "tool_calls", Continue(), answer.calls
    return "stop", Finished(), ()


def verdict(step: StepState) -> StepResult:
    """What a whole message without open calls means for the run (only met when folding a foreign journal)."""
    if step.finish == "refused":
        return Failed("refused", REFUSED_DETAIL)
    if step.finish in ("failed", "cancelled"):
        return Failed("internal_error", "The answer ended before the run did. Ask again.")
    return Finished()
