import { describe, expect, it } from "vitest";
import type { Message, RunEvent } from "@/lib/api/types";
import { reduceRun } from "@/lib/stream/reduce-run";
import { emptyRun, type RunState } from "@/lib/stream/run-state";
import { unheard, withTold, type Told } from "./told";
import { turnFromRun } from "./turns";

const at = "2026-11-22T10:00:00Z";
const fold = (run: string, events: RunEvent[]): RunState => events.reduce((state, event, i) => reduceRun(state, { type: "event", run, seq: i + 1, at, event }).state, emptyRun(run));
const going: RunEvent[] = [
  { type: "run.queued", conversation: "c", input: { message: "q", text: "go" } }, { type: "run.started", attempt: 1 },
  { type: "step.started", step: 1, model_name: "demo" }, { type: "message.started", message: "m1", role: "assistant", step: 1 },
];
const heard: RunEvent[] = [
  { type: "message.completed", message: "m1", role: "assistant", text: "one", finish: "stop" },
  { type: "message.started", message: "u2", role: "user", step: 1 }, { type: "message.completed", message: "u2", role: "user", text: "faster", finish: "stop" },
];
const told = (over: Partial<Told> = {}): Told => ({ key: "k1", run: "r1", message: "u2", text: "faster", at, ...over });
const keys = (list: Told[]) => list.map((one) => one.key);

describe("unheard", () => {
  it("keeps what the run has not read", () => expect(keys(unheard([told()], [fold("r1", going)], []))).toEqual(["k1"]));
  it("gives way to the journal's message", () => expect(unheard([told()], [fold("r1", [...going, ...heard])], [])).toEqual([]));
  it("gives way to the next run's question, when it came too late for this one", () => {
    const next = fold("r2", [{ type: "run.queued", conversation: "c", input: { message: "u2", text: "faster" } }]);
    expect(unheard([told()], [fold("r1", going), next], [])).toEqual([]);
  });
  it("gives way to the saved message after a reload", () => expect(unheard([told()], [], [{ id: "u2" } as Message])).toEqual([]));
  it("gives way to the journal also while its own request is not answered yet", () => {
    expect(unheard([told({ message: null })], [fold("r1", [...going, ...heard])], [])).toEqual([]);
  });
  it("tells two messages with the same words apart", () => {
    const first = told({ key: "k1" });
    const second = told({ key: "k2", message: null });
    expect(keys(unheard([first, second], [fold("r1", [...going, ...heard])], []))).toEqual(["k2"]);
  });
});

describe("withTold", () => {
  it("stands at the end of the run that it was said to, and says how far it has come", () => {
    const turns = [turnFromRun(fold("r1", going)), turnFromRun(emptyRun("r2"))];
    const [first, second] = withTold(turns, [told(), told({ key: "k2", message: null })]);
    expect(first?.parts.map((part) => part.kind === "said" && [part.text, part.pending])).toEqual([["faster", "kept"], ["faster", "sending"]]);
    expect(second).toBe(turns[1]);
  });
  it("says when the answer was over first", () => {
    const [turn] = withTold([turnFromRun(fold("r1", [...going, { type: "run.succeeded" }]))], [told()]);
    expect(turn?.parts.at(-1)).toMatchObject({ kind: "said", pending: "late" });
  });
});
