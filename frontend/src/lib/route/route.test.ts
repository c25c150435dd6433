import { describe, expect, it } from "vitest";
import { doorTo, isOpen, isPassed } from "./doors";
import { safeNext } from "./safe-next";
import { idInPath } from "./use-route-id";

describe("safeNext", () => {
  it("keeps paths of this site", () => expect(safeNext("/chats/cnv_1/?a=1")).toBe("/chats/cnv_1/?a=1"));
  it("refuses every way to another origin", () => {
    for (const bad of [null, "", "https://evil.test", "//evil.test", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)"]) expect(safeNext(bad)).toBe("/");
  });
  it("does not loop", () => { for (const door of ["/sign-in/?next=/", "/setup/", "/second-factor/"]) expect(safeNext(door)).toBe("/"); });
  it("leads back to an invitation", () => expect(safeNext("/invitation/")).toBe("/invitation/"));
});

describe("doors", () => {
  it("lets strangers stay where links of mails lead", () => {
    for (const door of ["/sign-in/", "/forgot-password/", "/reset-password/", "/invitation", "/confirm-email/"]) expect(isOpen(door)).toBe(true);
    for (const inside of ["/", "/chats/", "/settings/security/", "/second-factor/"]) expect(isOpen(inside)).toBe(false);
  });
  it("names where to go behind them, but not the start", () => {
    expect(doorTo("/sign-in/", "/usage/?days=7")).toBe("/sign-in/?next=%2Fusage%2F%3Fdays%3D7");
    expect(doorTo("/second-factor/", "/")).toBe("/second-factor/");
    expect(isPassed("/second-factor/")).toBe(true);
  });
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
