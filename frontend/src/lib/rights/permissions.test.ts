import { describe, expect, it } from "vitest";
import document from "../../../openapi.json";
import { forTokens, inShort, onlyReads, rightGroups } from "./permissions";

const all = document.components.schemas.PermissionEnum.enum as string[];

describe("permissions in words", () => {
  it("name every permission of the server once, each in its group under a word of its own", () => {
    const groups = rightGroups(all);
    expect(groups.flatMap((group) => group.rights.map((right) => right.permission)).sort()).toEqual([...all].sort());
    for (const group of groups) expect(new Set(group.rights.map((right) => right.word)).size, group.label).toBe(group.rights.length);
  });
  it("have words of ours, not the server's names", () => {
    for (const group of rightGroups(all)) {
      expect(group.label).not.toBe(group.resource);
      for (const right of group.rights) expect(right.word).not.toContain("_");
    }
  });
  it("show what this client does not know yet", () => {
    expect(rightGroups(["moon.walk_any"])).toEqual([{ resource: "moon", label: "moon", rights: [{ permission: "moon.walk_any", word: "walk any" }] }]);
  });
  it("begin with looking", () => expect(rightGroups(["agent.delete", "agent.view", "agent.edit"])[0]?.rights.map((right) => right.word)).toEqual(["see", "change", "delete"]));
});

describe("scopes of tokens", () => {
  it("leave out what no token can carry", () => expect(forTokens(["agent.view", "api_token.edit", "sso.edit"])).toEqual(["agent.view"]));
  it("read only is looking, and no export", () => {
    expect(onlyReads("run.view_any")).toBe(true);
    expect(onlyReads("audit.export")).toBe(false);
    expect(onlyReads("agent.edit")).toBe(false);
  });
  it("are told in short", () => {
    expect(inShort(["agent.view", "agent.run", "sso.edit"], ["agent.view", "agent.run", "sso.edit"])).toBe("May do everything that its holder may");
    expect(inShort(["agent.view"], ["agent.view", "agent.run"])).toBe("Reads everything that its holder may see");
    expect(inShort(["agent.view"], ["agent.view", "run.view"])).toBe("Reads agents");
    expect(inShort(["agent.view", "agent.run", "run.create"], ["x.y"])).toBe("May use agents, runs");
    expect(inShort(["agent.view", "run.view", "tool.view", "role.view", "group.view"], ["x.y"])).toBe("Reads agents, runs and 3 more");
    expect(inShort([], ["x.y"])).toBe("May do nothing");
  });
});
