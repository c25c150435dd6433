import { describe, expect, it, vi } from "vitest";
import type { Tagged } from "@/lib/api/client";
import { Problem } from "@/lib/api/problem";
import type { Agent, AgentInput } from "@/lib/api/types";
import { DraftEditor, type Values } from "./draft-editor";

const agent = (over: Partial<Agent> = {}): Agent => ({
  id: "a", name: "Guide", description: "", owner: { id: "u", email: "e", name: "" }, published: null, changes: [], permissions: ["edit"], visibility: "workspace", revision: 1,
  draft: { instructions: "old", model: "m", model_name: "demo", tools: [], limits: { max_steps: 8, max_tokens: null, max_seconds: 120, max_cost: null }, starters: [] },
  created_at: "", updated_at: "", ...over,
});
const applied = (input: AgentInput, revision: number, onto = agent()): Tagged<Agent> => {
  const base = { ...onto, revision };
  return { value: { ...base, name: input.name ?? base.name, draft: { ...base.draft, instructions: input.instructions ?? base.draft.instructions } }, etag: `"${revision}"` };
};
const conflict = () => new Problem(412, "precondition_failed", "Changed elsewhere", "changed", null, [], {});

describe("DraftEditor", () => {
  it("sends only what changed, with the newest tag", async () => {
    let held = agent();
    const save = vi.fn((input: AgentInput, etag: string) => {
      void etag;
      const tagged = applied(input, held.revision + 1, held);
      held = tagged.value;
      return Promise.resolve(tagged);
    });
    const editor = new DraftEditor({ value: agent(), etag: '"1"' }, save, vi.fn());
    editor.edit({ instructions: "new" });
    await editor.flush();
    expect(save).toHaveBeenLastCalledWith({ instructions: "new" }, '"1"');
    editor.edit({ name: "Scout" });
    await editor.flush();
    expect(save.mock.lastCall?.[1]).toBe('"2"');
    expect(editor.state.phase).toBe("saved");
  });
  it("keeps what is typed while a save is under way, and saves that too", async () => {
    const sent: AgentInput[] = [];
    const editor: DraftEditor = new DraftEditor({ value: agent(), etag: '"1"' }, (input) => {
      sent.push(input);
      if (sent.length === 1) editor.edit({ instructions: "new and more" });
      return Promise.resolve(applied(input, sent.length + 1));
    }, vi.fn());
    editor.edit({ instructions: "new" });
    await editor.flush();
    expect(sent).toEqual([{ instructions: "new" }, { instructions: "new and more" }]);
    expect(editor.state.values.instructions).toBe("new and more");
  });
  it("keeps both texts on a conflict and overwrites only when told to", async () => {
    let fail = true;
    const tags: string[] = [];
    const editor = new DraftEditor({ value: agent(), etag: '"1"' }, (input, etag) => {
      tags.push(etag);
      return fail ? Promise.reject(conflict()) : Promise.resolve(applied(input, 8));
    }, () => Promise.resolve(applied({ instructions: "theirs" }, 7)));
    editor.edit({ instructions: "mine" });
    await expect(editor.flush()).rejects.toBeInstanceOf(Problem);
    expect([editor.state.phase, editor.state.values.instructions]).toEqual(["conflict", "mine"]);
    fail = false;
    await editor.keepMine();
    expect([editor.state.phase, editor.state.values.instructions, tags]).toEqual(["saved", "mine", ['"1"', '"7"']]);
  });
  describe("after somebody else saved", () => {
    const theirs = applied({ instructions: "theirs", name: "Their name" }, 7);
    const inConflict = async (shelved: Partial<Values>[] = []) => {
      const sent: { input: AgentInput; etag: string }[] = [];
      const shelf = { texts: shelved, read: () => shelf.texts, write: (texts: Values[]) => { shelf.texts = texts; } };
      const editor = new DraftEditor({ value: agent(), etag: '"1"' }, (input, etag) => {
        sent.push({ input, etag });
        return etag === '"1"' ? Promise.reject(conflict()) : Promise.resolve(applied(input, 8, theirs.value));
      }, () => Promise.resolve(theirs), shelf);
      editor.edit({ instructions: "mine" });
      await expect(editor.flush()).rejects.toBeInstanceOf(Problem);
      return { editor, sent, shelf };
    };
    it("shows theirs with mine still in the form, and only my own change on top of it", async () => {
      const { editor } = await inConflict();
      await editor.showTheirs();
      expect([editor.state.phase, editor.state.values.instructions, editor.state.values.name]).toEqual(["conflict", "mine", "Their name"]);
      expect(editor.state.agent.draft.instructions).toBe("theirs");
    });
    it("takes theirs and puts mine aside, from where it comes back unsaved and is saved when told to", async () => {
      const { editor, sent, shelf } = await inConflict();
      await editor.takeTheirs();
      expect([editor.state.phase, editor.state.values.instructions, editor.state.aside.map((one) => one.instructions)]).toEqual(["saved", "theirs", ["mine"]]);
      await editor.backToMine();
      expect([editor.state.phase, editor.state.values.instructions, sent.length]).toEqual(["conflict", "mine", 1]);
      await editor.keepMine();
      expect([editor.state.phase, sent.at(-1)]).toEqual(["saved", { input: { instructions: "mine" }, etag: '"7"' }]);
      expect([editor.state.aside, shelf.texts]).toEqual([[], []]);
    });
    it("finds its unsaved text again when the screen opens anew", async () => {
      const { shelf } = await inConflict();
      const again = new DraftEditor(theirs, vi.fn(), vi.fn(), shelf);
      expect([again.state.phase, again.state.values.instructions, again.state.aside[0]?.instructions]).toEqual(["saved", "theirs", "mine"]);
      again.dropMine();
      expect(shelf.texts).toEqual([]);
    });
  });
  it("keeps the text when a save fails", async () => {
    const editor = new DraftEditor({ value: agent(), etag: '"1"' }, () => Promise.reject(new Problem(400, "invalid", "", "", null, [{ field: "name", code: "too_long", message: "Too long" }], {})), vi.fn());
    editor.edit({ name: "x" });
    await expect(editor.flush()).rejects.toBeInstanceOf(Problem);
    expect([editor.state.phase, editor.state.values.name, editor.state.problem?.field("name")]).toEqual(["failed", "x", "Too long"]);
  });
});
