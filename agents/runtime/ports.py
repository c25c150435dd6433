"""The engine's ports as this product fills them: the provider gateway, the registered tools, the hub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agents.engine.limits import Limits
from agents.engine.ports import Effect, Question, ToolAnswer
from agents.models import Run
from agents.runtime.metrics import TOOL_SECONDS
from agents.runtime.spans import tool_call
from agents.tools.base import Tool, ToolContext
from agents.tools.registry import find_tool
from agents.tools.wrappers import call_tool, describe_problems
from core.clock import now
from core.money import Money
from core.request_context import belongs_to
from core.stop import StopSignal
from core.text_policy import replace_bad
from llm_providers import gateway
from llm_providers.gateway import Recorder, ResolvedModel
from llm_providers.protocol import ChatMessage, GatewayEvent, ToolDefinition

if TYPE_CHECKING:
    from collections.abc import Callable


class GatewayModel:
    """The model of one run, through the one gateway."""

    def __init__(self, run: Run, stop: StopSignal, first: ResolvedModel | None, record: Recorder) -> None:
        self._run, self._stop, self._first, self._record = run, stop, first, record

    def stream(
        self,
        *,
        step: int,
        messages: Sequence[ChatMessage],
        tools: Sequence[ToolDefinition],
        max_output_tokens: int | None,
        on_text: Callable[[str], None],
    ) -> AsyncIterator[GatewayEvent]:
        run = self._run
        belongs_to(step=str(step))
        resolved, self._first = self._first, None  # what was looked up with the claim holds for the first call only
        return gateway.stream_model(
            workspace_id=run.workspace_id,
            model_id=run.version.model_id,
            messages=tuple(messages),
            tools=tuple(tools),
            max_output_tokens=max_output_tokens,
            attribution=gateway.CallAttribution(run=run.id, step=step, agent=run.agent_id, user=run.started_by_id),
            stop=self._stop,
            resolved=resolved,
            record=self._record,
            on_text=on_text,
        )


class AgentTools:
    """The tools that this version of the agent may call; those that are no longer installed are left out."""

    def __init__(self, run: Run, check_lease: Callable[[], None]) -> None:
        self._run, self._check_lease = run, check_lease
        found = {name: find_tool(name) for name in run.version.tools}
        self._tools: dict[str, Tool] = {name: tool for name, tool in found.items() if tool is not None}
        self._definitions = [
            ToolDefinition(tool.spec.name, tool.spec.description, tool.spec.parameters) for tool in self._tools.values()
        ]

    def definitions(self) -> Sequence[ToolDefinition]:
        return self._definitions

    def effect(self, name: str) -> Effect | None:
        tool = self._tools.get(name)
        return tool.spec.effect if tool is not None else None

    def asks(self, name: str) -> bool:
        tool = self._tools.get(name)
        return tool is not None and tool.spec.asks

    def question(self, name: str, arguments: Mapping[str, Any]) -> Question | ToolAnswer:
        problem = describe_problems(self._tools[name], arguments)
        if problem is not None:
            return ToolAnswer(problem, is_error=True)
        return Question(
            replace_bad(str(arguments["question"])), tuple(map(replace_bad, arguments.get("options") or ()))
        )

    async def call(self, *, call: str, name: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        self._check_lease()
        run = self._run
        tool = self._tools[name]
        context = ToolContext(call, run.id, run.workspace_id, run.agent_id, run.started_by_id, now())
        with TOOL_SECONDS.time(), tool_call(run, tool.spec, call, arguments) as span:
            result = await call_tool(tool, arguments, context)
            if span is not None:
                span.answered(result)
        return ToolAnswer(result.text, result.is_error)


def limits_of(run: Run) -> Limits:
    """The version's limits, with the defaults for what it leaves open."""
    given, standard = run.version.limits or {}, Limits()
    return Limits(
        max_steps=given.get("max_steps") or standard.max_steps,
        max_tokens=given.get("max_tokens"),
        max_seconds=given.get("max_seconds") or standard.max_seconds,
        max_cost=Money(Decimal(cost["amount"]), cost["currency"]) if (cost := given.get("max_cost")) else None,
    )
