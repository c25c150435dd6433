// The chat as it is read: one turn per run, whether it comes from saved messages or from the live stream.
import type { Finish, Message, MessageCall, Mode, Money, Run, RunStatus, Usage } from "@/lib/api/types";
import type { CallState, RunState } from "@/lib/stream/run-state";

export type CallView = {
  call: string; name: string; arguments: unknown; result: unknown;
  state: "requested" | "running" | "ok" | "error" | "denied" | "cancelled" | "unknown";
  startedAt: string | null; completedAt: string | null;
};
export type Part =
  | { kind: "reasoning"; id: string; text: string; open: boolean; ms: number | null }
  | { kind: "text"; id: string; text: string; open: boolean; finish: Finish | null }
  | { kind: "calls"; id: string; calls: CallView[] };
/** `interrupts` is null where saved messages cannot tell: only the run's journal keeps how a message was sent. */
export type Turn = {
  run: string; at: string | null; question: string | null; interrupts: boolean | null; sending: boolean; parts: Part[]; live: boolean; loaded: boolean; caughtUp: boolean;
  status: RunStatus; attempt: number; resumed: boolean; error: { code: string; detail: string } | null; finish: Finish | null;
  agent: { id: string; name: string } | null; version: number | null; draft: boolean; modelName: string | null;
  cost: Money; usage: Usage | null; startedAt: string | null; endedAt: string | null; compacted: number;
};

const liveCall = (call: CallState, over: boolean): CallView => ({
  call: call.call, name: call.name, arguments: call.arguments, result: call.result,
  state: call.phase === "completed" ? (call.outcome ?? "ok") : call.phase === "unknown" || (over && call.phase === "running") ? "unknown" : over ? "cancelled" : call.phase,
  startedAt: call.startedAt, completedAt: call.completedAt,
});

const savedCall = (call: MessageCall): CallView => ({
  call: call.call, name: call.name, arguments: call.arguments, result: call.result,
  state: call.outcome ?? (call.started_at ? "unknown" : "cancelled"), startedAt: call.started_at ?? null, completedAt: call.completed_at ?? null,
});

export function turnFromRun(state: RunState, fallback?: { text: string; at: string; mode?: Mode }): Turn {
  const over = state.endedAt !== null;
  const parts: Part[] = [];
  let finish: Finish | null = null;
  const placed = new Set<string>();
  for (const id of state.order) {
    const message = state.messages[id];
    if (!message) continue;
    const open = message.phase === "open";
    if (message.reasoning) {
      const end = message.reasoningEndedAt ?? message.completedAt;
      parts.push({ kind: "reasoning", id: `${id}-r`, text: message.reasoning, open: open && !message.text, ms: end ? Date.parse(end) - Date.parse(message.startedAt) : null });
    }
    if (message.text) parts.push({ kind: "text", id, text: message.text, open, finish: message.finish });
    if (!open) finish = message.finish;
    const calls = state.callOrder.flatMap((call) => {
      const one = state.calls[call];
      if (!one || one.message !== id) return [];
      placed.add(call);
      return [liveCall(one, over)];
    });
    if (calls.length) parts.push({ kind: "calls", id: `${id}-c`, calls });
  }
  const loose = state.callOrder.filter((call) => !placed.has(call)).flatMap((call) => (state.calls[call] ? [liveCall(state.calls[call], over)] : []));
  if (loose.length) parts.push({ kind: "calls", id: `${state.run}-c`, calls: loose });
  return {
    run: state.run, at: state.queuedAt ?? fallback?.at ?? null, question: state.input?.text ?? fallback?.text ?? null, interrupts: state.input?.interrupts ?? fallback?.mode === "interrupt", sending: false, parts,
    live: !over, loaded: state.loaded, caughtUp: state.caughtUp, status: state.status, attempt: state.attempt, resumed: state.resumed, error: state.error, finish,
    agent: state.agent, version: state.version, draft: state.draft, modelName: state.modelName, cost: state.cost, usage: state.usage,
    startedAt: state.startedAt ?? state.queuedAt, endedAt: state.endedAt, compacted: state.compacted,
  };
}

function turnFromMessages(id: string, messages: Message[], run: Run | undefined): Turn {
  const parts: Part[] = [];
  for (const message of messages) {
    if (message.role === "user") continue;
    if (message.reasoning) parts.push({ kind: "reasoning", id: `${message.id}-r`, text: message.reasoning, open: false, ms: null });
    if (message.text) parts.push({ kind: "text", id: message.id, text: message.text, open: false, finish: message.finish || null });
    if (message.tool_calls?.length) parts.push({ kind: "calls", id: `${message.id}-c`, calls: message.tool_calls.map(savedCall) });
  }
  const question = messages.find((message) => message.role === "user");
  const answer = messages.findLast((message) => message.role === "assistant");
  const attempt = Math.max(run?.attempts ?? 1, ...messages.map((message) => message.attempt ?? 1));
  return {
    run: id, at: run?.created_at ?? messages[0]?.at ?? null, question: question?.text ?? null, interrupts: null, sending: false, parts, live: false, loaded: true, caughtUp: true,
    status: run?.status ?? "succeeded", attempt, resumed: attempt > 1, error: run?.error ?? null, finish: answer?.finish || null,
    agent: run?.agent ?? answer?.agent ?? null, version: run?.version ?? answer?.agent?.version ?? null, draft: run?.draft ?? answer?.agent?.draft ?? false,
    modelName: run?.model_name ?? answer?.model_name ?? null, cost: run ? run.cost : (answer?.cost ?? null), usage: run?.usage ?? answer?.usage ?? null,
    startedAt: run?.started_at ?? null, endedAt: run?.ended_at ?? null, compacted: 0,
  };
}

export function turnsFromPage(messages: Message[], runs: Record<string, Run>): Turn[] {
  const groups = new Map<string, Message[]>();
  for (const message of messages) {
    const group = groups.get(message.run);
    if (group) group.push(message); else groups.set(message.run, [message]);
  }
  // A run that ended before it said anything still has its question, or at least its reason.
  return [...groups].map(([id, group]) => turnFromMessages(id, group, runs[id]));
}

/** Saved turns, with the live ones in the place of their saved form; in the order in which they were asked. */
export function mergeTurns(saved: Turn[], live: Turn[]): Turn[] {
  const liveByRun = new Map(live.map((turn) => [turn.run, turn]));
  const merged = saved.map((turn) => {
    const newer = liveByRun.get(turn.run);
    liveByRun.delete(turn.run);
    return newer?.loaded ? newer : turn;
  });
  const all = [...merged, ...liveByRun.values()];
  return all.map((turn, i) => ({ turn, i })).sort((a, b) => (order(a.turn) - order(b.turn)) || (a.i - b.i)).map(({ turn }) => turn);
}
const order = (turn: Turn): number => (turn.at ? Date.parse(turn.at) : Number.MAX_SAFE_INTEGER);

/** Two servers' clocks may differ by this much; a wider net only costs a question to the journal. */
const SKEW_MS = 5_000;

/** Whether a message stopped the answer above it. "ask": the runs look as if it may have, and their journal knows. */
export function interruptedAbove(turn: Turn, above: Turn | undefined): boolean | "ask" {
  if (turn.interrupts === false || !above || !(above.live || above.status === "cancelled")) return false;
  if (turn.interrupts) return true;
  // What was sent after the end above stopped nothing.
  const ended = above.endedAt === null ? Infinity : Date.parse(above.endedAt);
  return turn.at !== null && ended + SKEW_MS >= Date.parse(turn.at) ? "ask" : false;
}
