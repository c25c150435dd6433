// A run as bars on a time line: waiting, steps, model calls, tools, and the marks where it was taken up again.
import type { Money, Usage } from "@/lib/api/types";
import { openDecisions, type CallState, type LoggedEvent, type RunState, type StepState } from "@/lib/stream/run-state";

export type SpanKind = "wait" | "person" | "said" | "step" | "model" | "tool" | "restart" | "end";
export type SpanState = "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "unknown" | "queued";
export type Span = {
  id: string; kind: SpanKind; depth: 0 | 1; label: string; start: number; end: number | null; state: SpanState;
  firstToken: number | null; step: number | null; call: CallState | null; model: string | null;
  usage: Usage | null; cost: Money; texts: { id: string; text: string; reasoning: string; finish: string | null }[]; events: LoggedEvent[]; note: string | null;
};

const ms = (at: string | null): number | null => (at ? Date.parse(at) : null);
const blank = { firstToken: null, step: null, call: null, model: null, usage: null, cost: null, texts: [], note: null };

function toolSpan(state: RunState, call: CallState, title: (name: string) => string): Span {
  const over = state.endedAt !== null;
  // Somebody who would rather not answer is no error.
  const declined = Object.values(state.decisions).some((one) => one.call === call.call && one.resolution === "decline");
  const spanState: SpanState = call.phase === "completed" ? (call.outcome === "ok" ? "succeeded" : call.outcome === "cancelled" || declined ? "cancelled" : call.outcome === "unknown" ? "unknown" : "failed")
    : call.phase === "unknown" || (over && call.phase === "running") ? "unknown" : over ? "cancelled" : call.phase === "running" ? (openDecisions(state).some((one) => one.call === call.call) ? "waiting" : "running") : "queued";
  const start = ms(call.startedAt) ?? ms(call.requestedAt) ?? 0;
  return {
    ...blank, id: `tool-${call.call}`, kind: "tool", depth: 1, label: title(call.name), start, end: ms(call.completedAt) ?? (over ? ms(state.endedAt) : null), state: spanState,
    step: call.step, call, events: state.log.filter((row) => row.event.call === call.call),
  };
}

function modelSpan(state: RunState, step: StepState): Span {
  const start = Date.parse(step.startedAt);
  const messages = state.order.flatMap((id) => { const one = state.messages[id]; return one && one.role === "assistant" && one.step === step.step ? [one] : []; });
  const lastDone = messages.map((one) => ms(one.completedAt)).findLast((at) => at !== null) ?? null;
  const end = ms(step.endedAt) ?? lastDone ?? ms(state.endedAt);
  const failed = state.status === "failed" && step.step === state.steps.at(-1)?.step && !step.endedAt;
  const stopped = state.status === "cancelled" && step.step === state.steps.at(-1)?.step && !step.endedAt;
  return {
    ...blank, id: `model-${step.step}`, kind: "model", depth: 1, label: step.modelName ?? "Model call", start, end, model: step.modelName, step: step.step,
    state: end === null ? "running" : failed ? "failed" : stopped ? "cancelled" : "succeeded",
    firstToken: step.firstTokenMs === null ? null : start + step.firstTokenMs, usage: step.usage, cost: step.cost,
    texts: messages.map((one) => ({ id: one.id, text: one.text, reasoning: one.reasoning, finish: one.finish })),
    events: state.log.filter((row) => !row.event.call && (row.event.step === step.step || messages.some((one) => one.id === row.event.message))),
    note: failed ? (state.error?.detail ?? null) : null,
  };
}

/** Where the run waited for people, and what they said to it meanwhile. */
function peopleSpans(state: RunState): Span[] {
  const waits = state.waits.map((wait, i): Span => ({
    ...blank, id: `person-${i}`, kind: "person", depth: 0, label: "Waited for a person", start: Date.parse(wait.from), end: ms(wait.to), state: wait.to === null ? "waiting" : "succeeded",
    events: state.log.filter((row) => (row.event.type.startsWith("decision.") || row.event.type === "run.waiting" || row.event.type === "run.resumed") && row.at >= wait.from && (wait.to === null || row.at <= wait.to)),
  }));
  const said = state.order.flatMap((id): Span[] => {
    const message = state.messages[id];
    if (message?.role !== "user") return [];
    const at = Date.parse(message.startedAt);
    return [{ ...blank, id: `said-${id}`, kind: "said", depth: 0, label: "The person said", start: at, end: at, state: "succeeded", note: message.text, events: state.log.filter((row) => row.event.message === id) }];
  });
  return [...waits, ...said];
}

/** Rows of steps stay together; what people did stands before the first step that began after it. */
function inOrder(groups: Span[][], people: Span[]): Span[] {
  const all = [...groups, ...people.map((one) => [one])];
  return all.map((group, i) => ({ group, i })).sort((a, b) => ((a.group[0]?.start ?? 0) - (b.group[0]?.start ?? 0)) || (a.i - b.i)).flatMap(({ group }) => group);
}

export function spansOf(state: RunState, title: (name: string) => string = (name) => name.replaceAll("_", " ")): Span[] {
  const spans: Span[] = [];
  const queued = ms(state.queuedAt);
  const started = ms(state.startedAt);
  if (queued !== null && (started === null || started - queued >= 20)) {
    spans.push({ ...blank, id: "wait", kind: "wait", depth: 0, label: "Waited to start", start: queued, end: started ?? ms(state.endedAt), state: started === null && !state.endedAt ? "queued" : "succeeded", events: state.log.filter((row) => row.event.type === "run.queued" || row.event.type === "run.started") });
  }
  const groups: Span[][] = [];
  for (const step of state.steps) {
    const model = modelSpan(state, step);
    const tools = state.callOrder.flatMap((id) => { const call = state.calls[id]; return call && call.step === step.step ? [toolSpan(state, call, title)] : []; });
    const restarts: Span[] = step.restarts.map((restart, i) => ({
      ...blank, id: `restart-${step.step}-${i}`, kind: "restart", depth: 1, label: `Taken up again, attempt ${restart.attempt}`, start: Date.parse(restart.at), end: Date.parse(restart.at), state: "unknown", step: step.step,
      events: state.log.filter((row) => row.event.type === "step.restarted" && row.event.step === step.step), note: "The process that ran this step went away. The step began again; its unfinished text was dropped.",
    }));
    const children = [model, ...restarts, ...tools].sort((a, b) => a.start - b.start);
    const open = children.some((child) => child.end === null);
    const worst: SpanState = children.find((child) => child.state === "failed")?.state ?? (open ? (state.status === "waiting" ? "waiting" : "running") : children.find((child) => child.state === "cancelled")?.state ?? "succeeded");
    groups.push([{
      ...blank, id: `step-${step.step}`, kind: "step", depth: 0, label: `Step ${step.step}`, start: model.start, end: open ? null : Math.max(...children.map((child) => child.end ?? 0)), state: worst, step: step.step,
      usage: step.usage, cost: step.cost, events: state.log.filter((row) => row.event.step === step.step),
    }, ...children]);
  }
  spans.push(...inOrder(groups, peopleSpans(state)));
  if (state.status === "failed" && !spans.some((span) => span.kind === "model" && span.state === "failed")) {
    const at = ms(state.endedAt) ?? 0;
    spans.push({ ...blank, id: "end", kind: "end", depth: 0, label: "Failed", start: at, end: at, state: "failed", events: state.log.slice(-1), note: state.error?.detail ?? null });
  }
  return spans;
}

/** From the first to the last moment on the line; while running, up to now. */
export function extent(state: RunState, spans: Span[], now: number): { from: number; to: number } {
  const from = ms(state.queuedAt) ?? spans[0]?.start ?? now;
  const to = ms(state.endedAt) ?? Math.max(now, ...spans.map((span) => span.end ?? now));
  return { from, to: Math.max(to, from + 1) };
}

export function ticks(length: number, wanted = 5): number[] {
  const raw = length / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw) ?? raw;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => i * step);
}
