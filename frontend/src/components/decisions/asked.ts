// What a card needs to know of a decision, whether it comes from a list or from a run's journal.
import type { Decision } from "@/lib/api/types";
import type { DecisionState, RunState } from "@/lib/stream/run-state";

export type Asked = { id: string; kind: string; prompt: string; options: string[]; tool: string | null; arguments: unknown };

export const askedOf = (decision: Decision): Asked => ({
  id: decision.id, kind: decision.kind, prompt: decision.prompt, options: decision.options, tool: decision.tool, arguments: decision.arguments,
});

export function askedIn(state: RunState, decision: DecisionState): Asked {
  const call = decision.call === null ? undefined : state.calls[decision.call];
  return { id: decision.id, kind: decision.kind, prompt: decision.prompt, options: decision.options, tool: call?.name ?? null, arguments: call?.arguments ?? {} };
}
