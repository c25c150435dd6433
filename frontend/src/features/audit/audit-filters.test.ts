import { describe, expect, it } from "vitest";
import { actorWords, asQuery, isNarrowed, kindWords, noFilters } from "./audit-filters";

describe("filters of the audit log", () => {
  it("send only what was chosen", () => {
    expect(Object.values(asQuery(noFilters)).every((value) => value === undefined)).toBe(true);
    expect(isNarrowed(noFilters)).toBe(false);
    expect(asQuery({ ...noFilters, q: " agent. ", outcome: "denied" })).toMatchObject({ q: "agent.", outcome: "denied", kind: undefined });
    expect(isNarrowed({ ...noFilters, from: "2026-03-01" })).toBe(true);
  });
  it("take whole days", () => {
    const { since, until } = asQuery({ ...noFilters, from: "2026-02-28", to: "2026-02-28" });
    expect(Date.parse(String(until)) - Date.parse(String(since))).toBe(86_400_000);
    expect(asQuery({ ...noFilters, from: "nonsense" }).since).toBeUndefined();
  });
});

describe("entries in words", () => {
  it("say what was done to what", () => {
    expect(kindWords("api_token.create")).toBe("API token: create");
    expect(kindWords("session.sign_in")).toBe("Session: sign in");
    expect(kindWords("odd")).toBe("Odd");
  });
  it("name whoever acted", () => {
    expect(actorWords({ kind: "user", id: "usr_1", label: "ann@example.com" })).toBe("ann@example.com");
    expect(actorWords({ kind: "system", id: null, label: "system" })).toBe("The server");
    expect(actorWords({ kind: "moon", id: null, label: "" })).toBe("moon");
  });
});
