import { describe, expect, it } from "vitest";
import type { Decision } from "@/lib/api/types";
import { decidedWords, isMine, waitingWords } from "./decision-words";

const anna = { id: "usr_1", email: "anna@example.com", name: "Anna" };
const decision = (over: Partial<Decision>): Decision => ({
  id: "dec_1", kind: "question", status: "resolved", run: "run_1", conversation: "cnv_1", agent: { id: "agt_1", name: "Guide" }, started_by: anna,
  call: "c1", tool: "ask_person", arguments: {}, prompt: "Red or blue?", options: [], resolutions: ["answer", "decline"],
  resolution: "answer", result: "blue", reason: null, resolved_by: anna, resolved_at: "2026-11-22T10:00:00Z", created_at: "2026-11-22T10:00:00Z", ...over,
});

describe("decidedWords", () => {
  it("says who decided what", () => {
    expect(decidedWords(decision({}), "usr_1")).toBe("You answered: “blue”");
    expect(decidedWords(decision({}), "usr_2")).toBe("Anna answered: “blue”");
    expect(decidedWords(decision({ resolved_by: null, resolution: "decline" }), "usr_1")).toBe("Somebody chose not to answer.");
    expect(decidedWords(decision({ resolution: "happened", result: null }), "usr_1")).toBe("You said that it happened.");
    expect(decidedWords(decision({ status: "expired", resolution: null }), "usr_1")).toBe("The run ended before this was decided.");
  });
  it("keeps a long answer short", () => expect(decidedWords(decision({ result: "x".repeat(5_000) }), "usr_1").length).toBeLessThan(230));
});

describe("isMine", () => {
  it("knows a repeat of the same decision by the same person, and nothing else", () => {
    expect(isMine(decision({}), "usr_1", "answer", "blue")).toBe(true);
    expect(isMine(decision({ resolution: "decline", result: null }), "usr_1", "decline", undefined)).toBe(true);
    expect(isMine(decision({}), "usr_1", "answer", "red")).toBe(false);
    expect(isMine(decision({}), "usr_2", "answer", "blue")).toBe(false);
    expect(isMine(decision({ status: "open" }), "usr_1", "answer", "blue")).toBe(false);
  });
});

describe("waitingWords", () => {
  it("names the person when it is not the reader", () => {
    expect([waitingWords(anna, "usr_1"), waitingWords(anna, "usr_2"), waitingWords(null, "usr_2")]).toEqual(["Waiting for you", "Waiting for Anna", "Waiting for you"]);
  });
});
