import { describe, expect, it } from "vitest";
import { safeNext } from "./safe-next";
import { idInPath } from "./use-route-id";

describe("safeNext", () => {
  it("keeps paths of this site", () => expect(safeNext("/chats/cnv_1/?a=1")).toBe("/chats/cnv_1/?a=1"));
  it("refuses every way to another origin", () => {
    for (const bad of [null, "", "https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)"]) expect(safeNext(bad)).toBe("/");
  });
  it("does not loop", () => expect(safeNext("/sign-in/?next=/")).toBe("/"));
});

describe("idInPath", () => {
  it("reads the id of its own section only", () => {
    expect(idInPath("/chats/cnv_1/", "chats")).toBe("cnv_1");
    expect(idInPath("/chats/", "chats")).toBeNull();
    expect(idInPath("/chats/_/", "chats")).toBeNull();
    expect(idInPath("/runs/run_1/", "chats")).toBeNull();
    expect(idInPath("/chats/%E0%A4%A/", "chats")).toBeNull();
  });
});
