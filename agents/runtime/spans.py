"""What a run tells to whoever watches from outside: one trace for each run, wherever and however often it is carried on.

    start run                     where it was started, with links to and from the request
      job run                     each time a process takes it up: the first time, after a decision, after a crash
        invoke_agent <agent>
          chat <model>            llm_providers.spans
          execute_tool <tool>

By the GenAI conventions, version 1.41.0. Made only when a tracer was set (`core.tracing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from agents.engine import events as ev
from agents.engine.state import RunState
from agents.models import Run
from agents.runtime.loading import ClaimedRun
from agents.tools.base import ToolResult, ToolSpec
from core import tracing
from core.clock import now
from core.db import after_commit
from core.tracing import Span, traced
from llm_providers.spans import MAX_TEXT, provider_name


def announce_run(run: Run, *, agent_name: str) -> None:
    """Within the transaction that starts it: the root of its trace, once it is committed."""
    if tracing.tracer() is not None:
        after_commit(lambda: _begin_trace(run, agent_name))


def _begin_trace(run: Run, agent_name: str) -> None:
    tracer, asked = tracing.tracer(), tracing.current_span()
    if tracer is None:
        return
    facts = {
        "aap.run.id": run.id,
        "aap.workspace.id": run.workspace_id,
        "aap.request.id": run.request_id,
        "user.id": run.started_by_id,
        "gen_ai.conversation.id": run.conversation_id,
        "gen_ai.agent.id": run.agent_id,
        "gen_ai.agent.name": agent_name,
    }
    root = tracer.begin_run("start run", "producer", run.id, facts, first=True)
    if asked is not None:
        root.link(asked)
        asked.link(root)
    root.end()


@contextmanager
def carrying(claimed: ClaimedRun) -> Iterator[Span | None]:
    """Around everything that a process does for a run that it has taken up."""
    run = claimed.run
    with traced(lambda tracer: tracer.begin_run("job run", "consumer", run.id, _job(run), first=False)) as job:
        name = claimed.agent_name
        title = f"invoke_agent {name}" if name else "invoke_agent"
        with traced(lambda tracer: tracer.begin(title, "internal", _invocation(claimed), job)) as span:
            try:
                yield span
            finally:
                if span is not None:
                    span.note(_totals(claimed.state))


def note_events(span: Span | None, events: Sequence[ev.Event]) -> None:
    """What these events say of how the run stands."""
    if span is None:
        return
    for event in events:
        match event:
            case ev.RunResumed():
                span.note({"aap.run.resumed": event.reason})
            case ev.RunWaiting():
                span.note({"aap.run.status": "waiting"})
            case ev.RunSucceeded():
                span.note({"aap.run.status": "succeeded"})
            case ev.RunCancelled():
                span.note({"aap.run.status": "cancelled"})
            case ev.RunFailed():
                span.note({"aap.run.status": "failed"})
                span.fail(event.code)


@contextmanager
def tool_call(run: Run, spec: ToolSpec, call: str, arguments: Mapping[str, Any]) -> Iterator[ToolSpan | None]:
    """Around one call of a tool."""

    def begin(tracer: tracing.Tracer) -> Span:
        facts = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": spec.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": call,
            "gen_ai.tool.description": spec.description,
            "gen_ai.conversation.id": run.conversation_id,
            "gen_ai.tool.call.arguments": dict(arguments) if tracer.with_content else None,
        }
        return tracer.begin(f"execute_tool {spec.name}", "internal", facts, tracing.current_span())

    with traced(begin) as span:
        yield ToolSpan(span) if span is not None else None


class ToolSpan:
    def __init__(self, span: Span) -> None:
        self._span = span

    def answered(self, result: ToolResult) -> None:
        tracer = tracing.tracer()
        if tracer is not None and tracer.with_content:
            self._span.note({"gen_ai.tool.call.result": result.text[:MAX_TEXT]})
        if result.is_error:
            self._span.fail("tool_error")


def _job(run: Run) -> dict[str, Any]:
    waited = (now() - run.created_at).total_seconds() if not run.attempts else None
    return {"aap.job.kind": "run", "aap.job.queued_seconds": waited, "aap.lease.epoch": run.lease_epoch}


def _invocation(claimed: ClaimedRun) -> dict[str, Any]:
    run, model = claimed.run, claimed.model
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": provider_name(model.kind) if model is not None else None,
        "gen_ai.request.model": model.name if model is not None else None,
        "gen_ai.agent.id": run.agent_id,
        "gen_ai.agent.name": claimed.agent_name or None,
        "gen_ai.agent.version": str(run.version.number) if run.version.number is not None else "draft",
        "gen_ai.conversation.id": run.conversation_id,
    }


def _totals(state: RunState) -> dict[str, Any]:
    """Of the whole run so far, not of this process alone."""
    return {
        "gen_ai.usage.input_tokens": state.input_tokens,
        "gen_ai.usage.output_tokens": state.output_tokens,
        "aap.run.steps": len(state.steps),
    }
