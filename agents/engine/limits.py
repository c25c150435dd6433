"""The bounds of one run, and the sentence for each when it is reached. Pure.

`max_seconds` has no clock here: the runtime's timer requests the stop, see `loop`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.engine.state import RunState

STOP_MAX_SECONDS = "max_seconds"
MAX_IDLE_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_steps` model calls; `max_tokens` of input and output together over all calls, None for no limit; seconds."""

    max_steps: int = 20
    max_tokens: int | None = None
    max_seconds: int = 600


def reached_limit(state: RunState, limits: Limits) -> tuple[str, str] | None:
    """(code, detail) when no further model call may begin, else None."""
    if len(state.steps) >= limits.max_steps:
        return "max_steps", (
            f"The agent used all of its {limits.max_steps} steps without coming to an end. "
            "Ask for less at once, or raise the step limit of the agent."
        )
    if limits.max_tokens is not None and state.total_tokens >= limits.max_tokens:
        return "max_tokens", (
            f"The run used {state.total_tokens} tokens; its limit is {limits.max_tokens}. "
            "Ask for less at once, or raise the token limit of the agent."
        )
    return None


def room_for_output(state: RunState, limits: Limits) -> int | None:
    """How many tokens the next answer may have, None for no limit of ours."""
    if limits.max_tokens is None:
        return None
    return max(1, limits.max_tokens - state.total_tokens)


def max_seconds_detail(limits: Limits) -> str:
    return (
        f"The run took longer than its {limits.max_seconds} seconds and was stopped. "
        "What it had written is kept. Ask for less at once, or raise the time limit of the agent."
    )
