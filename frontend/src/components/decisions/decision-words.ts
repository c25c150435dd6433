// What was decided, and by whom, in words.
import type { Decision } from "@/lib/api/types";

const quoted = (text: string): string => `“${text.length > 200 ? `${text.slice(0, 199)}…` : text}”`;

/** One sentence for a decision that is no longer open. `me` is the reader's id. */
export function decidedWords(decision: Decision, me: string | undefined): string {
  if (decision.status === "expired") return "The run ended before this was decided.";
  const by = decision.resolved_by;
  const who = !by ? "Somebody" : by.id === me ? "You" : by.name || by.email;
  switch (decision.resolution) {
    case "answer": return `${who} answered: ${quoted(decision.result ?? "")}`;
    case "decline": return `${who} chose not to answer.`;
    case "happened": return `${who} said that it happened${decision.result ? `: ${quoted(decision.result)}` : "."}`;
    case "run_again": return `${who} had it run again.`;
    case "stop": return `${who} stopped the run.`;
    default: return `${who} decided this.`;
  }
}

/** Whether a refusal only repeats what this person had decided a moment before: its first answer was lost on the way. */
export function isMine(decision: Decision, me: string | undefined, resolution: string, result: string | undefined): boolean {
  return decision.status === "resolved" && decision.resolved_by?.id === me && decision.resolution === resolution && (decision.result ?? "") === (result ?? "");
}

/** Who is waited for: the person who started the run, whoever else may decide as well. */
export function waitingWords(startedBy: { id: string; name: string; email: string } | null | undefined, me: string | undefined): string {
  return !startedBy || startedBy.id === me ? "Waiting for you" : `Waiting for ${startedBy.name || startedBy.email}`;
}
