import { describe, expect, it } from "vitest";
import { emptyDraft, endOf, inputOf, missing, networksOf, scopesOf, stateOf, type TokenDraft } from "./token-draft";

const held = ["agent.view", "agent.run", "run.view", "api_token.edit"];
const now = new Date("2026-03-01T12:00:00Z");
const draft = (over: Partial<TokenDraft>): TokenDraft => ({ ...emptyDraft, name: "CI", ...over });

describe("the draft of a token", () => {
  it("comes to what its holder may do and a token can carry", () => {
    expect(scopesOf(draft({ reach: "read" }), held)).toEqual(["agent.view", "run.view"]);
    expect(scopesOf(draft({ reach: "all" }), held)).toEqual(["agent.view", "agent.run", "run.view"]);
    expect(scopesOf(draft({ reach: "some", scopes: ["agent.run", "api_token.edit", "audit.view"] }), held)).toEqual(["agent.run"]);
  });
  it("ends after days, at the end of a day, or never", () => {
    expect(endOf(draft({ lifetime: "30" }), now)).toBe("2026-03-31T12:00:00.000Z");
    expect(endOf(draft({ lifetime: "never" }), now)).toBeNull();
    expect(new Date(endOf(draft({ lifetime: "date", date: "2026-06-01" }), now) ?? "").getHours()).toBe(23);
  });
  it("reads networks however they are set apart", () => expect(networksOf(" 192.0.2.0/24,\n2001:db8::1 \n")).toEqual(["192.0.2.0/24", "2001:db8::1"]));
  it("sends only what was said", () => {
    expect(inputOf(draft({ lifetime: "never" }), held, now)).toEqual({ name: "CI", scopes: ["agent.view", "run.view"], expires_at: null });
    expect(inputOf(draft({ limited: true, agents: ["agt_1"], networks: "192.0.2.7", rate: " 60 " }), held, now)).toMatchObject({ objects: ["agt_1"], networks: ["192.0.2.7"], per_minute: 60 });
  });
  it("says what is missing", () => {
    expect(missing(draft({ name: " " }), held)).toMatch("name");
    expect(missing(draft({ reach: "some" }), held)).toMatch("may do");
    expect(missing(draft({ limited: true }), held)).toMatch("agents");
    expect(missing(draft({ lifetime: "date" }), held)).toMatch("day");
    expect(missing(draft({}), held)).toBeNull();
  });
});

describe("the state of a token", () => {
  it("is live until it was revoked or its end came", () => {
    expect(stateOf({ revoked_at: null, expires_at: null }, now)).toBe("live");
    expect(stateOf({ revoked_at: null, expires_at: "2026-03-01T12:00:00Z" }, now)).toBe("expired");
    expect(stateOf({ revoked_at: "2026-01-01T00:00:00Z", expires_at: "2026-01-02T00:00:00Z" }, now)).toBe("revoked");
  });
});
