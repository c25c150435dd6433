// What comes from outside as JSON is read by the fields we know: a key that means something to JavaScript changes no other object.
import { describe, expect, it } from "vitest";
import { toProblem } from "@/lib/api/problem";
import type { RunFrame } from "./frames";
import { reduceRun, textOf } from "./reduce-run";
import { emptyRun } from "./run-state";

const KEYS = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
const events = (key: string): unknown[] => [
  { type: "run.queued", agent: "a", agent_name: "A", conversation: "c", input: { message: key, text: "hi" }, [key]: { polluted: 1 } },
  { type: "run.started", attempt: 1 },
  { type: "step.started", step: 1, model_name: "m" },
  { type: "message.started", message: key, role: "assistant", step: 1 },
  { type: "tool.proposed", step: 1, message: key, call: key, name: key, arguments: { [key]: { polluted: 1 } } },
  { type: "message.completed", message: key, role: "assistant", step: 1, text: "t", finish: "stop", usage: { [key]: { polluted: 1 } } },
  { type: "decision.requested", decision: key, kind: "question", prompt: "p", options: [key] },
];
const frames = (key: string): RunFrame[] => {
  const all: unknown[] = events(key).map((event, index) => ({ type: "event", run: "run_1", seq: index + 1, at: "2026-11-22T10:00:00Z", event }));
  all.splice(4, 0, { type: "delta", run: "run_1", message: key, offset: 0, text: "t" });
  // As it comes over the wire: JSON.parse makes `__proto__` a key of its own, which a literal does not.
  return all.map((frame) => JSON.parse(JSON.stringify(frame).replace("}", `,"${key}":{"polluted":1}}`)) as RunFrame);
};
const untouched = () => {
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect((Object.prototype as Record<string, unknown>).text).toBeUndefined();
  expect((Function.prototype as unknown as Record<string, unknown>).polluted).toBeUndefined();
  expect(typeof {}.toString).toBe("function");
};

describe.each(KEYS)("the key %s", (key) => {
  it("in frames of a run", () => {
    let state = emptyRun("run_1");
    for (const frame of frames(key)) {
      state = reduceRun(state, frame).state;
      textOf(state);
      untouched();
    }
    expect(state.seq).toBe(events(key).length);
  });
  it("in the answer that tells of an error", () => {
    const data: unknown = JSON.parse(`{"code":"invalid","detail":"No.","errors":[{"field":"${key}","code":"x","message":"m","${key}":{"polluted":1}}],"${key}":{"polluted":1}}`);
    const problem = toProblem({ isAxiosError: true, response: { status: 400, data, headers: {} } });
    expect(problem.detail).toBeTypeOf("string");
    problem.field(key);
    untouched();
  });
});
