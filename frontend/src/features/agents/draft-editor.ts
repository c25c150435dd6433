// Saves what is typed by itself, one save at a time, and never over somebody else's newer text without asking.
import type { Tagged } from "@/lib/api/client";
import { toProblem, type Problem } from "@/lib/api/problem";
import type { Agent, AgentInput, Limits } from "@/lib/api/types";

export type Values = {
  name: string; description: string; instructions: string; model: string | null; tools: string[]; limits: Limits; starters: string[];
};
export type EditorState = {
  values: Values; agent: Agent; phase: "saved" | "editing" | "saving" | "failed" | "conflict"; savedAt: string; problem: Problem | null;
  /** Counts the times the text was replaced from outside the form. */
  round: number;
  /** In a conflict: `agent` is by now what the other person saved. */
  seen: boolean;
  /** Own texts that are not saved and not in the form, the newest last. */
  aside: Values[];
};
/** Keeps unsaved texts when the screen goes away. */
export type Shelf = { read: () => Partial<Values>[]; write: (texts: Values[]) => void };
type Save = (input: AgentInput, etag: string) => Promise<Tagged<Agent>>;
type Reread = () => Promise<Tagged<Agent>>;

const WAIT_MS = 700;

export const valuesOf = (agent: Agent): Values => ({
  name: agent.name, description: agent.description, instructions: agent.draft.instructions, model: agent.draft.model,
  tools: agent.draft.tools, limits: agent.draft.limits, starters: agent.draft.starters,
});

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

export function changedFields(values: Values, agent: Agent): AgentInput {
  const saved = valuesOf(agent);
  return Object.fromEntries(Object.entries(values).filter(([field, value]) => !same(value, saved[field as keyof Values])));
}

/** One's own changes to `base`, made to what is saved now instead. */
function overlay(values: Values, base: Agent, now: Agent): Values {
  return { ...valuesOf(now), ...(changedFields(values, base) as Partial<Values>) };
}

const NO_SHELF: Shelf = { read: () => [], write: () => undefined };

export class DraftEditor {
  state: EditorState;
  private etag: string;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private work: Promise<void> | null = null;
  private listeners = new Set<() => void>();

  constructor(tagged: Tagged<Agent>, private save: Save, private reread: Reread, private shelf: Shelf = NO_SHELF) {
    this.etag = tagged.etag;
    const values = valuesOf(tagged.value);
    const aside = shelf.read().map((kept) => ({ ...values, ...kept })).filter((kept) => !same(kept, values));
    this.state = { values, agent: tagged.value, phase: "saved", savedAt: tagged.value.updated_at, problem: null, round: 0, seen: false, aside };
  }

  watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  read = (): EditorState => this.state;

  private set(change: Partial<EditorState>): void {
    this.state = { ...this.state, ...change };
    const { phase, values, aside } = this.state;
    this.shelf.write(phase === "conflict" || phase === "failed" ? [...aside, values] : aside);
    this.listeners.forEach((listener) => listener());
  }

  edit = (change: Partial<Values>): void => {
    this.set({ values: { ...this.state.values, ...change }, phase: this.state.phase === "conflict" ? "conflict" : "editing" });
    if (this.state.phase === "conflict") return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush().catch(() => undefined), WAIT_MS);
  };

  /** Resolves when everything typed is on the server; rejects with the reason when it is not. */
  flush = async (): Promise<void> => {
    clearTimeout(this.timer);
    while (this.work) await this.work;
    if (this.state.phase === "conflict") throw this.state.problem ?? new Error("This agent was changed elsewhere");
    const input = changedFields(this.state.values, this.state.agent);
    if (Object.keys(input).length === 0) { this.set({ phase: "saved", problem: null }); return; }
    this.set({ phase: "saving" });
    this.work = this.put(input);
    await this.work;
    if (this.state.problem) throw this.state.problem;
    if (this.state.phase === "editing") await this.flush();
  };

  private async put(input: AgentInput): Promise<void> {
    const before = this.state.values as unknown as Record<string, unknown>;
    try {
      const tagged = await this.save(input, this.etag);
      this.etag = tagged.etag || this.etag;
      // Text typed during the save stays; everywhere else the server's form of the text is taken over.
      const fresh = valuesOf(tagged.value) as unknown as Record<string, unknown>;
      const now = this.state.values as unknown as Record<string, unknown>;
      const values = Object.fromEntries(Object.keys(now).map((field) => [field, same(now[field], before[field]) ? fresh[field] : now[field]])) as unknown as Values;
      const left = Object.keys(changedFields(values, tagged.value)).length > 0;
      this.set({ agent: tagged.value, values, phase: left ? "editing" : "saved", savedAt: tagged.value.updated_at, problem: null });
    } catch (error) {
      const problem = toProblem(error);
      this.set({ phase: problem.status === 412 ? "conflict" : "failed", problem, seen: false });
    } finally { this.work = null; }
  }

  /** Reads what the other person saved. The own text stays in the form, with its changes made to the newer text. */
  showTheirs = async (): Promise<void> => {
    const theirs = await this.reread();
    const values = overlay(this.state.values, this.state.agent, theirs.value);
    this.etag = theirs.etag;
    this.set({ agent: theirs.value, values, seen: true, round: this.state.round + (same(values, this.state.values) ? 0 : 1) });
  };

  /** The other text is newer: ours replaces it, knowingly. */
  keepMine = async (): Promise<void> => {
    if (!this.state.seen) await this.showTheirs();
    this.set({ phase: "editing", problem: null, seen: false });
    await this.flush();
  };

  /** Their text goes into the form; ours is put aside until its writer lets go of it. */
  takeTheirs = async (): Promise<void> => {
    if (!this.state.seen) await this.showTheirs();
    const { agent, values, aside } = this.state;
    this.set({ values: valuesOf(agent), phase: "saved", savedAt: agent.updated_at, problem: null, seen: false, round: this.state.round + 1, aside: same(values, valuesOf(agent)) ? aside : [...aside, values] });
  };

  /** What was put aside is in the form again, still unsaved. */
  backToMine = async (): Promise<void> => {
    const mine = this.state.aside.at(-1);
    if (!mine) return;
    await this.flush();
    this.set({ values: mine, phase: "conflict", seen: true, round: this.state.round + 1, aside: this.state.aside.slice(0, -1) });
  };

  dropMine = (): void => this.set({ aside: this.state.aside.slice(0, -1) });

  reset = (tagged: Tagged<Agent>): void => {
    clearTimeout(this.timer);
    this.etag = tagged.etag;
    this.set({ values: valuesOf(tagged.value), agent: tagged.value, phase: "saved", savedAt: tagged.value.updated_at, problem: null, seen: false, round: this.state.round + 1 });
  };

  /** The server's side moved without touching the text (a publish): take it over under what is being typed. */
  rebase = (tagged: Tagged<Agent>): void => {
    this.etag = tagged.etag;
    this.set({ agent: tagged.value });
  };
}
