"""Runs the tool calls of one answer side by side, and hands their results back in the order they were asked for.

Must not know: which tools exist, approval, time limits, output limits (wrappers around the tools), or the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from agents.engine.events import ToolOutcome
from agents.engine.ports import StopRequests, ToolPort
from agents.engine.state import CallState

#: Calls that run at the same time. The rest of an answer's calls wait, not even marked as started.
PARALLEL_CALLS = 8
#: How long a cancelled tool may take to clean up before it is left behind, in seconds.
CANCEL_GRACE = 2.0


def waves(calls: Sequence[CallState]) -> list[Sequence[CallState]]:
    """The calls in groups that may run together, in order."""
    return [calls[start : start + PARALLEL_CALLS] for start in range(0, len(calls), PARALLEL_CALLS)]


async def run_wave(
    calls: Sequence[CallState], tools: ToolPort, stop: StopRequests
) -> AsyncGenerator[tuple[CallState, ToolOutcome, str], None]:
    """Run these calls at once; yield (call, outcome, text for the model) in their order.

    A requested stop cancels what still runs: those calls come out as "cancelled", finished ones keep their result.
    """
    tasks = [asyncio.create_task(_run_call(call, tools)) for call in calls]
    try:
        for call, task in zip(calls, tasks, strict=True):
            if not task.done() and stop.reason is None:
                async with stop.interrupts():
                    await asyncio.wait({task})
            if task.done() and not task.cancelled():
                yield call, *task.result()
            else:
                await _cancel(tasks)
                yield call, "cancelled", "Stopped before it finished; whatever it did until then is not undone."
    finally:
        await _cancel(tasks)


async def _run_call(call: CallState, tools: ToolPort) -> tuple[ToolOutcome, str]:
    try:
        answer = await tools.call(call=call.call, name=call.name, arguments=call.arguments)
    except Exception as error:  # a tool must never take the run with it; the wrapper has logged what is worth logging
        return "error", f"The tool failed: {type(error).__name__}."
    return ("error" if answer.is_error else "ok"), answer.text


async def _cancel(tasks: Sequence[asyncio.Task[tuple[ToolOutcome, str]]]) -> None:
    open_tasks = [task for task in tasks if not task.done()]
    for task in open_tasks:
        task.cancel()
    if open_tasks:
        await asyncio.wait(open_tasks, timeout=CANCEL_GRACE)
