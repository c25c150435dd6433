import { describe, expect, it } from "vitest";
import { allowed, sectionAt, workspaces, yours } from "./sections";

describe("sections of the settings", () => {
  it("have addresses of their own", () => {
    const all = [...yours, ...workspaces].map((one) => one.href);
    expect(new Set(all).size).toBe(all.length);
    for (const href of all) expect(sectionAt(href)?.href).toBe(href);
    expect(sectionAt("/settings/")).toBeUndefined();
  });
  it("are offered to those who may see them", () => {
    const nobody = () => false;
    expect(allowed(workspaces, nobody)).toEqual([]);
    expect(allowed(yours, nobody).map((one) => one.label)).toEqual(["Profile", "Sign-in security", "Sessions and devices", "Your data"]);
    expect(allowed(workspaces, (one) => one === "audit.view").map((one) => one.label)).toEqual(["Audit log"]);
  });
});
