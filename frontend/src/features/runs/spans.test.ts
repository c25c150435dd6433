import { describe, expect, it } from "vitest";
import type { RunEvent } from "@/lib/api/types";
import { reduceRun } from "@/lib/stream/reduce-run";
import { emptyRun } from "@/lib/stream/run-state";
import { extent, spansOf, ticks } from "./spans";

const T0 = Date.parse("2026-11-22T10:00:00Z");
function run(events: [number, RunEvent][]) {
  return events.reduce((state, [offset, event], i) => reduceRun(state, { type: "event", run: "r", seq: i + 1, at: new Date(T0 + offset).toISOString(), event }).state, emptyRun("r"));
}
const twoSteps: [number, RunEvent][] = [
  [0, { type: "run.queued" }], [100, { type: "run.started", attempt: 1 }],
  [100, { type: "step.started", step: 1, model_name: "demo" }], [110, { type: "message.started", message: "m1", role: "assistant", step: 1 }],
  [400, { type: "message.completed", message: "m1", role: "assistant", text: "looking", finish: "tool_calls" }],
  [400, { type: "tool.requested", call: "c1", name: "read_page", arguments: {}, message: "m1" }], [400, { type: "step.completed", step: 1, first_token_ms: 60 }],
  [410, { type: "tool.started", call: "c1" }], [900, { type: "tool.completed", call: "c1", outcome: "error", result: "404" }],
  [900, { type: "step.started", step: 2, model_name: "demo" }],
];

describe("spansOf", () => {
  it("nests model calls and tools in their steps, with the wait first", () => {
    const spans = spansOf(run(twoSteps));
    expect(spans.map((span) => span.id)).toEqual(["wait", "step-1", "model-1", "tool-c1", "step-2", "model-2"]);
    expect(spans[1]).toMatchObject({ start: T0 + 100, end: T0 + 900, state: "failed" });
    expect(spans[2]).toMatchObject({ end: T0 + 400, firstToken: T0 + 160 });
    expect(spans[3]).toMatchObject({ label: "read page", state: "failed" });
    expect(spans[5]).toMatchObject({ end: null, state: "running" });
  });
  it("marks where a step was taken up again", () => {
    const spans = spansOf(run([...twoSteps, [1500, { type: "step.restarted", step: 2, attempt: 2, dropped: [] }]]));
    expect(spans.at(-1)).toMatchObject({ kind: "restart", start: T0 + 1500 });
  });
  it("ends an open model call with the run, in the run's state", () => {
    const state = run([...twoSteps, [2000, { type: "run.failed", code: "provider_timed_out", detail: "no answer" }]]);
    expect(spansOf(state).at(-1)).toMatchObject({ id: "model-2", state: "failed", end: T0 + 2000, note: "no answer" });
    expect(extent(state, spansOf(state), T0 + 9999)).toEqual({ from: T0, to: T0 + 2000 });
  });
});

describe("people", () => {
  const asked: [number, RunEvent][] = [
    ...twoSteps.slice(0, 5), [400, { type: "tool.requested", call: "c1", name: "ask_person", arguments: {}, message: "m1" }], [400, { type: "step.completed", step: 1 }], [400, { type: "tool.started", call: "c1" }],
    [400, { type: "decision.requested", decision: "d1", kind: "question", call: "c1" }], [401, { type: "run.waiting", reason: "decision" }],
  ];
  const answered: [number, RunEvent][] = [...asked, [5000, { type: "run.resumed", attempt: 1, reason: "decided" }], [5000, { type: "decision.resolved", decision: "d1", resolution: "decline" }], [5000, { type: "tool.completed", call: "c1", outcome: "denied", result: "" }]];
  it("shows a wait as a wait, not as work", () => {
    expect(spansOf(run(asked)).map((span) => [span.id, span.state])).toEqual([["wait", "succeeded"], ["step-1", "waiting"], ["model-1", "succeeded"], ["tool-c1", "waiting"], ["person-0", "waiting"]]);
  });
  it("ends the wait with the decision; no answer is no error", () => {
    const spans = spansOf(run([...answered, [5001, { type: "step.started", step: 2, model_name: "demo" }]]));
    expect(spans.map((span) => span.id)).toEqual(["wait", "step-1", "model-1", "tool-c1", "person-0", "step-2", "model-2"]);
    expect(spans[4]).toMatchObject({ start: T0 + 401, end: T0 + 5000, state: "succeeded" });
    expect(spans[3]?.state).toBe("cancelled");
  });
  it("puts what was said between the steps, and in no model call", () => {
    const spans = spansOf(run([...twoSteps.slice(0, 5), [500, { type: "message.started", message: "u2", role: "user", step: 1 }], [500, { type: "message.completed", message: "u2", role: "user", text: "faster", finish: "stop" }], [501, { type: "step.started", step: 2, model_name: "demo" }]]));
    expect(spans.map((span) => span.id)).toEqual(["wait", "step-1", "model-1", "said-u2", "step-2", "model-2"]);
    expect(spans[3]?.note).toBe("faster");
    expect(spans[2]?.texts.map((text) => text.id)).toEqual(["m1"]);
  });
});

describe("ticks", () => {
  it("uses round numbers", () => expect(ticks(4200)).toEqual([0, 1000, 2000, 3000, 4000]));
});
