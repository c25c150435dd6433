import { describe, expect, it } from "vitest";
import { atMost, ceilingWords, levels, levelWords, reasonWords } from "./sharing-words";

describe("levels of sharing", () => {
  it("have words for each kind of thing", () => {
    for (const kind of ["agent", "conversation", "provider"] as const) expect(new Set(levels.map((level) => levelWords(kind, level).name)).size).toBe(4);
  });
  it("come to the highest", () => {
    expect(atMost(["view", "edit", "run"])).toBe("edit");
    expect(atMost([])).toBeNull();
  });
});

describe("why somebody has access", () => {
  it("is said with who gave it", () => {
    expect(reasonWords("agent", { why: "group", level: "edit", by: "Sales" })).toBe("Shared with the group Sales: can change");
    expect(reasonWords("agent", { why: "role", level: "manage", by: "admin" })).toBe("As admin they reach all of them: can manage");
    expect(reasonWords("conversation", { why: "owner", level: "manage", by: null })).toBe("It is their chat: can manage");
  });
  it("says where the role is the ceiling", () => {
    const given = [{ why: "grant" as const, level: "edit" as const, by: null }];
    expect(ceilingWords("agent", { role: "viewer", can: ["view"], reasons: given })).toBe("The role Viewer allows no more than “can see”.");
    expect(ceilingWords("agent", { role: "auditor", can: [], reasons: given })).toBe("The role Auditor allows none of it.");
    expect(ceilingWords("agent", { role: "builder", can: ["view", "run", "edit"], reasons: given })).toBeNull();
    expect(ceilingWords("agent", { role: "viewer", can: [], reasons: [] })).toBeNull();
  });
});
