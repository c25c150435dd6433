import { describe, expect, it } from "vitest";
import type { Message, Run } from "@/lib/api/types";
import { emptyRun, type RunState } from "@/lib/stream/run-state";
import { interruptedAbove, mergeTurns, turnFromRun, turnsFromPage } from "./turns";

const message = (over: Partial<Message>): Message => ({
  id: "m", run: "r1", seq: 1, role: "assistant", text: "", reasoning: null, finish: "stop", at: "2026-11-22T10:00:00Z",
  agent: { id: "a", name: "Guide", version: 3, draft: false }, model_name: "demo", tool_calls: [], usage: null, cost: null, attempt: 1, ...over,
});
const run = (over: Partial<Run>): Run => ({
  id: "r1", status: "succeeded", stop_reason: "completed", error: null, agent: { id: "a", name: "Guide" }, version: 3, draft: false, model_name: "demo",
  conversation: "c", last_seq: 9, attempts: 1, output: { text: "" }, usage: { input_tokens: 0, output_tokens: 0, reasoning_tokens: 0, cached_tokens: 0 }, cost: null,
  started_by: { id: "usr_1", email: "anna@example.com", name: "Anna" }, request_id: "req_1", continues: null,
  created_at: "2026-11-22T10:00:00Z", started_at: null, ended_at: null, ...over,
});
const state = (over: Partial<RunState>): RunState => ({ ...emptyRun("r2"), loaded: true, queuedAt: "2026-11-22T10:01:00Z", ...over });

describe("turns from saved messages", () => {
  it("makes one turn per run, with text and calls in order", () => {
    const turns = turnsFromPage([
      message({ id: "u", role: "user", text: "What time is it?" }),
      message({ id: "m1", text: "Let me look.", finish: "tool_calls", tool_calls: [{ call: "c1", name: "clock", arguments: {}, outcome: "ok", result: "10", started_at: null, completed_at: null }] }),
      message({ id: "m2", text: "Ten." }),
    ], { r1: run({}) });
    expect(turns).toHaveLength(1);
    expect(turns[0]?.question).toBe("What time is it?");
    expect(turns[0]?.parts.map((part) => part.kind)).toEqual(["text", "calls", "text"]);
  });
  it("says that a started call without an outcome is unknown", () => {
    const [turn] = turnsFromPage([message({ tool_calls: [{ call: "c1", name: "mail", arguments: {}, outcome: null, result: null, started_at: "2026-11-22T10:00:00Z", completed_at: null }] })], {});
    expect(turn?.parts[0]).toMatchObject({ kind: "calls", calls: [{ state: "unknown" }] });
  });
});

describe("turns from the stream", () => {
  it("uses what was typed until the run is known", () => expect(turnFromRun(emptyRun("r2"), { text: "hi", at: "2026-11-22T10:00:00Z" }).question).toBe("hi"));
  it("never calls an unfinished call done after the end", () => {
    const call = { call: "c1", name: "mail", arguments: {}, message: null, step: 1, phase: "running" as const, outcome: null, result: null, requestedAt: "", startedAt: null, completedAt: null };
    const turn = turnFromRun(state({ status: "failed", endedAt: "2026-11-22T10:02:00Z", callOrder: ["c1"], calls: { c1: call } }));
    expect(turn.parts[0]).toMatchObject({ calls: [{ state: "unknown" }] });
  });
});

describe("merging", () => {
  it("puts the live form in place of the saved one and keeps the order", () => {
    const saved = turnsFromPage([message({ id: "u", role: "user", text: "one" }), message({ id: "u2", run: "r2", role: "user", text: "two", at: "2026-11-22T10:01:00Z" })], { r1: run({}), r2: run({ id: "r2", created_at: "2026-11-22T10:01:00Z" }) });
    const live = [turnFromRun(state({ status: "running" })), turnFromRun({ ...state({}), run: "r3", queuedAt: null }, { text: "three", at: "2026-11-22T10:02:00Z" })];
    const merged = mergeTurns(saved, live);
    expect(merged.map((turn) => turn.run)).toEqual(["r1", "r2", "r3"]);
    expect(merged[1]?.live).toBe(true);
  });
  it("keeps the saved form while the stream is still loading", () => {
    const saved = turnsFromPage([message({ id: "m", run: "r2", text: "kept" })], {});
    expect(mergeTurns(saved, [turnFromRun(emptyRun("r2"))])[0]?.parts).toHaveLength(1);
  });
});

describe("what a message did to the answer above it", () => {
  const saved = (above: Partial<Run>, sentAt = "2026-11-22T10:01:00Z") => turnsFromPage(
    [message({ id: "u", role: "user", text: "one" }), message({ id: "u2", run: "r2", role: "user", text: "two", at: sentAt })],
    { r1: run(above), r2: run({ id: "r2", created_at: sentAt }) },
  );
  it("asks the journal when a stop came after the message", () => {
    const [above, turn] = saved({ status: "cancelled", ended_at: "2026-11-22T10:01:01Z" });
    expect(turn && interruptedAbove(turn, above)).toBe("ask");
  });
  it("does not ask when the answer was over, by itself or stopped long before", () => {
    for (const over of [{ status: "succeeded" as const, ended_at: "2026-11-22T10:01:01Z" }, { status: "cancelled" as const, ended_at: "2026-11-22T10:00:10Z" }]) {
      const [above, turn] = saved(over);
      expect(turn && interruptedAbove(turn, above)).toBe(false);
    }
  });
  it("believes the stream, unless there was nothing to stop", () => {
    const input = { message: "m", text: "now", interrupts: true };
    const above = turnFromRun(state({ run: "r1", status: "running" }));
    expect(interruptedAbove(turnFromRun(state({ input })), above)).toBe(true);
    expect(interruptedAbove(turnFromRun(state({ input: { ...input, interrupts: false } })), above)).toBe(false);
    expect(interruptedAbove(turnFromRun(state({ input })), undefined)).toBe(false);
  });
});
