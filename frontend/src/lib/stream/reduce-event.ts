// How each event changes what is known of a run. Unknown events change nothing: they stay in the log.
import type { Finish, Money, Outcome, RunEvent, RunStatus, Usage } from "@/lib/api/types";
import { codePoints } from "./code-points";
import type { CallState, DecisionState, MessageState, RunState, StepState } from "./run-state";

const str = (value: unknown): string | null => (typeof value === "string" ? value : null);
const num = (value: unknown): number | null => (typeof value === "number" ? value : null);

function withMessage(state: RunState, id: string, change: (message: MessageState) => MessageState, at: string): RunState {
  const known = state.messages[id];
  const base: MessageState = known ?? {
    id, role: "assistant", step: state.steps.at(-1)?.step ?? null, phase: "open", finish: null, text: "", length: 0, reasoning: "", reasoningLength: 0,
    startedAt: at, completedAt: null, reasoningEndedAt: null,
  };
  return { ...state, order: known ? state.order : [...state.order, id], messages: { ...state.messages, [id]: change(base) } };
}

function withCall(state: RunState, id: string, change: (call: CallState) => CallState): RunState {
  const known = state.calls[id];
  return known ? { ...state, calls: { ...state.calls, [id]: change(known) } } : state;
}

function withDecision(state: RunState, id: string | null, change: Partial<DecisionState>): RunState {
  const known = id === null ? undefined : state.decisions[id];
  return known ? { ...state, decisions: { ...state.decisions, [known.id]: { ...known, ...change } } } : state;
}

const waitedUntil = (state: RunState, at: string): RunState["waits"] => state.waits.map((one) => (one.to === null ? { ...one, to: at } : one));

function withStep(state: RunState, step: number | null, change: (step: StepState) => StepState): RunState {
  return { ...state, steps: state.steps.map((one) => (one.step === step ? change(one) : one)) };
}

function ended(state: RunState, status: RunStatus, at: string, error: RunState["error"] = null): RunState {
  const left: Finish = status === "cancelled" ? "cancelled" : "failed";
  const messages = Object.fromEntries(Object.entries(state.messages).map(([id, m]) =>
    [id, m.phase === "open" ? { ...m, phase: "completed" as const, finish: left, completedAt: at } : m]));
  const decisions = Object.fromEntries(Object.entries(state.decisions).map(([id, one]) =>
    [id, one.status === "open" ? { ...one, status: "expired" as const, decidedAt: at } : one]));
  return { ...state, status, endedAt: at, error, messages, decisions, waits: waitedUntil(state, at), caughtUp: true };
}

function addUsage(a: Usage | null, b: Usage): Usage {
  const sum = (x?: number, y?: number) => (x ?? 0) + (y ?? 0);
  return {
    input_tokens: sum(a?.input_tokens, b.input_tokens), output_tokens: sum(a?.output_tokens, b.output_tokens),
    reasoning_tokens: sum(a?.reasoning_tokens, b.reasoning_tokens), cached_tokens: sum(a?.cached_tokens, b.cached_tokens),
  };
}

/** Sums decimal strings without losing the unknown: one missing price makes the total unknown. */
function addMoney(state: RunState, cost: Money): Pick<RunState, "cost" | "costKnown"> {
  if (!cost || !state.costKnown) return { cost: null, costKnown: false };
  const sum = Number(state.cost?.amount ?? 0) + Number(cost.amount);
  return { cost: { amount: String(Number(sum.toFixed(10))), currency: cost.currency }, costKnown: true };
}

export function applyEvent(state: RunState, event: RunEvent, at: string): RunState {
  const message = str(event.message);
  const call = str(event.call);
  const step = num(event.step);
  switch (event.type) {
    case "run.queued": {
      const input = event.input as { message?: unknown; text?: unknown; mode?: unknown } | null | undefined;
      const continues = event.continues as { run?: unknown; seq?: unknown } | null | undefined;
      return {
        ...state, status: "queued", queuedAt: at, version: num(event.version), draft: event.draft === true,
        agent: str(event.agent) ? { id: String(event.agent), name: str(event.agent_name) ?? "" } : state.agent,
        conversation: str(event.conversation), modelName: str(event.model_name) ?? state.modelName, requestId: str(event.request_id),
        input: input ? { message: str(input.message) ?? "", text: str(input.text) ?? "", interrupts: input.mode === "interrupt" } : state.input,
        continues: continues ? { run: str(continues.run) ?? "", seq: num(continues.seq) ?? 1 } : state.continues,
      };
    }
    case "run.started":
      return { ...state, status: "running", startedAt: state.startedAt ?? at, attempt: num(event.attempt) ?? state.attempt };
    case "run.waiting":
      return { ...state, status: "waiting", waits: [...state.waits, { from: at, to: null }] };
    case "run.resumed": {
      const attempt = num(event.attempt) ?? state.attempt;
      const reason = str(event.reason);
      // Going on because somebody decided is no restart.
      const resumed = state.resumed || (reason !== "decided" && attempt > 1);
      return { ...state, status: "running", attempt, resumed, resumeReason: reason, waits: waitedUntil(state, at) };
    }
    case "step.started": {
      if (step === null || state.steps.some((one) => one.step === step)) return { ...state, modelName: str(event.model_name) ?? state.modelName };
      const fresh: StepState = { step, modelName: str(event.model_name), startedAt: at, endedAt: null, firstTokenMs: null, attempt: 1, restarts: [], usage: null, cost: null };
      return { ...state, modelName: fresh.modelName ?? state.modelName, steps: [...state.steps, fresh] };
    }
    case "step.restarted": {
      const dropped = new Set(Array.isArray(event.dropped) ? event.dropped.map(String) : []);
      const attempt = num(event.attempt) ?? state.attempt + 1;
      const messages = { ...state.messages };
      dropped.forEach((id) => {
        const old = messages[id];
        if (old) messages[id] = { ...old, phase: "dropped", text: "", length: 0, reasoning: "", reasoningLength: 0 };
      });
      const next = { ...state, messages, order: state.order.filter((id) => !dropped.has(id)), attempt: Math.max(attempt, state.attempt), resumed: true };
      return withStep(next, step, (one) => ({ ...one, attempt, restarts: [...one.restarts, { at, attempt }] }));
    }
    case "step.completed":
      return withStep(state, step, (one) => ({ ...one, endedAt: at, firstTokenMs: num(event.first_token_ms) ?? one.firstTokenMs }));
    case "message.started":
      // What a person said comes whole, with its completion.
      return message && event.role !== "user" && !state.messages[message]
        ? withMessage(state, message, (one) => ({ ...one, step: step ?? one.step }), at) : state;
    case "message.completed": {
      if (!message || state.messages[message]?.phase === "dropped") return state;
      const text = str(event.text) ?? "";
      return withMessage(state, message, (one) => ({
        ...one, role: event.role === "user" ? "user" : "assistant", phase: "completed", finish: (str(event.finish) as Finish | null) ?? "stop", text, length: codePoints(text), completedAt: at,
      }), at);
    }
    case "reasoning.completed": {
      if (!message || !state.messages[message]) return state;
      const text = str(event.text) ?? "";
      return withMessage(state, message, (one) => ({ ...one, reasoning: text, reasoningLength: codePoints(text), reasoningEndedAt: at }), at);
    }
    case "tool.requested":
      if (!call || state.calls[call]) return state;
      return {
        ...state, callOrder: [...state.callOrder, call],
        calls: { ...state.calls, [call]: {
          call, name: str(event.name) ?? "tool", arguments: event.arguments ?? {}, message: message ?? state.order.at(-1) ?? null,
          step: step ?? state.steps.at(-1)?.step ?? null, phase: "requested", outcome: null, result: null,
          requestedAt: at, startedAt: null, completedAt: null,
        } },
      };
    case "tool.started":
      return call ? withCall(state, call, (one) => (
        // After an unknown outcome a person had it run again: its time counts anew.
        { ...one, phase: "running", outcome: null, result: null, startedAt: one.phase === "unknown" ? at : one.startedAt ?? at, completedAt: null }
      )) : state;
    case "tool.completed":
      return call ? withCall(state, call, (one) => ({
        ...one, phase: "completed", outcome: (str(event.outcome) as Outcome | null) ?? "ok", result: event.result, completedAt: at,
      })) : state;
    case "tool.unknown":
      return call ? withCall(state, call, (one) => ({ ...one, phase: "unknown", outcome: "unknown" })) : state;
    case "decision.requested": {
      const id = str(event.decision);
      if (!id || state.decisions[id]) return state;
      const options = Array.isArray(event.options) ? event.options.filter((one): one is string => typeof one === "string") : [];
      const asked: DecisionState = { id, kind: str(event.kind) ?? "", call, prompt: str(event.prompt) ?? "", options, status: "open", resolution: null, askedAt: at, decidedAt: null };
      return { ...state, decisionOrder: [...state.decisionOrder, id], decisions: { ...state.decisions, [id]: asked } };
    }
    case "decision.resolved":
      return withDecision(state, str(event.decision), { status: "resolved", resolution: str(event.resolution), decidedAt: at });
    case "decision.expired":
      return withDecision(state, str(event.decision), { status: "expired", decidedAt: at });
    case "usage.recorded": {
      const usage: Usage = {
        input_tokens: num(event.input_tokens) ?? 0, output_tokens: num(event.output_tokens) ?? 0,
        reasoning_tokens: num(event.reasoning_tokens) ?? 0, cached_tokens: num(event.cached_tokens) ?? 0,
      };
      const cost = (event.cost ?? null) as Money;
      const next = { ...state, usage: addUsage(state.usage, usage), ...addMoney(state, cost) };
      return withStep(next, step, (one) => ({ ...one, usage: addUsage(one.usage, usage), cost }));
    }
    case "context.compacted":
      return { ...state, compacted: state.compacted + (num(event.dropped_messages) ?? 0) };
    case "run.succeeded":
      return ended(state, "succeeded", at);
    case "run.cancelled":
      return ended(state, "cancelled", at);
    case "run.failed":
      return ended(state, "failed", at, { code: str(event.code) ?? "internal_error", detail: str(event.detail) ?? "" });
    default:
      return state;
  }
}
