import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "@/lib/api/types";
import type { RunFrame } from "./frames";
import { reduceRun, textOf, type Effect } from "./reduce-run";
import { emptyRun, openMessage, type RunState } from "./run-state";

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
  it("ignores another run's frames", () => {
    const state = started();
    expect(reduceRun(state, { ...delta(0, "x"), run: "run_9" }).state).toBe(state);
  });
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
