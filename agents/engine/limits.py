"""The bounds of one run, and the sentence for each when it is reached. Pure.

`max_seconds` has no clock here: the runtime's timer requests the stop, see `loop`.
"""

from __future__ import annotations

from dataclasses import dataclass

from agents.engine.state import RunState
from core.money import Money

STOP_MAX_SECONDS = "max_seconds"
MAX_IDLE_ATTEMPTS = 20
#: So many steps in a row that ask for the same and get the same answer are no progress.
MAX_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_steps` model calls; `max_tokens` of input and output together over all calls, None for no limit; seconds.

    `max_cost` is compared where the prices of the calls are known and in its currency.
    """

    max_steps: int = 20
    max_tokens: int | None = None
    max_seconds: int = 600
    max_cost: Money | None = None


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
    cost = limits.max_cost
    if cost is not None and (spent := state.costs.get(cost.currency)) is not None and spent >= cost.amount:
        return "max_cost", (
            f"The run cost {spent:f} {cost.currency}; its limit is {cost.amount:f}. "
            "Ask for less at once, or raise the cost limit of the agent."
        )
    if _goes_in_circles(state):
        return "no_progress", (
            f"The agent asked for the same thing {MAX_REPEATS} times in a row and got the same answer each time. "
            "Say it in other words, or look at what the tool answers."
        )
    return None


def _goes_in_circles(state: RunState) -> bool:
    """The latest steps made the same calls with the same results, and nobody said anything meanwhile."""
    latest = state.steps[-MAX_REPEATS:]
    if len(latest) < MAX_REPEATS or not latest[-1].calls or state.unanswered:
        return False
    asked = [[(call.name, call.arguments, call.outcome, call.result) for call in step.calls] for step in latest]
    return all(one == asked[0] for one in asked)


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
