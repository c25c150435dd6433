import { describe, expect, it } from "vitest";
import type { Retention } from "@/lib/api/types";
import { changesIn, deletesMore, textOf } from "./retention";

const kept: Retention = { conversation_days: null, run_days: 90, installation_run_days: null, usage_days: null, trash_days: 30, updated_at: "" };

describe("retention", () => {
  it("shows for ever as an empty box", () => expect(textOf(kept)).toEqual({ conversation_days: "", run_days: "90", usage_days: "", trash_days: "30" }));
  it("sends only what changed", () => {
    expect(changesIn(kept, textOf(kept))).toEqual({});
    expect(changesIn(kept, { ...textOf(kept), conversation_days: "365", run_days: "" })).toEqual({ conversation_days: 365, run_days: null });
    expect(changesIn(kept, { ...textOf(kept), trash_days: " " })).toEqual({});
  });
  it("knows which change deletes", () => {
    expect(deletesMore(kept, { conversation_days: 365 })).toBe(true);
    expect(deletesMore(kept, { run_days: 30 })).toBe(true);
    expect(deletesMore(kept, { run_days: 400 })).toBe(false);
    expect(deletesMore(kept, { run_days: null })).toBe(false);
    expect(deletesMore(kept, {})).toBe(false);
  });
  it("knows what the installation does where the workspace says nothing", () => {
    const held: Retention = { ...kept, installation_run_days: 60 };
    expect(deletesMore(held, { run_days: null })).toBe(true);
    expect(deletesMore({ ...held, run_days: null }, { run_days: 90 })).toBe(false);
    expect(deletesMore({ ...held, run_days: null }, { run_days: 30 })).toBe(true);
  });
});
