// What was said to a run that goes on and that the run has not read yet. The server keeps it out of sight until then, so
// this tab remembers it, also over a reload. Each such message is shown here or by the journal, never by both.
import type { Message } from "@/lib/api/types";
import { isOver, type RunState } from "@/lib/stream/run-state";
import type { Part, Turn } from "./turns";

/** `message` is null until the server has taken it. */
export type Told = { key: string; run: string; message: string | null; text: string; at: string };

const KEY = (conversation: string) => `aap.told.${conversation}`;
/** The server's clock and this one may differ. */
const SKEW_MS = 60_000;

export function rememberTold(conversation: string, told: Told[]): void {
  const taken = told.filter((one) => one.message !== null);
  try { if (taken.length) sessionStorage.setItem(KEY(conversation), JSON.stringify(taken)); else sessionStorage.removeItem(KEY(conversation)); } catch { /* lasts for this page */ }
}

export function rememberedTold(conversation: string): Told[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY(conversation)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one): one is Told => typeof one?.message === "string" && typeof one.run === "string" && typeof one.text === "string") : [];
  } catch { return []; }
}

/** Those that neither a journal nor a saved message shows. */
export function unheard(told: Told[], states: RunState[], saved: Message[]): Told[] {
  const claimed = new Set(told.map((one) => one.message));
  const shown = (id: string) => saved.some((one) => one.id === id) || states.some((state) => state.input?.message === id || state.messages[id] !== undefined);
  return told.filter((one) => {
    if (one.message !== null) return !shown(one.message);
    // The journal can be faster than the answer to the request: then the same words are there, and nobody's else.
    const since = Date.parse(one.at) - SKEW_MS;
    const state = states.find((state) => state.run === one.run);
    return !state?.order.some((id) => {
      const message = state.messages[id];
      return message?.role === "user" && message.text === one.text && !claimed.has(id) && Date.parse(message.startedAt) >= since;
    });
  });
}

/** The turns, with what waits to be read at the end of the run that it was said to. */
export function withTold(turns: Turn[], told: Told[]): Turn[] {
  if (!told.length) return turns;
  return turns.map((turn) => {
    const mine = told.filter((one) => one.run === turn.run);
    if (!mine.length) return turn;
    const late = isOver(turn.status);
    const parts = mine.map((one): Part => ({ kind: "said", id: `told-${one.key}`, text: one.text, pending: one.message === null ? "sending" : late ? "late" : "kept" }));
    return { ...turn, parts: [...turn.parts, ...parts] };
  });
}
