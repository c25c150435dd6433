"""The whole engine: model call, tool calls, model call, until an end.

`advance` is a generator of commits. What it yields is stored, atomically, before it goes on; so nothing happens outside
before its intention is on disk, and any worker can carry a run on from its folded journal by calling `advance` again.
Must not know: databases, sockets, HTTP, clocks, vendors.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from agents.engine import events as ev
from agents.engine.limits import (
    MAX_IDLE_ATTEMPTS,
    STOP_MAX_SECONDS,
    max_seconds_detail,
    reached_limit,
    room_for_output,
)
from agents.engine.ports import EnginePorts, ToolAnswer
from agents.engine.prompt import build_messages
from agents.engine.state import CallState, RunState, StepState
from agents.engine.tool_batch import run_wave, waves
from agents.engine.verdict import Answer, Continue, Failed, Finished, StepResult, Stopped, Waiting, judge, verdict
from llm_providers.errors import ProviderError
from llm_providers.protocol import (
    ModelInterrupted,
    ModelStopped,
    ReasoningDelta,
    TextDelta,
    ToolCallReady,
    UsageSettled,
)


async def advance(state: RunState, ports: EnginePorts) -> AsyncGenerator[Sequence[ev.Event], None]:
    """Carry the run on from `state` to its end. Each yield is one atomic commit of one or several events."""
    if state.ended:
        return
    drive = _Drive(state, ports)
    drive.open()
    while isinstance(drive.result, Continue):
        async with aclosing(drive.next_step()) as step:
            async for commit in step:
                yield commit
    yield drive.close()


def failure_events(state: RunState, *, code: str, detail: str, text: str = "", reasoning: str = "") -> list[ev.Event]:
    """The events that end a run from outside the engine (an internal error), with the open message closed first."""
    closing: list[ev.Event] = []
    step = state.step
    if step is not None and step.finish is None and step.message is not None:
        if reasoning:
            closing.append(ev.ReasoningCompleted(step.message, reasoning))
        closing.append(ev.MessageCompleted(step.message, "assistant", text, "failed"))
    closing.append(ev.RunFailed(code, detail))
    return closing


class _Drive:
    """One pass over a run. Events are folded as soon as they are decided, and leave with the next commit."""

    def __init__(self, state: RunState, ports: EnginePorts) -> None:
        self.state = state
        self.ports = ports
        self.result: StepResult = Continue()
        self._pending: list[ev.Event] = []

    def open(self) -> None:
        if self.state.status == "waiting":
            if self.ports.stop.reason is None:
                self._add(ev.RunResumed(self.state.attempts, "decided"))
                self._take_resolutions()
            return
        attempt = self.state.attempts + 1
        self._add(ev.RunStarted(1) if attempt == 1 else ev.RunResumed(attempt, "recovered"))
        if self.state.idle_attempts > MAX_IDLE_ATTEMPTS:
            self.result = Failed(
                "internal_error",
                f"The run was started {MAX_IDLE_ATTEMPTS} times in a row without getting any further and was given up. "
                "Ask the operator to look into the server's log.",
            )

    def close(self) -> Sequence[ev.Event]:
        """The last commit: whatever is still open, then the one terminal event."""
        match self.result:
            case Finished():
                self._add(ev.RunSucceeded())
            case Stopped() if self.ports.stop.reason == STOP_MAX_SECONDS:
                self._close_open_parts("failed")
                self._add(ev.RunFailed(STOP_MAX_SECONDS, max_seconds_detail(self.ports.spec.limits)))
            case Stopped():
                self._close_open_parts("cancelled")
                self._add(ev.RunCancelled())
            case Failed(code, detail):
                self._close_open_parts("failed")
                self._add(ev.RunFailed(code, detail))
            case Waiting(reason):
                self._add(ev.RunWaiting(reason))
            case Continue():
                raise AssertionError("the loop ends on a result")
        return self._commit()

    async def next_step(self) -> AsyncGenerator[Sequence[ev.Event], None]:
        """Do the next thing that the state asks for; sets `result`."""
        step = self.state.step
        if self.ports.stop.reason is not None:
            self.result = Stopped()
            return
        if step is not None and step.finish is None:
            work = self._call_model(restarted=step)
        elif step is not None and step.unfinished_calls():
            work = self._call_tools(step)
        elif step is not None and step.finish != "tool_calls" and not self.state.unanswered:
            self.result = verdict(step)
            return
        elif (reached := reached_limit(self.state, self.ports.spec.limits)) is not None:
            self.result = Failed(*reached)
            return
        else:
            work = self._call_model(restarted=None)
        async with aclosing(work):
            async for commit in work:
                yield commit
        if isinstance(self.result, Finished):
            await self._hear()
            if self.state.unanswered:
                self.result = Continue()  # the person spoke while the answer was written: it is not the last one

    # --- People --------------------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        """What the person said since becomes part of the journal, and of the next model call."""
        for said in await self.ports.interjections():
            self._add(ev.MessageStarted(said.message, "user", len(self.state.steps)))
            self._add(ev.MessageCompleted(said.message, "user", said.text, "stop"))

    def _request(self, kind: str, call: CallState, prompt: str, options: tuple[str, ...] = ()) -> None:
        decision = self.ports.new_id("dec")
        self._add(ev.DecisionRequested(decision, kind, call.call, prompt, options or None))
        self.result = Waiting("decision")

    def _take_resolutions(self) -> None:
        """What people decided becomes part of the journal, and of the calls that it is about."""
        for decision in self.state.open_decisions:
            made = self.ports.resolutions.get(decision.decision)
            if made is None:
                self.result = Waiting("decision")
                continue
            self._add(ev.DecisionResolved(decision.decision, made.resolution))
            if decision.call is None:
                continue
            match made.resolution:
                case "answer":
                    self._add(ev.ToolCompleted(decision.call, "ok", made.text))
                case "decline":
                    self._add(ev.ToolCompleted(decision.call, "denied", "The person chose not to answer."))
                case "happened":
                    text = made.text or "A person checked it: the call took effect. Its own result is not known."
                    self._add(ev.ToolCompleted(decision.call, "ok", text))
                case "stop":
                    self.result = Stopped()

    # --- The model -----------------------------------------------------------------------------------------------------

    async def _call_model(self, *, restarted: StepState | None) -> AsyncGenerator[Sequence[ev.Event], None]:
        ports, spec = self.ports, self.ports.spec
        await self._hear()
        messages, left_out = build_messages(self.state, spec)
        if restarted is None:
            number = len(self.state.steps) + 1
            self._add(ev.StepStarted(number, spec.model, spec.model_name))
        else:
            number = restarted.number
            dropped = (restarted.message,) if restarted.message is not None else ()
            self._add(ev.StepRestarted(number, restarted.attempt + 1, dropped))
        if left_out > self.state.dropped_messages:
            self._add(ev.ContextCompacted(left_out))
        message = ports.new_id("msg")
        self._add(ev.MessageStarted(message, "assistant", number))
        yield self._commit()

        begun = ports.monotonic()
        answer = Answer()

        def on_text(text: str) -> None:
            if answer.first_token is None:
                answer.first_token = ports.monotonic()
            answer.text.append(text)
            ports.live(message, "text", text)

        stream = ports.model.stream(
            step=number,
            messages=messages,
            tools=ports.tools.definitions(),
            max_output_tokens=room_for_output(self.state, spec.limits),
            on_text=on_text,
        )
        await self._listen(stream, message, answer, on_text)
        self._record(number, message, answer, begun)

    async def _listen(
        self, stream: AsyncIterator[object], message: str, answer: Answer, on_text: Callable[[str], None]
    ) -> None:
        live, reasoning, monotonic = self.ports.live, answer.reasoning, self.ports.monotonic
        try:
            async for event in stream:
                kind = type(event)
                if kind is TextDelta:
                    on_text(event.text)  # type: ignore[attr-defined]
                elif kind is ReasoningDelta:
                    if answer.first_token is None:
                        answer.first_token = monotonic()
                    reasoning.append(event.text)  # type: ignore[attr-defined]
                    live(message, "reasoning", event.text)  # type: ignore[attr-defined]
                elif isinstance(event, ToolCallReady):
                    answer.calls.append(event)
                elif isinstance(event, UsageSettled):
                    answer.usage = event
                elif isinstance(event, ModelStopped):
                    answer.stopped = event
                elif isinstance(event, ModelInterrupted):
                    return
        except ProviderError as error:
            answer.failure = Failed(error.code, error.detail)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()  # closes the vendor's connection whatever happened

    def _record(self, number: int, message: str, answer: Answer, begun: float) -> None:
        finish, result, calls = judge(answer, stop_reason=self.ports.stop.reason)
        self.result = result
        if answer.reasoning:
            self._add(ev.ReasoningCompleted(message, "".join(answer.reasoning)))
        vendor_state = answer.stopped.vendor_state if answer.stopped is not None else None
        self._add(ev.MessageCompleted(message, "assistant", "".join(answer.text), finish, vendor_state))
        refused_calls: list[tuple[str, str]] = []
        for ready in calls:
            call = self.ports.new_id("call")
            self._add(ev.ToolRequested(call, ready.name, ready.arguments or {}, message))
            if (problem := self._problem_of(ready)) is not None:
                refused_calls.append((call, problem))
        if answer.usage is not None:
            self._add_usage(number, message, answer.usage)
        if not isinstance(result, Stopped | Failed):
            now = self.ports.monotonic()
            first = None if answer.first_token is None else _milliseconds(answer.first_token - begun)
            self._add(ev.StepCompleted(number, first, _milliseconds(now - begun)))
        for call, problem in refused_calls:
            self._add(ev.ToolCompleted(call, "error", problem))

    def _add_usage(self, number: int, message: str, settled: UsageSettled) -> None:
        usage, cost = settled.usage, settled.cost
        self._add(
            ev.UsageRecorded(
                number,
                message,
                usage.input_tokens,
                usage.output_tokens,
                usage.reasoning_tokens,
                usage.cached_tokens,
                cost.as_json() if cost is not None else None,
                self.ports.spec.model_name,
            )
        )

    def _problem_of(self, ready: ToolCallReady) -> str | None:
        """Why this call is never executed, in words that help the model to do better; None when it may run."""
        if ready.error is not None or ready.arguments is None:
            return f"The arguments could not be read as a JSON object ({ready.error}). Send the call again with valid JSON."
        if self.ports.tools.effect(ready.name) is None:
            return self._no_such_tool(ready.name)
        return None

    def _no_such_tool(self, name: str) -> str:
        names = ", ".join(tool.name for tool in self.ports.tools.definitions())
        return f'There is no tool called "{name[:100]}". ' + (
            f"You may call: {names}." if names else "You have no tools."
        )

    # --- Tools ---------------------------------------------------------------------------------------------------------

    async def _call_tools(self, step: StepState) -> AsyncGenerator[Sequence[ev.Event], None]:
        ports = self.ports
        unknown = [call for call in step.unfinished_calls() if call.started and not self._repeatable(call)]
        if unknown:  # a predecessor died while they ran; never twice in silence
            for call in unknown:
                self._add(ev.ToolUnknown(call.call))
                self._request(
                    "unknown_outcome",
                    call,
                    f"The server was interrupted while {call.name} was at work, so nobody knows whether it took effect. "
                    "It was not repeated. Check what it did, then decide.",
                )
            return
        for wave in waves([call for call in step.unfinished_calls() if not ports.tools.asks(call.name)]):
            runnable = []
            for call in wave:
                if ports.tools.effect(call.name) is None:  # taken away from the agent since the model asked
                    self._add(ev.ToolCompleted(call.call, "error", self._no_such_tool(call.name)))
                else:
                    runnable.append(call)
                    self._add(ev.ToolStarted(call.call))
            if not runnable:
                continue
            yield self._commit()
            async with aclosing(run_wave(runnable, ports.tools, ports.stop)) as results:
                async for call, outcome, text in results:
                    if self._pending:
                        yield self._commit()  # the last result of a wave waits for what comes next: one commit less
                    self._add(ev.ToolCompleted(call.call, outcome, text))
            if ports.stop.reason is not None:
                return
        self._ask_people([call for call in step.unfinished_calls() if ports.tools.asks(call.name)])

    def _ask_people(self, calls: Sequence[CallState]) -> None:
        """Questions come last and all at once, so that the run waits once and nothing else is left to do meanwhile."""
        for call in calls:
            question = self.ports.tools.question(call.name, call.arguments)
            self._add(ev.ToolStarted(call.call))
            if isinstance(question, ToolAnswer):
                self._add(ev.ToolCompleted(call.call, "error", question.text))
            else:
                self._request("question", call, question.prompt, question.options)

    def _repeatable(self, call: CallState) -> bool:
        return self.ports.tools.effect(call.name) in ("read", "idempotent")

    # --- Commits -------------------------------------------------------------------------------------------------------

    def _close_open_parts(self, finish: ev.Finish) -> None:
        for decision in self.state.open_decisions:
            self._add(ev.DecisionExpired(decision.decision))
        step = self.state.step
        if step is None:
            return
        if step.finish is None and step.message is not None:  # open since before a crash: keep what was saved of it
            text, reasoning = self.ports.saved_text(step.message)
            if reasoning:
                self._add(ev.ReasoningCompleted(step.message, reasoning))
            self._add(ev.MessageCompleted(step.message, "assistant", text, finish))
        for call in step.unfinished_calls():
            if call.started and not self._repeatable(call):
                self._add(ev.ToolUnknown(call.call))
            else:
                self._add(ev.ToolCompleted(call.call, "cancelled", "The run was stopped before this call."))

    def _add(self, event: ev.Event) -> None:
        self.state.apply(event)
        self._pending.append(event)

    def _commit(self) -> Sequence[ev.Event]:
        commit, self._pending = tuple(self._pending), []
        return commit


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
