import { describe, expect, it } from "vitest";
import type { Draft } from "@/lib/api/types";
import { changesBetween, diffLines, foldLines } from "./diff";

const show = (a: string, b: string) => diffLines(a, b).map((line) => `${{ same: " ", added: "+", removed: "-" }[line.kind]}${line.text}`);
const draft = (over: Partial<Draft> = {}): Draft => ({ instructions: "a", model: "m", model_name: "demo", tools: [], limits: { max_steps: 8, max_tokens: null, max_seconds: 120, max_cost: null }, starters: [], ...over });

describe("diffLines", () => {
  it("shows the fewest changes", () => expect(show("a\nb\nc", "a\nx\nc\nd")).toEqual([" a", "-b", "+x", " c", "+d"]));
  it("handles empty sides", () => {
    expect(show("", "a")).toEqual(["+a"]);
    expect(show("a", "")).toEqual(["-a"]);
    expect(show("", "")).toEqual([]);
  });
});

describe("foldLines", () => {
  it("folds what is far from a change", () => {
    const lines = diffLines("1\n2\n3\n4\n5\n6", "1\n2\n3\n4\n5\nX");
    expect(foldLines(lines, 1).map((one) => one.kind)).toEqual(["fold", "same", "removed", "added"]);
  });
});

describe("changesBetween", () => {
  it("names only what differs", () => {
    expect(changesBetween(draft(), draft())).toEqual([]);
    expect(changesBetween(draft(), draft({ tools: ["b", "a"], limits: { max_steps: 9, max_tokens: null, max_seconds: 120, max_cost: null } })).map((one) => one.field)).toEqual(["tools", "limits"]);
  });
  it("shows a limit of cost to its last digit", () => {
    const limits = { ...draft().limits, max_cost: { amount: "0.125", currency: "USD" } };
    expect(changesBetween(draft(), draft({ limits }))[0]?.lines.filter((line) => line.kind !== "same").map((line) => line.text)).toEqual(["Cost: no limit", "Cost: 0.125 USD"]);
  });
  it("does not care in which order tools were picked", () => expect(changesBetween(draft({ tools: ["a", "b"] }), draft({ tools: ["b", "a"] }))).toEqual([]));
});
