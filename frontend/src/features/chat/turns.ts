// The chat as it is read: one turn per run, whether it comes from saved messages or from the live stream.
import { askedIn, type Asked } from "@/components/decisions/asked";
import type { Finish, Message, MessageCall, Mode, Money, Run, RunStatus, Usage } from "@/lib/api/types";
import type { CallState, DecisionState, RunState } from "@/lib/stream/run-state";

export type CallView = {
  call: string; name: string; arguments: unknown; result: unknown;
  state: "requested" | "running" | "ok" | "error" | "denied" | "cancelled" | "unknown";
  startedAt: string | null; completedAt: string | null;
};
export type Part =
  | { kind: "reasoning"; id: string; text: string; open: boolean; ms: number | null }
  | { kind: "text"; id: string; text: string; open: boolean; finish: Finish | null }
  | { kind: "calls"; id: string; calls: CallView[] }
  | { kind: "said"; id: string; text: string; pending: Pending | null }
  | { kind: "decision"; id: string; asked: Asked; open: boolean };
/** How far a message to a run that goes on has come: on its way, kept for the next step, or too late for this run. */
export type Pending = "sending" | "kept" | "late";
/** `interrupts` is null where saved messages cannot tell: only the run's journal keeps how a message was sent. */
export type Turn = {
  run: string; at: string | null; question: string | null; interrupts: boolean | null; sending: boolean; parts: Part[]; live: boolean; loaded: boolean; caughtUp: boolean;
  status: RunStatus; attempt: number; resumed: boolean; error: { code: string; detail: string } | null; finish: Finish | null;
  agent: { id: string; name: string } | null; version: number | null; draft: boolean; modelName: string | null;
  cost: Money; usage: Usage | null; startedAt: string | null; endedAt: string | null; compacted: number;
  continues: { run: string; seq: number } | null;
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

const asks = (state: RunState, decision: DecisionState): Part => ({ kind: "decision", id: decision.id, asked: askedIn(state, decision), open: decision.status === "open" });

/** The calls of a message as rows. One that a person has to decide about is a card instead, until it is decided. */
function callParts(state: RunState, id: string, calls: string[], over: boolean): Part[] {
  const decisions = state.decisionOrder.flatMap((one) => { const known = state.decisions[one]; return known?.call && calls.includes(known.call) ? [known] : []; });
  const asked = new Set(decisions.filter((one) => one.status === "open").map((one) => one.call));
  const rows = calls.flatMap((call) => { const one = state.calls[call]; return one && !asked.has(call) ? [liveCall(one, over)] : []; });
  return [...(rows.length ? [{ kind: "calls" as const, id, calls: rows }] : []), ...decisions.map((one) => asks(state, one))];
}

type Fallback = { text: string | null; at: string; mode?: Mode; continues?: Turn["continues"] };

export function turnFromRun(state: RunState, fallback?: Fallback): Turn {
  const over = state.endedAt !== null;
  const parts: Part[] = [];
  let finish: Finish | null = null;
  const placed = new Set<string>();
  for (const id of state.order) {
    const message = state.messages[id];
    if (!message) continue;
    if (message.role === "user") { parts.push({ kind: "said", id, text: message.text, pending: null }); continue; }
    const open = message.phase === "open";
    if (message.reasoning) {
      const end = message.reasoningEndedAt ?? message.completedAt;
      parts.push({ kind: "reasoning", id: `${id}-r`, text: message.reasoning, open: open && !message.text, ms: end ? Date.parse(end) - Date.parse(message.startedAt) : null });
    }
    if (message.text) parts.push({ kind: "text", id, text: message.text, open, finish: message.finish });
    if (!open) finish = message.finish;
    const calls = state.callOrder.filter((call) => state.calls[call]?.message === id);
    calls.forEach((call) => placed.add(call));
    parts.push(...callParts(state, `${id}-c`, calls, over));
  }
  parts.push(...callParts(state, `${state.run}-c`, state.callOrder.filter((call) => !placed.has(call)), over));
  for (const id of state.decisionOrder) {
    const decision = state.decisions[id];
    if (decision && (decision.call === null || !state.calls[decision.call])) parts.push(asks(state, decision));
  }
  return {
    run: state.run, at: state.queuedAt ?? fallback?.at ?? null, question: state.input?.text ?? fallback?.text ?? null, interrupts: state.input?.interrupts ?? fallback?.mode === "interrupt", sending: false, parts,
    live: !over, loaded: state.loaded, caughtUp: state.caughtUp, status: state.status, attempt: state.attempt, resumed: state.resumed, error: state.error, finish,
    agent: state.agent, version: state.version, draft: state.draft, modelName: state.modelName, cost: state.cost, usage: state.usage,
    startedAt: state.startedAt ?? state.queuedAt, endedAt: state.endedAt, compacted: state.compacted,
    continues: state.continues ?? fallback?.continues ?? null,
  };
}

function turnFromMessages(id: string, messages: Message[], run: Run | undefined): Turn {
  const parts: Part[] = [];
  // The question is the journal's first event; what the person said later stands where it was heard.
  const question = messages.find((message) => message.role === "user" && message.seq === 1);
  for (const message of messages) {
    if (message === question) continue;
    if (message.role === "user") { parts.push({ kind: "said", id: message.id, text: message.text, pending: null }); continue; }
    if (message.reasoning) parts.push({ kind: "reasoning", id: `${message.id}-r`, text: message.reasoning, open: false, ms: null });
    if (message.text) parts.push({ kind: "text", id: message.id, text: message.text, open: false, finish: message.finish || null });
    if (message.tool_calls?.length) parts.push({ kind: "calls", id: `${message.id}-c`, calls: message.tool_calls.map(savedCall) });
  }
  const answer = messages.findLast((message) => message.role === "assistant");
  const attempt = Math.max(run?.attempts ?? 1, ...messages.map((message) => message.attempt ?? 1));
  return {
    run: id, at: run?.created_at ?? messages[0]?.at ?? null, question: question?.text ?? null, interrupts: null, sending: false, parts, live: false, loaded: true, caughtUp: true,
    status: run?.status ?? "succeeded", attempt, resumed: attempt > 1, error: run?.error ?? null, finish: answer?.finish || null,
    agent: run?.agent ?? answer?.agent ?? null, version: run?.version ?? answer?.agent?.version ?? null, draft: run?.draft ?? answer?.agent?.draft ?? false,
    modelName: run?.model_name ?? answer?.model_name ?? null, cost: run ? run.cost : (answer?.cost ?? null), usage: run?.usage ?? answer?.usage ?? null,
    startedAt: run?.started_at ?? null, endedAt: run?.ended_at ?? null, compacted: 0,
    continues: run?.continues ?? null,
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

/** What a run did with the one that it takes over from: "again" from its beginning or of a whole answer, "on" after what was cut. */
export function takesOver(turn: Turn, all: Turn[]): "again" | "on" | "on-earlier" | null {
  if (!turn.continues) return null;
  const base = all.find((one) => one.run === turn.continues?.run);
  if (turn.continues.seq <= 1 || base?.status === "succeeded") return "again";
  return base ? "on" : "on-earlier";
}
