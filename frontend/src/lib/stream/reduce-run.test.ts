import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "@/lib/api/types";
import type { RunFrame } from "./frames";
import { reduceRun, textOf, type Effect } from "./reduce-run";
import { emptyRun, openDecisions, openMessage, type RunState } from "./run-state";

const RUN = "run_1";
const at = "2026-11-22T10:00:00Z";
const event = (seq: number, type: string, rest: Record<string, unknown> = {}): RunFrame => ({ type: "event", run: RUN, seq, at, event: { type, ...rest } as RunEvent });
const delta = (offset: number, text: string, message = "m1", part?: "reasoning"): RunFrame => ({ type: "delta", run: RUN, message, offset, text, ...(part ? { part } : {}) });

function fold(frames: RunFrame[], from: RunState = emptyRun(RUN)): { state: RunState; effects: Effect[] } {
  const effects: Effect[] = [];
  const state = frames.reduce((now, frame) => {
    const next = reduceRun(now, frame);
    effects.push(next.effect);
    return next.state;
  }, from);
  return { state, effects };
}

const opening = [event(1, "run.queued", { agent: "agt_1", agent_name: "Guide", conversation: "cnv_1", input: { message: "u", text: "hi" } }),
  event(2, "run.started", { attempt: 1 }), event(3, "step.started", { step: 1, model_name: "demo" }), event(4, "message.started", { message: "m1", role: "assistant", step: 1 })];
const started = () => fold(opening).state;
const text = (state: RunState) => state.messages.m1?.text;

describe("text", () => {
  it("appends where it goes on", () => expect(text(fold([delta(0, "ab"), delta(2, "c")], started()).state)).toBe("abc"));
  it("counts offsets in code points, not in UTF-16 units", () => {
    const { state, effects } = fold([delta(0, "a😀"), delta(2, "é𝒳"), delta(4, "!")], started());
    expect(text(state)).toBe("a😀é𝒳!");
    expect(state.messages.m1?.length).toBe(5);
    expect(effects.every((e) => e === null)).toBe(true);
  });
  it("trims an overlap in the middle of astral text", () => expect(text(fold([delta(0, "x😀😀"), delta(2, "😀😎y")], started()).state)).toBe("x😀😀😎y"));
  it("ignores what it has already", () => {
    const before = fold([delta(0, "hello")], started()).state;
    expect(reduceRun(before, delta(1, "ell")).state).toBe(before);
  });
  it("keeps reasoning apart from text, with its own offsets", () => {
    const { state } = fold([delta(0, "hm", "m1", "reasoning"), delta(0, "Yes"), delta(2, " ok", "m1", "reasoning")], started());
    expect([state.messages.m1?.reasoning, text(state)]).toEqual(["hm ok", "Yes"]);
  });
  it("asks once for a gap, and asks again only after catching up", () => {
    const { state, effects } = fold([delta(0, "ab"), delta(5, "f"), delta(6, "g")], started());
    expect(effects).toEqual([null, "resubscribe", null]);
    expect(text(state)).toBe("ab");
    const again = fold([delta(2, "cdef"), { type: "caught_up", run: RUN, seq: 4 }, delta(6, "g"), delta(9, "z")], state);
    expect(text(again.state)).toBe("abcdefg");
    expect(again.effects).toEqual([null, null, null, "resubscribe"]);
  });
  it("ignores unknown, completed and dropped messages", () => {
    const done = fold([delta(0, "ab"), event(5, "message.completed", { message: "m1", role: "assistant", text: "abc", finish: "stop" })], started()).state;
    expect(reduceRun(done, delta(3, "d")).state).toBe(done);
    expect(reduceRun(done, delta(0, "d", "nobody")).state).toBe(done);
  });
  it("takes the completed text as the truth", () =>
    expect(text(fold([delta(0, "ab"), event(5, "message.completed", { message: "m1", role: "assistant", text: "abc", finish: "length" })], started()).state)).toBe("abc"));
});

describe("events", () => {
  it("applies each number exactly once", () => {
    const state = started();
    expect(reduceRun(state, opening[2] as RunFrame).state).toBe(state);
    expect(state.log.map((row) => row.seq)).toEqual([1, 2, 3, 4]);
  });
  it("asks for a missing number and changes nothing", () => {
    const { state, effects } = fold([event(6, "run.succeeded")], started());
    expect(effects).toEqual(["resubscribe"]);
    expect([state.seq, state.status]).toEqual([4, "running"]);
  });
  it("asks again when caught_up names a number it never got", () => expect(reduceRun(started(), { type: "caught_up", run: RUN, seq: 7 }).effect).toBe("resubscribe"));
  it("keeps unknown events in the log", () => {
    const { state } = fold([event(5, "weather.changed", { wind: 3 })], started());
    expect([state.seq, state.log.at(-1)?.event.type]).toEqual([5, "weather.changed"]);
  });
  it("drops the text of a restarted step and goes on in a new message", () => {
    const { state } = fold([delta(0, "half"), event(5, "run.resumed", { attempt: 2 }), event(6, "step.restarted", { step: 1, attempt: 2, dropped: ["m1"] }),
      delta(4, "late"), event(7, "message.started", { message: "m2", role: "assistant", step: 1 }), delta(0, "whole", "m2")], started());
    expect(textOf(state)).toEqual([{ id: "m2", text: "whole", finish: null }]);
    expect([state.attempt, state.resumed, state.steps[0]?.restarts.length]).toEqual([2, true, 1]);
    expect(openMessage(state)?.id).toBe("m2");
  });
  it("never leaves an open message after the end", () => {
    const { state } = fold([delta(0, "half"), event(5, "run.failed", { code: "provider_timed_out", detail: "no answer" })], started());
    expect(textOf(state)).toEqual([{ id: "m1", text: "half", finish: "failed" }]);
    expect(state.error?.code).toBe("provider_timed_out");
  });
  it("follows a tool call through its states", () => {
    const { state } = fold([event(5, "tool.requested", { call: "c1", name: "clock", arguments: { zone: "UTC" }, message: "m1" }), event(6, "tool.started", { call: "c1" }),
      event(7, "tool.completed", { call: "c1", outcome: "ok", result: "10:00" })], started());
    expect(state.calls.c1).toMatchObject({ phase: "completed", outcome: "ok", result: "10:00", step: 1, message: "m1" });
  });
  it("adds up usage, and an unknown price makes the sum unknown", () => {
    const used = (seq: number, cost: unknown) => event(seq, "usage.recorded", { step: 1, input_tokens: 10, output_tokens: 2, cost });
    expect(fold([used(5, { amount: "0.1", currency: "USD" }), used(6, { amount: "0.2", currency: "USD" })], started()).state).toMatchObject({ cost: { amount: "0.3" }, usage: { input_tokens: 20, output_tokens: 4 } });
    expect(fold([used(5, { amount: "0.1", currency: "USD" }), used(6, null)], started()).state.cost).toBeNull();
  });
  it("names the run that it takes over from", () => {
    expect(fold([event(1, "run.queued", { input: null, continues: { run: "run_0", seq: 7 } })]).state).toMatchObject({ input: null, continues: { run: "run_0", seq: 7 } });
    expect(started().continues).toBeNull();
  });
  it("ignores another run's frames", () => {
    const state = started();
    expect(reduceRun(state, { ...delta(0, "x"), run: "run_9" }).state).toBe(state);
  });
});

describe("what a person says while the run goes on", () => {
  const said = (seq: number, message: string, words: string) => [event(seq, "message.started", { message, role: "user", step: 1 }), event(seq + 1, "message.completed", { message, role: "user", text: words, finish: "stop" })];
  const first = event(5, "message.completed", { message: "m1", role: "assistant", text: "one", finish: "stop" });
  it("stands where it was heard, and is no text of the agent's", () => {
    const { state } = fold([first, ...said(6, "u2", "and two"), event(8, "step.started", { step: 2, model_name: "demo" }), event(9, "message.started", { message: "m2", role: "assistant", step: 2 })], started());
    expect(state.order.map((id) => [id, state.messages[id]?.role])).toEqual([["m1", "assistant"], ["u2", "user"], ["m2", "assistant"]]);
    expect(state.messages.u2).toMatchObject({ text: "and two", phase: "completed" });
    expect(textOf(state).map((one) => one.id)).toEqual(["m1", "m2"]);
    expect(openMessage(state)?.id).toBe("m2");
  });
  it("is there once, whole, however often its frames come", () => {
    const { state } = fold([first, ...said(6, "u2", "and two"), ...said(6, "u2", "and two")], started());
    expect([state.order, state.seq]).toEqual([["m1", "u2"], 7]);
  });
  it("is not shown before its text is there", () => {
    const { state } = fold([first, event(6, "message.started", { message: "u2", role: "user", step: 1 })], started());
    expect(state.order).toEqual(["m1"]);
  });
  it("stays when the step that heard it begins anew", () => {
    const { state } = fold([...said(5, "u2", "hurry"), event(7, "step.restarted", { step: 1, attempt: 2, dropped: ["m1"] })], started());
    expect(state.order).toEqual(["u2"]);
  });
});

describe("decisions", () => {
  const asked = [event(5, "message.completed", { message: "m1", role: "assistant", text: "", finish: "tool_calls" }), event(6, "tool.requested", { call: "c1", name: "ask_person", arguments: {}, message: "m1" }),
    event(7, "tool.started", { call: "c1" }), event(8, "decision.requested", { decision: "d1", kind: "question", call: "c1", prompt: "Red or blue?", options: ["red", "blue"] }), event(9, "run.waiting", { reason: "decision" })];
  const waiting = () => fold(asked, started()).state;
  it("waits with the question, its options and its call", () => {
    const state = waiting();
    expect(state.status).toBe("waiting");
    expect(openDecisions(state)).toMatchObject([{ id: "d1", kind: "question", call: "c1", prompt: "Red or blue?", options: ["red", "blue"], askedAt: at }]);
    expect(state.waits).toEqual([{ from: at, to: null }]);
  });
  it("goes on when somebody decided, which is no restart", () => {
    const { state } = fold([event(10, "run.resumed", { attempt: 1, reason: "decided" }), event(11, "decision.resolved", { decision: "d1", resolution: "answer" }), event(12, "tool.completed", { call: "c1", outcome: "ok", result: "blue" })], waiting());
    expect([state.status, state.attempt, state.resumed, state.waits]).toEqual(["running", 1, false, [{ from: at, to: at }]]);
    expect([openDecisions(state), state.decisions.d1?.resolution, state.calls.c1?.result]).toEqual([[], "answer", "blue"]);
  });
  it("still says that it was restarted before somebody decided", () => {
    const restarted = fold([event(5, "run.resumed", { attempt: 2, reason: "recovered" }), event(6, "decision.requested", { decision: "d1", kind: "question" }), event(7, "run.waiting"), event(8, "run.resumed", { attempt: 2, reason: "decided" })], started()).state;
    expect([restarted.resumed, restarted.attempt]).toEqual([true, 2]);
  });
  it("expires with the run, said or not", () => {
    expect(fold([event(10, "decision.expired", { decision: "d1" }), event(11, "run.cancelled")], waiting()).state.decisions.d1?.status).toBe("expired");
    const { state } = fold([event(10, "run.failed", { code: "internal_error", detail: "" })], waiting());
    expect([state.decisions.d1?.status, state.waits[0]?.to]).toEqual(["expired", at]);
  });
  it("takes an outcome that was unknown from a person, or runs the call again", () => {
    const lost = fold([event(5, "tool.requested", { call: "c1", name: "mail", arguments: {}, message: "m1" }), event(6, "tool.started", { call: "c1" }), event(7, "tool.unknown", { call: "c1" }), event(8, "decision.requested", { decision: "d1", kind: "unknown_outcome", call: "c1" })], started()).state;
    expect(lost.calls.c1).toMatchObject({ phase: "unknown", outcome: "unknown" });
    expect(fold([event(9, "tool.completed", { call: "c1", outcome: "ok", result: "I looked" })], lost).state.calls.c1).toMatchObject({ phase: "completed", outcome: "ok", result: "I looked" });
    expect(fold([event(9, "tool.started", { call: "c1" })], lost).state.calls.c1).toMatchObject({ phase: "running", outcome: null, completedAt: null });
  });
  it("asks each thing once", () => expect(fold([{ ...asked[3], seq: 10 } as RunFrame], waiting()).state.decisionOrder).toEqual(["d1"]));
});

describe("recorded streams", () => {
  type Recorded = { frames: RunFrame[]; expected: { messages: unknown[]; status: string } };
  const folder = new URL("./fixtures/", import.meta.url);
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".json"))) {
    const cases = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Recorded[];
    it.each(cases.map((one, i) => [i + 1, one] as const))(`${file} %i`, (_, { frames, expected }) => {
      const { state, effects } = fold(frames, emptyRun(frames[0]?.run ?? RUN));
      expect(effects.filter(Boolean)).toEqual([]);
      expect(textOf(state)).toEqual(expected.messages);
      expect(state.status).toBe(expected.status);
    });
  }
});

describe("journals of earlier versions", () => {
  const folder = "../tests/journals";
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  it("are there", () => expect(files.length).toBeGreaterThanOrEqual(12));
  it.each(files)("%s reads as it did", (name) => {
    const document = JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as { expect: { status: string; output: string }; events: RunEvent[] };
    const frames = document.events.map((one, index): RunFrame => ({ type: "event", run: RUN, seq: index + 1, at, event: one }));
    const { state, effects } = fold(frames);
    expect(state.status).toBe(document.expect.status);
    expect(effects.every((effect) => effect === null)).toBe(true);
    expect(Object.values(state.messages).some((message) => message.text === document.expect.output)).toBe(true);
  });
});
