// What the client knows of one run: the fold of its frames.
import type { Finish, Money, Outcome, RunEvent, RunStatus, Usage } from "@/lib/api/types";

/** `role` is "user" for what the person said while the run went on; the question that began it is in `input`. */
export type MessageState = {
  id: string; role: "assistant" | "user"; step: number | null; phase: "open" | "completed" | "dropped"; finish: Finish | null;
  text: string; length: number; reasoning: string; reasoningLength: number;
  startedAt: string; completedAt: string | null; reasoningEndedAt: string | null;
};
export type CallState = {
  call: string; name: string; arguments: unknown; message: string | null; step: number | null;
  phase: "requested" | "running" | "completed" | "unknown"; outcome: Outcome | null; result: unknown;
  requestedAt: string; startedAt: string | null; completedAt: string | null;
};
export type StepState = {
  step: number; modelName: string | null; startedAt: string; endedAt: string | null; firstTokenMs: number | null;
  attempt: number; restarts: { at: string; attempt: number }[]; usage: Usage | null; cost: Money;
};
/** Something that a person has to decide before the run goes on. */
export type DecisionState = {
  id: string; kind: string; call: string | null; prompt: string; options: string[];
  status: "open" | "resolved" | "expired"; resolution: string | null; askedAt: string; decidedAt: string | null;
};
export type LoggedEvent = { seq: number; at: string; event: RunEvent };

export type RunState = {
  run: string; seq: number; loaded: boolean; caughtUp: boolean; resyncing: boolean; status: RunStatus;
  attempt: number; resumed: boolean; resumeReason: string | null;
  agent: { id: string; name: string } | null; version: number | null; draft: boolean;
  conversation: string | null; modelName: string | null; requestId: string | null;
  input: { message: string; text: string; interrupts: boolean } | null; error: { code: string; detail: string } | null;
  queuedAt: string | null; startedAt: string | null; endedAt: string | null;
  order: string[]; messages: Record<string, MessageState>;
  callOrder: string[]; calls: Record<string, CallState>; steps: StepState[];
  decisionOrder: string[]; decisions: Record<string, DecisionState>; waits: { from: string; to: string | null }[];
  continues: { run: string; seq: number } | null;
  usage: Usage | null; cost: Money; costKnown: boolean; compacted: number; log: LoggedEvent[];
};

export const emptyRun = (run: string): RunState => ({
  run, seq: 0, loaded: false, caughtUp: false, resyncing: false, status: "queued", attempt: 1, resumed: false, resumeReason: null,
  agent: null, version: null, draft: false, conversation: null, modelName: null, requestId: null, input: null, error: null,
  queuedAt: null, startedAt: null, endedAt: null, order: [], messages: {}, callOrder: [], calls: {}, steps: [],
  decisionOrder: [], decisions: {}, waits: [], continues: null,
  usage: null, cost: null, costKnown: true, compacted: 0, log: [],
});

export const isOver = (status: RunStatus): boolean => status === "succeeded" || status === "failed" || status === "cancelled";

export const openMessage = (state: RunState): MessageState | undefined =>
  state.order.map((id) => state.messages[id]).findLast((m) => m?.phase === "open");

export const openDecisions = (state: RunState): DecisionState[] =>
  state.decisionOrder.flatMap((id) => { const one = state.decisions[id]; return one?.status === "open" ? [one] : []; });
