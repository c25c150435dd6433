import { describe, expect, it } from "vitest";
import type { Message, Run } from "@/lib/api/types";
import { emptyRun, type RunState } from "@/lib/stream/run-state";
import { interruptedAbove, mergeTurns, takesOver, turnFromRun, turnsFromPage } from "./turns";

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

describe("what people did meanwhile", () => {
  it("keeps what was said where it was heard, live and saved alike", () => {
    const one = { id: "m1", role: "assistant" as const, step: 1, phase: "completed" as const, finish: "stop" as const, text: "one", length: 3, reasoning: "", reasoningLength: 0, startedAt: "", completedAt: "", reasoningEndedAt: null };
    const live = turnFromRun(state({ order: ["m1", "u2", "m3"], messages: { m1: one, u2: { ...one, id: "u2", role: "user", text: "and two?" }, m3: { ...one, id: "m3", text: "two" } } }));
    const [saved] = turnsFromPage([
      message({ id: "u1", role: "user", text: "one?" }), message({ id: "m1", seq: 5, text: "one" }), message({ id: "u2", seq: 7, role: "user", text: "and two?", finish: "" }), message({ id: "m3", seq: 9, text: "two" }),
    ], { r1: run({}) });
    for (const turn of [live, saved]) expect(turn?.parts.map((part) => [part.kind, part.id])).toEqual([["text", "m1"], ["said", "u2"], ["text", "m3"]]);
    expect([saved?.question, saved?.finish]).toEqual(["one?", "stop"]);
  });
  it("takes no later word for the question of a run that has none", () => {
    const [turn] = turnsFromPage([message({ id: "u2", seq: 4, role: "user", text: "faster" }), message({ id: "m1", seq: 6, text: "done" })], { r1: run({ continues: { run: "r0", seq: 3 } }) });
    expect([turn?.question, turn?.parts.map((part) => part.kind)]).toEqual([null, ["said", "text"]]);
  });
  const call = { call: "c1", name: "ask_person", arguments: {}, message: null, step: 1, phase: "running" as const, outcome: null, result: null, requestedAt: "", startedAt: null, completedAt: null };
  const asked = { id: "d1", kind: "question", call: "c1", prompt: "Red?", options: ["red"], status: "open" as const, resolution: null, askedAt: "", decidedAt: null };
  it("shows a card in place of the row of a call that waits, and the row once it is decided", () => {
    const waiting = state({ status: "waiting", callOrder: ["c1", "c2"], calls: { c1: call, c2: { ...call, call: "c2" } }, decisionOrder: ["d1"], decisions: { d1: asked } });
    expect(turnFromRun(waiting).parts).toMatchObject([{ kind: "calls", calls: [{ call: "c2" }] }, { kind: "decision", open: true, asked: { id: "d1", prompt: "Red?", options: ["red"], tool: "ask_person" } }]);
    const decided = turnFromRun({ ...waiting, status: "running", decisions: { d1: { ...asked, status: "resolved" } } });
    expect(decided.parts).toMatchObject([{ kind: "calls", calls: [{ call: "c1" }, { call: "c2" }] }, { kind: "decision", open: false }]);
  });
  it("loses no decision whose call is not known", () => {
    expect(turnFromRun(state({ status: "waiting", decisionOrder: ["d1"], decisions: { d1: { ...asked, call: null } } })).parts).toMatchObject([{ kind: "decision", open: true }]);
  });
});

describe("what a run takes over from", () => {
  const of = (above: Partial<Run>, seq: number) => {
    const turns = turnsFromPage([message({ id: "u", role: "user", text: "one" }), message({ id: "m2", run: "r2", seq: 4, text: "two" })], { r1: run(above), r2: run({ id: "r2", created_at: "2026-11-22T10:01:00Z", continues: { run: "r1", seq } }) });
    return turns[1] && takesOver(turns[1], turns);
  };
  it("tells a second try from going on, the same live and saved", () => {
    expect([of({ status: "cancelled" }, 1), of({ status: "succeeded" }, 6), of({ status: "failed" }, 6), of({ status: "cancelled" }, 2)]).toEqual(["again", "again", "on", "on"]);
    const live = turnFromRun(state({ continues: { run: "r1", seq: 6 } }));
    expect([takesOver(live, []), takesOver(live, [turnFromRun(state({ run: "r1", status: "failed" })), live]), takesOver(turnFromRun(state({})), [])]).toEqual(["on-earlier", "on", null]);
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
